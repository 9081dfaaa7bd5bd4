//! Addresses of servers, as they may be printed.

use url::Url;

/// Addresses without the passwords in them.
pub fn shown(urls: &str) -> String {
    let one = |url: &str| match Url::parse(url) {
        Ok(mut url) if url.password().is_some() || !url.username().is_empty() => {
            // It fails for what has no host, and that has no password either.
            let _ = url.set_username("").and_then(|()| url.set_password(None));
            url.to_string()
        }
        // Without a scheme, all before the @ may be a secret.
        _ => url.rsplit('@').next().unwrap_or_default().to_owned(),
    };
    urls.split(',').map(|url| one(url.trim())).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_not_shown() {
        assert_eq!(shown("nats://127.0.0.1:4222"), "nats://127.0.0.1:4222");
        assert_eq!(shown("nats://me:hush@a:1, b:2,me:hush@c"), "nats://a:1, b:2, c");
        assert!(!shown("tls://token@host:4222").contains("token"));
    }
}
