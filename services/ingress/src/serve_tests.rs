use axum::routing::post;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

/// What a server says to these bytes.
async fn said(head: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().route(
        "/",
        post(async |request: Request| {
            let peer = request.extensions().get::<Peer>().map(|peer| peer.0.ip().to_string());
            peer.unwrap_or_default()
        }),
    );
    let stop = CancellationToken::new();
    let server = serve(listener, router, None, stop.clone());
    let client = async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(format!("{head}\r\n").as_bytes()).await.unwrap();
        let mut answer = vec![0; 4096];
        let length = stream.read(&mut answer).await.unwrap();
        stop.cancel();
        String::from_utf8_lossy(&answer[..length]).into_owned()
    };
    tokio::join!(server, client).1
}

const START: &str = "POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n";

#[tokio::test]
async fn handlers_know_the_other_end() {
    let answer = said(START).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("127.0.0.1"), "{answer}");
}

#[tokio::test]
async fn a_head_has_bounds() {
    let fits = format!("{START}X: {}\r\n", "x".repeat(HEAD_AT_MOST / 2));
    assert!(said(&fits).await.starts_with("HTTP/1.1 200"));
    let large = format!("{START}X: {}\r\n", "x".repeat(HEAD_AT_MOST));
    assert!(said(&large).await.starts_with("HTTP/1.1 431"), "too large");
    let many = (0..=HEADERS_AT_MOST).map(|n| format!("X-{n}: 1\r\n")).collect::<String>();
    assert!(said(&format!("{START}{many}")).await.starts_with("HTTP/1.1 431"), "too many");
}
