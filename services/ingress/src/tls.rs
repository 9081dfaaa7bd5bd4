//! TLS in the service itself: a certificate that is read again when its files change.

use std::{
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use signalbox_telemetry::Chain;
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    },
};
use tracing::{info, warn};

/// How often the files are looked at.
const EVERY: Duration = Duration::from_secs(30);

/// What is spoken over it (RFC 7301), the preferred first.
const SPOKEN: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// Whether it speaks TLS.
#[derive(Clone, Debug, clap::Args)]
pub struct TlsArgs {
    /// File with the certificate and those that vouch for it, in PEM; with it, TLS is spoken and nothing else
    #[arg(long, env = "SIGNALBOX_TLS_CERT", value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,

    /// File with the certificate's key, in PEM
    #[arg(long, env = "SIGNALBOX_TLS_KEY", value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
}

/// A certificate in use.
pub struct Tls {
    files: Files,
    now: RwLock<(Pems, Arc<ServerConfig>)>,
}

#[derive(Debug)]
struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

/// What the files hold.
#[derive(PartialEq)]
struct Pems {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {0}")]
    Unreadable(PathBuf, #[source] std::io::Error),
    /// A file is not what it should be.
    #[error("cannot use {0}")]
    NotPem(PathBuf, #[source] tokio_rustls::rustls::pki_types::pem::Error),
    /// They do not belong together, or are of a kind that is not spoken.
    #[error("cannot use {0} with its key")]
    Unusable(PathBuf, #[source] tokio_rustls::rustls::Error),
}

impl Tls {
    /// The certificate that the flags name; `None` if they name none.
    ///
    /// # Errors
    /// [`TlsError`].
    pub fn new(args: &TlsArgs) -> Result<Option<Self>, TlsError> {
        let (Some(certificate), Some(key)) = (args.tls_cert.clone(), args.tls_key.clone()) else {
            return Ok(None);
        };
        let files = Files { certificate, key };
        let pems = files.read()?;
        let config = Arc::new(files.config(&pems)?);
        Ok(Some(Self { files, now: RwLock::new((pems, config)) }))
    }

    /// Speaks for the certificate of this moment.
    pub fn acceptor(&self) -> TlsAcceptor {
        Arc::clone(&self.now.read().unwrap_or_else(PoisonError::into_inner).1).into()
    }

    /// Looks at the files again and again, for ever.
    pub async fn follow(&self) {
        loop {
            tokio::time::sleep(EVERY).await;
            self.look();
        }
    }

    /// Takes up what the files hold now. While they cannot be used, what was used before is.
    fn look(&self) {
        match self.changed() {
            Ok(None) => {}
            Ok(Some(changed)) => {
                *self.now.write().unwrap_or_else(PoisonError::into_inner) = changed;
                info!("the certificate has changed");
            }
            Err(error) => warn!(error = %Chain(&error), "the certificate of before stays in use"),
        }
    }

    fn changed(&self) -> Result<Option<(Pems, Arc<ServerConfig>)>, TlsError> {
        let pems = self.files.read()?;
        if pems == self.now.read().unwrap_or_else(PoisonError::into_inner).0 {
            return Ok(None);
        }
        let config = self.files.config(&pems)?;
        Ok(Some((pems, Arc::new(config))))
    }
}

impl Files {
    fn read(&self) -> Result<Pems, TlsError> {
        let read =
            |path: &PathBuf| std::fs::read(path).map_err(|cause| TlsError::Unreadable(path.clone(), cause));
        Ok(Pems { certificate: read(&self.certificate)?, key: read(&self.key)? })
    }

    fn config(&self, pems: &Pems) -> Result<ServerConfig, TlsError> {
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pems.certificate).collect();
        let chain = chain.map_err(|cause| TlsError::NotPem(self.certificate.clone(), cause))?;
        let key = PrivateKeyDer::from_pem_slice(&pems.key);
        let key = key.map_err(|cause| TlsError::NotPem(self.key.clone(), cause))?;
        let unusable = |cause| TlsError::Unusable(self.certificate.clone(), cause);
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(unusable)?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(unusable)?;
        config.alpn_protocols = SPOKEN.map(<[u8]>::to_vec).to_vec();
        Ok(config)
    }
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").field("files", &self.files).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "tls_tests.rs"]
mod tests;
