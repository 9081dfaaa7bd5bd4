//! Whom the client of the API trusts.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use hyper_rustls::ConfigBuilderExt;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::ApiArgs;

/// Why nobody can vouch for the API.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The file cannot be read, or is not PEM.
    #[error("cannot read certificates from {0}")]
    Unreadable(PathBuf, #[source] pem::Error),
    /// A certificate in it is none, or there is none.
    #[error("{0} has no certificate that can be used")]
    Unusable(PathBuf),
    /// This machine trusts nobody.
    #[error("this machine has no certificates; --api-ca names a file with those that vouch for the API")]
    NoneHere(#[source] std::io::Error),
    /// The client cannot be made.
    #[error("cannot speak TLS")]
    Client(#[source] reqwest::Error),
    /// Nor can its settings.
    #[error("cannot speak TLS")]
    Settings(#[source] tokio_rustls::rustls::Error),
}

/// What the client is told of TLS.
pub(super) fn config(args: &ApiArgs) -> Result<ClientConfig, TlsError> {
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Settings)?;
    let config = match &args.api_ca {
        Some(file) => config.with_root_certificates(read(file)?),
        // Nobody is asked to vouch, and nobody needs to be there.
        None if args.api.scheme() == "http" => config.with_root_certificates(RootCertStore::empty()),
        None => config.with_native_roots().map_err(TlsError::NoneHere)?,
    };
    Ok(config.with_no_client_auth())
}

fn read(file: &Path) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    let unreadable = |cause| TlsError::Unreadable(file.to_owned(), cause);
    for certificate in CertificateDer::pem_file_iter(file).map_err(unreadable)? {
        roots.add(certificate.map_err(unreadable)?).map_err(|_| TlsError::Unusable(file.to_owned()))?;
    }
    match roots.is_empty() {
        true => Err(TlsError::Unusable(file.to_owned())),
        false => Ok(roots),
    }
}
