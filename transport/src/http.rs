//! One request over the network, and the reading of its answer: bounded in time and size, stopped
//! when the user wants, with errors that are sentences.

mod failure;

use std::future::Future;
use std::pin::pin;
use std::sync::Once;
use std::time::Duration;

use reqwest::header::{ACCEPT_ENCODING, AUTHORIZATION, HeaderMap, HeaderValue, LOCATION};
use reqwest::{Body, Client, Method, Response, Url, redirect};
use tokio::time::{Instant, timeout};

use crate::tries::{Failure, TICK};
use crate::{Request, TransportError, address};

pub(crate) use failure::refuse;

/// Redirects that are followed.
const REDIRECTS: usize = 5;
/// Bytes that must arrive in a second, on average.
const SLOWEST: f64 = 256.0;
/// Longest wait for a connection.
const CONNECTING: Duration = Duration::from_secs(15);
/// How long a connection that nobody uses is kept: less than services keep it.
const IDLE: Duration = Duration::from_secs(15);

/// A client for one transfer.
pub(crate) struct Http<'a> {
    /// What the transfer is called in errors.
    pub(crate) name: String,
    /// Bounds, and who follows it.
    pub(crate) request: &'a Request<'a>,
    client: Client,
}

/// A client for `url` and where it redirects to, which waits for a connection no longer than for
/// `patience`; errors call it `name`.
///
/// # Errors
/// When this machine's certificates cannot be read.
pub(crate) fn client(name: &str, url: &Url, patience: Duration) -> Result<Client, TransportError> {
    static CRYPTOGRAPHY: Once = Once::new();
    // Fails only when the program has chosen a provider already, which is as good.
    CRYPTOGRAPHY.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
    let mut builder = Client::builder()
        .user_agent(concat!("olive/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(connecting(patience))
        .pool_idle_timeout(IDLE)
        .redirect(redirect::Policy::none())
        .referer(false);
    if address::is_near(url) {
        builder = builder.no_proxy();
    }
    if url.scheme() == "http" {
        // Works on a machine without any certificate.
        builder = builder.tls_certs_only([]);
    }
    builder.build().map_err(|error| TransportError::Unreachable {
        url: address::shown(name),
        reason: failure::cause(&error),
    })
}

/// How long a connection is waited for by who has this `patience`.
pub(crate) fn connecting(patience: Duration) -> Duration {
    patience.min(CONNECTING)
}

impl<'a> Http<'a> {
    /// A client for `url` and where it redirects to.
    pub(crate) fn new(
        name: &str,
        url: &Url,
        request: &'a Request<'a>,
    ) -> Result<Self, TransportError> {
        Ok(Self::with(name, client(name, url, request.patience)?, request))
    }

    /// The same with a client that is there already.
    pub(crate) fn with(name: &str, client: Client, request: &'a Request<'a>) -> Self {
        Self { name: address::shown(name), request, client }
    }

    /// What the header with the token of the request says.
    pub(crate) fn bearer(&self) -> Result<Option<HeaderValue>, TransportError> {
        let Some(token) = self.request.bearer else { return Ok(None) };
        let value = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| {
            let reason = "the token for it has letters that no header can have".to_owned();
            TransportError::Address { url: self.name.clone(), reason }
        });
        let mut value = value?;
        value.set_sensitive(true);
        Ok(Some(value))
    }

    /// Sends a request without content, and follows redirects. The authorization goes to the host of
    /// `url` only.
    pub(crate) async fn get(
        &self,
        method: &Method,
        url: &Url,
        headers: &HeaderMap,
    ) -> Result<Response, Failure> {
        let (mut at, mut headers) = (url.clone(), headers.clone());
        for _ in 0..=REDIRECTS {
            let response = self.send(method.clone(), &at, headers.clone(), None, &|| 0).await?;
            let Some(next) = self.redirect(&response)? else { return Ok(response) };
            if next.origin() != at.origin() {
                headers.remove(AUTHORIZATION);
            }
            at = next;
        }
        Err(self.misled(format!("more than {REDIRECTS} times")))
    }

    /// Sends one request; the answer's content is still to come. `moved` tells how much of `body` has
    /// gone.
    pub(crate) async fn send(
        &self,
        method: Method,
        url: &Url,
        headers: HeaderMap,
        body: Option<Body>,
        moved: &dyn Fn() -> u64,
    ) -> Result<Response, Failure> {
        let mut builder = self.client.request(method, url.clone()).headers(headers);
        builder = builder.header(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if let Some(body) = body {
            builder = builder.body(body);
        }
        self.within(builder.send(), moved).await?.map_err(|error| self.failure(&error, None))
    }

    /// Gives the content of an answer to `take`, piece by piece.
    pub(crate) async fn read(
        &self,
        response: &mut Response,
        mut take: impl FnMut(&[u8]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let (mut start, mut arrived, mut whole) = (Instant::now(), 0, 0);
        loop {
            let chunk = self.within(response.chunk(), &|| 0).await?;
            let chunk = chunk.map_err(|error| self.failure(&error, Some(whole)))?;
            let Some(chunk) = chunk else { return Ok(()) };
            take(&chunk)?;
            arrived += chunk.len() as u64;
            whole += chunk.len() as u64;
            if start.elapsed() >= self.request.patience {
                if (arrived as f64) < SLOWEST * start.elapsed().as_secs_f64() {
                    return Err(self.stalled(arrived));
                }
                (start, arrived) = (Instant::now(), 0);
            }
        }
    }

    /// The content of an answer, at most `limit` bytes.
    pub(crate) async fn collect(
        &self,
        response: &mut Response,
        limit: u64,
    ) -> Result<Vec<u8>, Failure> {
        let mut content = Vec::new();
        let too_large = || TransportError::TooLarge { url: self.name.clone(), limit };
        if response.content_length().is_some_and(|length| length > limit) {
            return Err(too_large().into());
        }
        let take = |chunk: &[u8]| {
            if (content.len() + chunk.len()) as u64 > limit {
                return Err(too_large().into());
            }
            content.extend_from_slice(chunk);
            Ok(())
        };
        self.read(response, take).await?;
        Ok(content)
    }

    /// Waits for `work`, as long as the user wants and `moved` grows within the patience.
    pub(crate) async fn within<T>(
        &self,
        work: impl Future<Output = T>,
        moved: &dyn Fn() -> u64,
    ) -> Result<T, Failure> {
        let mut work = pin!(work);
        let (mut since, mut seen) = (Instant::now(), moved());
        loop {
            if (self.request.is_cancelled)() {
                return Err(TransportError::Cancelled.into());
            }
            if let Ok(result) = timeout(TICK, work.as_mut()).await {
                return Ok(result);
            }
            if moved() != seen {
                (since, seen) = (Instant::now(), moved());
            }
            if since.elapsed() >= self.request.patience {
                return Err(self.stalled(0));
            }
        }
    }

    /// An answer that means what it is asked for, or why it does not.
    pub(crate) async fn succeed(&self, mut response: Response) -> Result<Response, Failure> {
        if response.status().is_success() {
            return Ok(response);
        }
        let said = self.collect(&mut response, 64 << 10).await.unwrap_or_default();
        Err(refuse(&self.name, &response, &said))
    }

    fn redirect(&self, response: &Response) -> Result<Option<Url>, Failure> {
        if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
            return Ok(None);
        }
        let from = response.url();
        let place = response.headers().get(LOCATION).and_then(|place| place.to_str().ok());
        let Some(next) = place.and_then(|place| from.join(place).ok()) else {
            return Err(self.misled("to nowhere".into()));
        };
        let is_weaker = from.scheme() == "https" && next.scheme() != "https";
        if is_weaker || address::parse(next.as_str()).is_err() {
            let shown = address::shown(next.as_str());
            return Err(self.misled(format!("to `{shown}`, which is not https")));
        }
        Ok(Some(next))
    }

    fn misled(&self, place: String) -> Failure {
        TransportError::Redirect { url: self.name.clone(), place }.into()
    }

    fn stalled(&self, bytes: u64) -> Failure {
        let patience = self.request.patience;
        let seconds = patience.as_secs() + u64::from(patience.subsec_nanos() > 0);
        Failure::passing(TransportError::Stalled { url: self.name.clone(), bytes, seconds })
    }

    fn failure(&self, error: &reqwest::Error, arrived: Option<u64>) -> Failure {
        failure::of(&self.name, error, arrived)
    }
}
