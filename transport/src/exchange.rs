//! One request to a service, with its content in memory, and whatever the service answers.

use std::path::PathBuf;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Body, Method, Url};

use crate::http::Http;
use crate::tries::Failure;
use crate::{Request, TransportError, address, runtime};

/// What a service is asked.
pub struct Ask<'a> {
    /// Method, such as `PUT`.
    pub method: &'a str,
    /// Where: https, or http of this very machine. Errors tell it without its query.
    pub url: &'a str,
    /// Headers by name; none of their values is ever told.
    pub headers: &'a [(String, String)],
    /// Content; none is sent when it is left out.
    pub content: Option<Vec<u8>>,
    /// Bytes of the answer at most.
    pub limit: u64,
    /// Longest time without an answer or a byte of it.
    pub patience: Duration,
    /// Whether the user wants to stop.
    pub is_cancelled: &'a dyn Fn() -> bool,
}

/// What a service answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// Headers by name in lower case; those that are no text are left out.
    pub headers: Vec<(String, String)>,
    /// Content.
    pub content: Vec<u8>,
}

impl Answer {
    /// The first header of this name, in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(known, _)| known == name)?;
        Some(value)
    }
}

/// Sends `ask` once and gives the answer, whatever its status: neither redirects nor refusals are
/// acted upon.
///
/// # Errors
/// When no whole answer came: see [`TransportError`]. [`TransportError::is_passing`] says whether
/// another try may help.
pub fn exchange(ask: Ask<'_>) -> Result<Answer, TransportError> {
    let url = address::parse(ask.url).map_err(|error| match error {
        TransportError::Address { reason, .. } => {
            TransportError::Address { url: without_query(ask.url), reason }
        }
        error => error,
    })?;
    let name = without_query(ask.url);
    let request = Request {
        limit: ask.limit,
        sha256: None,
        bearer: None,
        partial_dir: PathBuf::new(),
        patience: ask.patience,
        on_progress: &|_, _| {},
        is_cancelled: ask.is_cancelled,
    };
    let http = Http::new(&name, &url, &request)?;
    let method = Method::from_bytes(ask.method.as_bytes())
        .map_err(|_| unfit(&name, &format!("`{}` is no method", ask.method)))?;
    let headers = headers(&name, ask.headers)?;
    let (limit, body) = (ask.limit, ask.content.map(Body::from));
    runtime::block_on(async {
        let answer = once(&http, &url, method, headers, body, limit).await;
        answer.map_err(Failure::into_error)
    })
}

async fn once(
    http: &Http<'_>,
    url: &Url,
    method: Method,
    headers: HeaderMap,
    body: Option<Body>,
    limit: u64,
) -> Result<Answer, Failure> {
    let mut response = http.send(method, url, headers, body, &|| 0).await?;
    let content = http.collect(&mut response, limit).await?;
    let text = |(name, value): (&HeaderName, &HeaderValue)| {
        Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
    };
    let headers = response.headers().iter().filter_map(text).collect();
    Ok(Answer { status: response.status().as_u16(), headers, content })
}

fn headers(name: &str, written: &[(String, String)]) -> Result<HeaderMap, TransportError> {
    let mut headers = HeaderMap::new();
    for (key, value) in written {
        let refused = || unfit(name, &format!("what its header `{key}` holds fits no header"));
        let key: HeaderName = key.parse().map_err(|_| refused())?;
        let mut value: HeaderValue = value.parse().map_err(|_| refused())?;
        value.set_sensitive(true);
        headers.insert(key, value);
    }
    Ok(headers)
}

/// The query may be a signature.
fn without_query(url: &str) -> String {
    url.split(['?', '#']).next().unwrap_or_default().to_owned()
}

fn unfit(name: &str, reason: &str) -> TransportError {
    TransportError::Address { url: name.to_owned(), reason: reason.to_owned() }
}
