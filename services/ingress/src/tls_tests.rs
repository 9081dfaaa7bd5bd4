use std::fs;

use axum::{Router, routing::get};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{ClientConfig, RootCertStore},
};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::serve::serve;

/// A certificate in files of its own.
struct Certificate {
    folder: tempfile::TempDir,
    der: CertificateDer<'static>,
}

impl Certificate {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut certificate = Self { folder, der: CertificateDer::from(Vec::new()) };
        certificate.renew();
        certificate
    }

    fn renew(&mut self) {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let args = self.args();
        fs::write(args.tls_cert.unwrap(), cert.pem()).unwrap();
        fs::write(args.tls_key.unwrap(), signing_key.serialize_pem()).unwrap();
        self.der = cert.der().clone();
    }

    fn args(&self) -> TlsArgs {
        let file = |name| Some(self.folder.path().join(name));
        TlsArgs { tls_cert: file("cert.pem"), tls_key: file("key.pem") }
    }
}

/// A connection of a client that trusts this certificate alone, and would speak this.
async fn connected(
    port: u16,
    trusted: &CertificateDer<'static>,
    spoken: &[&[u8]],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = spoken.iter().map(|name| name.to_vec()).collect();
    let stream = TcpStream::connect(("127.0.0.1", port)).await?;
    TlsConnector::from(Arc::new(config)).connect("localhost".try_into().unwrap(), stream).await
}

/// What it hears.
async fn asked(port: u16, trusted: &CertificateDer<'static>) -> std::io::Result<String> {
    let mut stream = connected(port, trusted, &[]).await?;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

#[tokio::test]
async fn a_certificate_is_served_and_renewed_without_a_stop() {
    let mut certificate = Certificate::new();
    let tls = Arc::new(Tls::new(&certificate.args()).unwrap().unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let router = Router::new().route("/", get(async || "over TLS"));
    let stop = CancellationToken::new();
    let server = serve(listener, router, Some(Arc::clone(&tls)), stop.clone());
    let calls = async {
        let first = certificate.der.clone();
        assert!(asked(port, &first).await.unwrap().ends_with("over TLS"));
        let agreed = connected(port, &first, &[b"http/1.1", b"h2"]).await.unwrap();
        assert_eq!(agreed.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        fs::write(certificate.args().tls_cert.unwrap(), "nonsense").unwrap();
        tls.look();
        assert!(asked(port, &first).await.unwrap().ends_with("over TLS"), "that of before stays in use");
        certificate.renew();
        tls.look();
        assert!(asked(port, &first).await.is_err());
        assert!(asked(port, &certificate.der).await.unwrap().ends_with("over TLS"));
        let mut plain = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        plain.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
        let mut answer = Vec::new();
        let _ = plain.read_to_end(&mut answer).await;
        assert!(!String::from_utf8_lossy(&answer).contains("over TLS"));
        stop.cancel();
    };
    tokio::join!(server, calls);
}

#[test]
fn what_cannot_be_used_stops_the_start() {
    let certificate = Certificate::new();
    let mut args = certificate.args();
    args.tls_key = args.tls_cert.clone();
    assert!(matches!(Tls::new(&args), Err(TlsError::NotPem(..))));
    args.tls_key = Certificate::new().args().tls_key;
    assert!(matches!(Tls::new(&args), Err(TlsError::Unreadable(..))), "its folder is gone");
    let other = Certificate::new();
    args.tls_key = other.args().tls_key;
    assert!(matches!(Tls::new(&args), Err(TlsError::Unusable(..))), "the key of another certificate");
    assert!(Tls::new(&TlsArgs { tls_cert: None, tls_key: None }).unwrap().is_none());
}
