use axum::{body::Body, http::Version, routing::post};
use http_body_util::BodyExt;
use hyper::client::conn::http2;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

/// What `client` hears of a server whose handler says who is there, and whom the call is for.
async fn of_server<T>(client: impl AsyncFnOnce(TcpStream) -> T) -> T {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().route(
        "/",
        post(async |request: Request| {
            let peer = request.extensions().get::<Peer>().map(|peer| peer.0.ip().to_string());
            let host = request.headers().get(header::HOST).map(|host| host.to_str().unwrap().to_owned());
            format!("{} for {}", peer.unwrap_or_default(), host.unwrap_or_default())
        }),
    );
    let stop = CancellationToken::new();
    let server = serve(listener, router, None, stop.clone());
    let client = async {
        let heard = client(TcpStream::connect(address).await.unwrap()).await;
        stop.cancel();
        heard
    };
    tokio::join!(server, client).1
}

/// What a server says to these bytes.
async fn said(head: &str) -> String {
    of_server(async |mut stream| {
        stream.write_all(format!("{head}\r\n").as_bytes()).await.unwrap();
        let mut answer = vec![0; 4096];
        let length = stream.read(&mut answer).await.unwrap();
        String::from_utf8_lossy(&answer[..length]).into_owned()
    })
    .await
}

const START: &str = "POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n";

#[tokio::test]
async fn handlers_know_the_other_end() {
    let answer = said(START).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("127.0.0.1 for localhost"), "{answer}");
}

#[tokio::test]
async fn whom_a_call_is_for_its_target_says_first() {
    let answer = said("POST http://signalbox.example/ HTTP/1.1\r\nHost: localhost\r\n").await;
    assert!(answer.ends_with("127.0.0.1 for signalbox.example"), "{answer}");
}

#[tokio::test]
#[allow(clippy::disallowed_methods, reason = "a test")]
async fn many_calls_share_a_connection_of_http2() {
    let answers = of_server(async |stream| {
        let (sender, connection) =
            http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let call = async || {
            let request = Request::post("http://signalbox.example/").body(Body::empty()).unwrap();
            let answer = sender.clone().send_request(request).await.unwrap();
            let version = answer.version();
            (version, answer.into_body().collect().await.unwrap().to_bytes())
        };
        <[_; 2]>::from(tokio::join!(call(), call()))
    })
    .await;
    for (version, body) in answers {
        assert_eq!((version, &*body), (Version::HTTP_2, &b"127.0.0.1 for signalbox.example"[..]));
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_over_which_nothing_is_said_is_closed() {
    let length = of_server(async |mut stream| stream.read(&mut [0; 64]).await.unwrap()).await;
    assert_eq!(length, 0);
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
