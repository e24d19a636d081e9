//! What the network says, as a sentence.

use std::error::Error;
use std::io;
use std::time::Duration;

use reqwest::Response;
use reqwest::header::RETRY_AFTER;
use serde_json::Value;

use crate::TransportError;
use crate::tries::Failure;

/// Why a request or the reading of its answer failed; `arrived` bytes of it had come.
pub(super) fn of(url: &str, error: &reqwest::Error, arrived: Option<u64>) -> Failure {
    let url = url.to_owned();
    if let Some(reason) = certificate(error) {
        return TransportError::Untrusted { url, reason }.into();
    }
    let reason = match arrived {
        Some(bytes) => format!("the connection broke after {bytes} bytes"),
        None => cause(error),
    };
    let error_of_ours = error.is_builder();
    let error = TransportError::Unreachable { url, reason };
    if error_of_ours { error.into() } else { Failure::passing(error) }
}

/// An answer that says no; `said` is its content.
pub(crate) fn refuse(url: &str, response: &Response, said: &[u8]) -> Failure {
    let status = response.status();
    let (code, url) = (status.as_u16(), url.to_owned());
    let mut told = match status.canonical_reason() {
        Some(reason) => format!("{code} {reason}"),
        None => code.to_string(),
    };
    if let Some(reason) = registry_reason(said) {
        told = format!("{told} ({reason})");
    }
    if !matches!(code, 408 | 425 | 429 | 500 | 502..=504) {
        return TransportError::Status { url, status: told }.into();
    }
    let after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    let pause = after.and_then(|text| text.trim().parse().ok()).map(Duration::from_secs);
    if let Some(pause) = pause {
        told = format!("{told}, and asks to come back in {} s", pause.as_secs());
    }
    Failure::Passing { error: TransportError::Status { url, status: told }, pause }
}

/// The innermost cause, which is the one that people can do something about.
pub(super) fn cause(error: &reqwest::Error) -> String {
    let last = chain(error).last().map(ToString::to_string).unwrap_or_default();
    match last.strip_prefix("failed to lookup address information: ") {
        Some(reason) => format!("its host has no address ({reason})"),
        None => last,
    }
}

/// What is wrong with the server's certificate, if that is the cause.
fn certificate(error: &reqwest::Error) -> Option<String> {
    chain(error).find_map(|cause| match cause.downcast_ref::<rustls::Error>()? {
        rustls::Error::InvalidCertificate(reason) => {
            Some(format!("its certificate is invalid ({reason})"))
        }
        _ => None,
    })
}

fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| {
        // An `io::Error` that wraps another passes over it in `source`.
        match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(wrapped) => Some(wrapped as &(dyn Error + 'static)),
            None => error.source(),
        }
    })
}

/// The first message of a registry's error, which is JSON.
fn registry_reason(said: &[u8]) -> Option<String> {
    let said: Value = serde_json::from_slice(said).ok()?;
    let message = said["errors"][0]["message"].as_str()?;
    let message: String = message.chars().filter(|c| !c.is_control()).take(200).collect();
    (!message.is_empty()).then_some(message)
}

#[cfg(test)]
mod tests {
    use super::registry_reason;

    #[test]
    fn registries_say_why() {
        for (said, reason) in [
            (
                r#"{"errors": [{"code": "X", "message": "manifest unknown"}]}"#,
                Some("manifest unknown"),
            ),
            (r#"{"errors": [{"message": "\u001b[2Jgone"}]}"#, Some("[2Jgone")),
            (r#"{"errors": []}"#, None),
            ("<html>", None),
        ] {
            assert_eq!(registry_reason(said.as_bytes()).as_deref(), reason, "{said}");
        }
    }
}
