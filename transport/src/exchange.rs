//! Requests to services, one after the other, with their contents in memory, and whatever the
//! services answer.

use std::cell::RefCell;
use std::convert::Infallible;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Body, Client, Method, Url};
use tokio::runtime::Runtime;

use crate::http::{self, Http};
use crate::tries::Failure;
use crate::{Request, TransportError, address, runtime};

/// Bytes of a content that are given to the connection at once.
const PIECE: usize = 64 << 10;

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

/// A talk with services; connections stay open from one request to the next.
pub struct Exchange {
    /// Always there until the end.
    runtime: Option<Runtime>,
    clients: RefCell<Vec<(Manner, Client)>>,
}

impl Exchange {
    /// One that has not begun.
    ///
    /// # Errors
    /// When the machine has no room for it.
    pub fn new() -> Result<Self, TransportError> {
        Ok(Self { runtime: Some(runtime::new()?), clients: RefCell::default() })
    }

    /// Sends `ask` once and gives the answer, whatever its status: neither redirects nor refusals
    /// are acted upon.
    ///
    /// # Errors
    /// When no whole answer came: see [`TransportError`]. [`TransportError::is_passing`] says
    /// whether another try may help.
    pub fn send(&self, ask: Ask<'_>) -> Result<Answer, TransportError> {
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
        let http = Http::with(&name, self.client(&name, &url, ask.patience)?, &request);
        let method = Method::from_bytes(ask.method.as_bytes())
            .map_err(|_| unfit(&name, &format!("`{}` is no method", ask.method)))?;
        let headers = headers(&name, ask.headers)?;
        let (limit, content) = (ask.limit, ask.content);
        let work = async {
            let answer = once(&http, &url, method, headers, content, limit).await;
            answer.map_err(Failure::into_error)
        };
        match &self.runtime {
            Some(runtime) => runtime.block_on(work),
            None => Err(TransportError::Cancelled),
        }
    }

    fn client(&self, name: &str, url: &Url, patience: Duration) -> Result<Client, TransportError> {
        let manner = Manner::of(url, patience);
        let mut clients = self.clients.borrow_mut();
        if let Some((_, client)) = clients.iter().find(|(known, _)| *known == manner) {
            return Ok(client.clone());
        }
        let client = http::client(name, url, patience)?;
        clients.push((manner, client.clone()));
        Ok(client)
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        // A name server that does not answer keeps a thread busy, for which nobody waits.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// What addresses have in common that one client serves.
#[derive(PartialEq, Eq)]
struct Manner {
    is_near: bool,
    is_plain: bool,
    connecting: Duration,
}

impl Manner {
    fn of(url: &Url, patience: Duration) -> Self {
        Self {
            is_near: address::is_near(url),
            is_plain: url.scheme() == "http",
            connecting: http::connecting(patience),
        }
    }
}

async fn once(
    http: &Http<'_>,
    url: &Url,
    method: Method,
    headers: HeaderMap,
    content: Option<Vec<u8>>,
    limit: u64,
) -> Result<Answer, Failure> {
    let sent = Arc::new(AtomicU64::new(0));
    let body = content.map(|content| body(content, &sent));
    let moved = || sent.load(Ordering::Relaxed);
    let mut response = http.send(method, url, headers, body, &moved).await?;
    let content = http.collect(&mut response, limit).await?;
    let text = |(name, value): (&HeaderName, &HeaderValue)| {
        Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
    };
    let headers = response.headers().iter().filter_map(text).collect();
    Ok(Answer { status: response.status().as_u16(), headers, content })
}

/// A content that tells by `sent` how much of it has gone.
fn body(content: Vec<u8>, sent: &Arc<AtomicU64>) -> Body {
    if content.len() <= PIECE {
        return Body::from(content);
    }
    Body::wrap(Pieces { left: content.into(), sent: Arc::clone(sent) })
}

/// A content in pieces.
struct Pieces {
    left: Bytes,
    sent: Arc<AtomicU64>,
}

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.left.is_empty() {
            return Poll::Ready(None);
        }
        let length = self.left.len().min(PIECE);
        let piece = self.left.split_to(length);
        self.sent.fetch_add(length as u64, Ordering::Relaxed);
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left.len() as u64)
    }
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
