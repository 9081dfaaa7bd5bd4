//! HTTP on this machine.

use std::sync::Arc;

use reqwest::{Client, ClientBuilder};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::ring};

/// A client of what listens on this machine: there is no proxy on the way, and over TLS nobody is trusted. It also builds
/// where this machine has no certificates.
pub fn local_http() -> ClientBuilder {
    let client = Client::builder().no_proxy();
    let provider = Arc::new(ring::default_provider());
    match ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions() {
        Ok(tls) => {
            let tls = tls.with_root_certificates(RootCertStore::empty()).with_no_client_auth();
            client.tls_backend_preconfigured(tls)
        }
        // Never: the provider has these versions.
        Err(_) => client,
    }
}
