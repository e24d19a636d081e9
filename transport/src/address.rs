//! Addresses that are spoken to: https anywhere, http on this machine and to what serves it alone.

use reqwest::Url;

use crate::TransportError;

/// Where a machine of a cloud asks what it may do; what is said there never leaves the machine.
const METADATA: &str = "169.254.169.254";

/// An address that may be fetched.
pub(crate) fn parse(text: &str) -> Result<Url, TransportError> {
    let refused = |reason: String| TransportError::Address { url: shown(text), reason };
    let url = Url::parse(text).map_err(|error| refused(error.to_string()))?;
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_near(&url) => Ok(url),
        "http" => Err(refused("anyone on the way can change what http carries; use https".into())),
        other => Err(refused(format!("`{other}` is not https"))),
    }
}

/// Whether nothing lies between the address and this machine, so that no proxy is asked.
pub(crate) fn is_near(url: &Url) -> bool {
    is_loopback(url) || url.host_str() == Some(METADATA)
}

/// Whether the address is on this very machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host == "localhost" || host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}

/// An address for people: without a password, on one line.
pub fn shown(text: &str) -> String {
    let mut text = text.to_owned();
    if let Ok(mut url) = Url::parse(&text)
        && url.password().is_some()
        && url.set_password(None).is_ok()
    {
        text = url.into();
    }
    text.chars().filter(|c| !c.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use super::{parse, shown};

    #[test]
    fn only_https_and_this_machine_are_spoken_to() {
        for (address, is_taken) in [
            ("https://example.org/x.pack", true),
            ("http://localhost:8080/x.pack", true),
            ("http://127.0.0.1/x.pack", true),
            ("http://127.9.9.9/x.pack", true),
            ("http://[::1]:80/x.pack", true),
            ("http://169.254.169.254/metadata", true),
            ("http://169.254.169.253/metadata", false),
            ("http://example.org/x.pack", false),
            ("http://localhost.example.org/x.pack", false),
            ("http://127.0.0.1.example.org/x.pack", false),
            ("http://0.0.0.0/x.pack", false),
            ("ftp://localhost/x.pack", false),
            ("file:///etc/passwd", false),
            ("x.pack", false),
            ("", false),
        ] {
            assert_eq!(parse(address).is_ok(), is_taken, "{address}");
        }
    }

    #[test]
    fn passwords_are_not_shown() {
        assert_eq!(shown("https://me:secret@example.org/x"), "https://me@example.org/x");
        assert_eq!(shown("https://example.org/x"), "https://example.org/x");
        assert_eq!(shown("https://example\u{1b}[2J"), "https://example[2J");
    }
}
