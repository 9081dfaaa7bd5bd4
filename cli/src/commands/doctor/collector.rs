use std::time::Duration;

use reqwest::Url;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::Finding;

const CHECK: &str = "collector";
const CONNECT_WITHIN: Duration = Duration::from_secs(3);

/// Whether somebody listens where traces go.
pub async fn examine(endpoint: Option<&str>) -> Vec<Finding> {
    let Some(endpoint) = endpoint else {
        return vec![Finding::ok(CHECK, "none is set, so nothing is traced")];
    };
    let Some((host, port)) = address(endpoint) else {
        let advice = "write it as http://localhost:4317 in OTEL_EXPORTER_OTLP_ENDPOINT";
        return vec![Finding::fault(CHECK, format!("`{endpoint}` is no address"), advice)];
    };
    let why = match timeout(CONNECT_WITHIN, TcpStream::connect((host.as_str(), port))).await {
        Ok(Ok(_)) => return vec![Finding::ok(CHECK, format!("{endpoint} listens"))],
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("no answer within {} s", CONNECT_WITHIN.as_secs()),
    };
    let advice =
        "start it, or unset OTEL_EXPORTER_OTLP_ENDPOINT; until then traces are lost, and nothing else";
    vec![Finding::warning(CHECK, format!("{endpoint}: {why}"), advice)]
}

fn address(endpoint: &str) -> Option<(String, u16)> {
    let url: Url = endpoint.parse().ok()?;
    // The port of OTLP over gRPC, where the URL names none.
    let port = url.port().unwrap_or(4317);
    Some((url.host_str()?.trim_matches(['[', ']']).to_owned(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_urls() {
        assert_eq!(address("http://localhost:4317"), Some(("localhost".to_owned(), 4317)));
        assert_eq!(address("https://[::1]"), Some(("::1".to_owned(), 4317)));
        assert_eq!(address("localhost"), None);
    }
}
