//! A file that arrives in as many tries as it takes.

use std::path::Path;

use reqwest::header::{
    CONTENT_RANGE, ETAG, HeaderMap, HeaderValue, IF_RANGE, LAST_MODIFIED, RANGE,
};
use reqwest::{Response, StatusCode};

use crate::http::{Http, refuse};
use crate::partial::Partial;
use crate::tries::{Failure, Tries};
use crate::{Fetched, TransportError};

/// Bytes after which a connection that breaks has been worth it.
const PROGRESS: u64 = 1 << 20;

/// What is known of a file before it comes.
#[derive(Clone, Copy)]
pub(crate) struct Expected<'a> {
    /// SHA-256, 64 hexadecimal digits in lower case.
    pub(crate) sha256: Option<&'a str>,
    /// Bytes.
    pub(crate) size: Option<u64>,
}

/// Brings to the path `to` what `ask` is answered when it sends the headers it is given. What has
/// arrived waits in `partial`.
pub(crate) async fn download(
    http: &Http<'_>,
    mut partial: Partial,
    to: &Path,
    expected: Expected<'_>,
    ask: impl AsyncFn(HeaderMap) -> Result<Response, Failure>,
) -> Result<Fetched, TransportError> {
    let mut tries = Tries::new(http.request);
    loop {
        let (before, resumed) = (partial.size(), partial.resumed());
        let tried = attempt(http, &mut partial, expected, &ask).await;
        match tried.and_then(|()| check_whole(http, &partial, expected)) {
            Ok(()) => break,
            // The rest may belong to another version than what had arrived before.
            Err(Failure::Final(TransportError::Lie { .. })) if resumed > 0 => {
                partial.restart(None)?;
            }
            Err(Failure::Final(error)) => {
                if matches!(error, TransportError::Lie { .. } | TransportError::TooLarge { .. }) {
                    partial.discard();
                }
                return Err(error);
            }
            Err(passing) => {
                if partial.size() >= before + PROGRESS {
                    tries.renew();
                }
                tries.after(passing).await?;
            }
        }
    }
    let (sha256, size, resumed_from) = (partial.sha256(), partial.size(), partial.resumed());
    partial.publish(to)?;
    Ok(Fetched { path: to.to_owned(), sha256, size, resumed_from })
}

/// Asks for what is missing, and adds it.
async fn attempt(
    http: &Http<'_>,
    partial: &mut Partial,
    expected: Expected<'_>,
    ask: &impl AsyncFn(HeaderMap) -> Result<Response, Failure>,
) -> Result<(), Failure> {
    let mut response = ask(continuation(partial, expected.sha256.is_some())).await?;
    match response.status() {
        StatusCode::PARTIAL_CONTENT if range(&response).0 == Some(partial.size()) => {}
        StatusCode::PARTIAL_CONTENT => {
            return Err(lie(http, "another part of the file than is asked for".into()));
        }
        StatusCode::RANGE_NOT_SATISFIABLE if partial.size() > 0 => {
            if range(&response).1 == Some(partial.size()) {
                return Ok(());
            }
            partial.restart(None)?;
            let refused = refuse(&http.name, &response, &[]).into_error();
            return Err(Failure::passing(refused));
        }
        _ => {
            response = http.succeed(response).await?;
            partial.restart(validator(&response).as_deref())?;
        }
    }
    let rest = response.content_length();
    let total = rest.map(|rest| rest.saturating_add(partial.size()));
    check_size(http, total.unwrap_or_default(), expected)?;
    if let (Some(total), Some(size)) = (total, expected.size)
        && total != size
    {
        return Err(lie(http, format!("{total} bytes, not {size}")));
    }
    let total = expected.size.or(total);
    (http.request.on_progress)(partial.size(), total);
    let append = |chunk: &[u8]| {
        check_size(http, partial.size() + chunk.len() as u64, expected)?;
        partial.append(chunk)?;
        (http.request.on_progress)(partial.size(), total);
        Ok(())
    };
    http.read(&mut response, append).await
}

/// Headers that ask for the rest, if the server can be asked to go on with the same version, or the
/// digest tells whether it was.
fn continuation(partial: &Partial, is_digest_known: bool) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let validator = partial.validator().and_then(|text| HeaderValue::from_str(&text).ok());
    if partial.size() == 0 || (validator.is_none() && !is_digest_known) {
        return headers;
    }
    if let Ok(range) = HeaderValue::from_str(&format!("bytes={}-", partial.size())) {
        headers.insert(RANGE, range);
        headers.extend(validator.map(|validator| (IF_RANGE, validator)));
    }
    headers
}

/// What tells this version of the file from others: its strong entity tag, else its date.
fn validator(response: &Response) -> Option<String> {
    let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
    let strong = header(ETAG).filter(|tag| !tag.starts_with("W/"));
    strong.or_else(|| header(LAST_MODIFIED)).map(str::to_owned)
}

/// First byte of the part that is sent, and bytes of the whole: `bytes FIRST-LAST/WHOLE`.
fn range(response: &Response) -> (Option<u64>, Option<u64>) {
    let header = response.headers().get(CONTENT_RANGE).and_then(|value| value.to_str().ok());
    let Some((part, whole)) =
        header.and_then(|range| range.strip_prefix("bytes ")?.split_once('/'))
    else {
        return (None, None);
    };
    (part.split_once('-').and_then(|(first, _)| first.parse().ok()), whole.parse().ok())
}

fn check_size(http: &Http<'_>, size: u64, expected: Expected<'_>) -> Result<(), Failure> {
    let limit = http.request.limit;
    if size > limit {
        return Err(TransportError::TooLarge { url: http.name.clone(), limit }.into());
    }
    match expected.size {
        Some(promised) if size > promised => Err(lie(http, format!("more than {promised} bytes"))),
        _ => Ok(()),
    }
}

fn check_whole(http: &Http<'_>, partial: &Partial, expected: Expected<'_>) -> Result<(), Failure> {
    let (size, sha256) = (partial.size(), partial.sha256());
    if let Some(promised) = expected.size.filter(|promised| *promised != size) {
        return Err(lie(http, format!("{size} bytes, not {promised}")));
    }
    match expected.sha256 {
        Some(promised) if promised != sha256 => {
            Err(lie(http, format!("its SHA-256 is `{sha256}`, not `{promised}`")))
        }
        _ => Ok(()),
    }
}

fn lie(http: &Http<'_>, reason: String) -> Failure {
    TransportError::Lie { url: http.name.clone(), reason }.into()
}
