//! The API over TLS, as the command line calls it.

use std::fs;

use anyhow::ensure;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use signalbox_testkit::{Service, Stack, eventually};

use crate::{SIGNALBOX, SOON, cli::Cli, unique};

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_calls_over_tls_whom_it_trusts() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).display().to_string();
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    fs::write(file("cert.pem"), cert.pem()).unwrap();
    fs::write(file("key.pem"), signing_key.serialize_pem()).unwrap();
    let mut stack = Stack::start(SIGNALBOX).await.unwrap();
    stack.set("SIGNALBOX_TLS_CERT", file("cert.pem"));
    stack.set("SIGNALBOX_TLS_KEY", file("key.pem"));
    let (_ingress, api) = stack.launch_another(Service::Ingress).unwrap();

    let cli =
        Cli::to(&stack).with("SIGNALBOX_API", api.url("").replace("http://127.0.0.1", "https://localhost"));
    let trusting = cli.clone().with("SIGNALBOX_API_CA", file("cert.pem"));
    eventually(SOON, async || {
        let told = trusting.run(&["ready"]).await;
        ensure!(told.code == 0, "{told:?}");
        Ok(())
    })
    .await;
    assert_eq!(trusting.json(&["trigger", &unique("over-tls")]).await["status"], "started");

    // It is nobody's that this machine knows, nor is the key a certificate.
    let told = cli.run(&["ready"]).await;
    assert_eq!((told.code, told.stderr.contains("cannot reach the API")), (5, true), "{told:?}");
    let told = cli.with("SIGNALBOX_API_CA", file("key.pem")).run(&["ready"]).await;
    assert_eq!(
        (told.code, told.stderr.contains("has no certificate that can be used")),
        (64, true),
        "{told:?}"
    );
}
