//! Compiles the `.proto` files with protox, so that no system `protoc` is needed.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let files = [
        "event", "start", "matching", "command", "outcome", "lookup", "schedule", "routes", "redrive",
        "replay", "api_key",
    ]
    .map(|name| format!("signalbox/v1/{name}.proto"));
    println!("cargo:rerun-if-changed=signalbox");
    let descriptors = protox::compile(files, ["."])?;
    prost_build::Config::new().btree_map(["."]).bytes(["."]).compile_fds(descriptors)?;
    Ok(())
}
