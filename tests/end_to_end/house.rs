//! The rules of the house that a machine can check: who may depend on what.

use std::process::Command;

/// Everything that a package is built from.
fn tree(package: &str) -> String {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let arguments =
        ["tree", "--offline", "--locked", "--edges", "normal,build", "--prefix", "none", "-p", package];
    let output =
        Command::new(cargo).args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn needs(package: &str, dependency: &str) -> bool {
    tree(package).lines().any(|line| line.starts_with(dependency))
}

#[test]
fn only_those_that_talk_to_temporal_are_built_with_its_client() {
    for package in [
        "proto",
        "domain",
        "routing",
        "schedules",
        "webhooks",
        "bus",
        "telemetry",
        "service",
        "servers",
        "ingress",
    ] {
        assert!(!needs(&format!("signalbox-{package}"), "temporalio"), "{package}");
    }
    assert!(!needs("signalbox-workflows", "temporalio-client"));
    assert!(needs("signalbox-temporal", "temporalio-client"), "or this test sees nothing");
}

#[test]
fn pure_crates_have_no_runtime_and_no_client() {
    for package in ["proto", "domain", "routing", "schedules", "webhooks"] {
        for client in ["tokio ", "async-nats", "axum", "reqwest"] {
            assert!(!needs(&format!("signalbox-{package}"), client), "{package} needs {client}");
        }
    }
}

#[test]
fn services_never_depend_on_each_other() {
    let services =
        ["signalbox-ingress", "signalbox-signal-router", "signalbox-scheduler-manager", "signalbox-worker"];
    for one in services {
        for other in services.iter().filter(|other| **other != one) {
            assert!(!needs(one, other), "{one} needs {other}");
        }
    }
}
