//! Requests to one repository of a registry, signed in when it asks for that.

use std::cell::RefCell;

use ct_codecs::{Base64, Encoder};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use reqwest::{Body, Method, Response, StatusCode, Url};
use serde::Deserialize;

use super::challenge::{self, Challenge};
use super::credentials::{self, Credentials};
use super::reference::Reference;
use crate::http::Http;
use crate::tries::Failure;
use crate::{Request, TransportError, address};

/// Bytes that the answer of a token server may have.
const TOKEN_LIMIT: u64 = 1 << 20;

/// A repository of a registry.
pub(super) struct Registry<'a> {
    pub(super) http: Http<'a>,
    pub(super) reference: &'a Reference,
    base: Url,
    actions: &'static str,
    authorization: RefCell<Option<HeaderValue>>,
    /// Why the user's credentials are not used.
    incognito: RefCell<Option<TransportError>>,
}

/// A request's content, which is made anew when the request is sent again.
pub(super) struct Content<'a> {
    pub(super) make: &'a dyn Fn() -> Result<Body, TransportError>,
    /// Bytes that have gone.
    pub(super) moved: &'a dyn Fn() -> u64,
}

#[derive(Deserialize)]
struct Token {
    token: Option<String>,
    access_token: Option<String>,
}

impl<'a> Registry<'a> {
    /// The repository of `reference`, for `actions` (`pull` or `pull,push`).
    pub(super) fn new(
        reference: &'a Reference,
        actions: &'static str,
        request: &'a Request<'a>,
    ) -> Result<Self, TransportError> {
        let name = reference.to_string();
        // Docker Hub does not answer at its own name.
        let host = match reference.host.as_str() {
            "docker.io" => "registry-1.docker.io",
            host => host,
        };
        let mut base = address::parse(&format!("https://{host}/v2/{}/", reference.repository))?;
        if address::is_loopback(&base) {
            base = address::parse(&format!("http://{host}/v2/{}/", reference.repository))?;
        }
        let http = Http::new(&name, &base, request)?;
        let (authorization, incognito) = (RefCell::new(http.bearer()?), RefCell::default());
        Ok(Self { http, reference, base, actions, authorization, incognito })
    }

    /// The address of something in the repository.
    pub(super) fn url(&self, path: &str) -> Result<Url, TransportError> {
        self.base.join(path).map_err(|error| TransportError::Address {
            url: self.http.name.clone(),
            reason: error.to_string(),
        })
    }

    /// The answer to a request without content.
    pub(super) async fn ask(
        &self,
        method: Method,
        url: &Url,
        headers: HeaderMap,
    ) -> Result<Response, Failure> {
        let response = self.http.get(&method, url, &self.signed(url, headers.clone())).await?;
        if !self.sign_in(&response).await? {
            return Ok(response);
        }
        let response = self.http.get(&method, url, &self.signed(url, headers)).await?;
        self.check_welcome(response)
    }

    /// The answer to a request with content, which may go to where the registry says.
    pub(super) async fn send(
        &self,
        method: Method,
        url: &Url,
        headers: HeaderMap,
        content: &Content<'_>,
    ) -> Result<Response, Failure> {
        let send = async |headers| {
            let body = Some((content.make)()?);
            self.http.send(method.clone(), url, headers, body, content.moved).await
        };
        let response = send(self.signed(url, headers.clone())).await?;
        if !self.sign_in(&response).await? {
            return Ok(response);
        }
        let response = send(self.signed(url, headers)).await?;
        self.check_welcome(response)
    }

    /// Adds who asks, for the registry's own ears.
    fn signed(&self, url: &Url, mut headers: HeaderMap) -> HeaderMap {
        if url.origin() == self.base.origin() {
            let authorization = self.authorization.borrow().clone();
            headers.extend(authorization.map(|value| (AUTHORIZATION, value)));
        }
        headers
    }

    /// Does what an answer asks for before it is one; whether that is done.
    async fn sign_in(&self, response: &Response) -> Result<bool, Failure> {
        // Another server's challenge gets no answer, wherever the registry redirects.
        let is_ours = response.url().origin() == self.base.origin();
        if response.status() != StatusCode::UNAUTHORIZED || !is_ours {
            return Ok(false);
        }
        let mut headers = response.headers().get_all(WWW_AUTHENTICATE).iter();
        let known = headers.find_map(|header| challenge::parse(header.to_str().ok()?));
        let Some(challenge) = known else { return Ok(false) };
        let request = self.http.request;
        let found = credentials::find(&self.reference.host, request.is_cancelled);
        let credentials = match found {
            // What is for everyone does not need them.
            Err(error @ TransportError::Credentials { .. }) => {
                *self.incognito.borrow_mut() = Some(error);
                None
            }
            found => found?,
        };
        let authorization = match (challenge, credentials) {
            (Challenge::Bearer { realm, service }, credentials) => {
                let token = self.token(&realm, service.as_deref(), credentials).await?;
                format!("Bearer {token}")
            }
            (Challenge::Basic, Some(Credentials::Password { user, password })) => {
                basic(&user, &password)
            }
            (Challenge::Basic, _) => {
                let reason = self.incognito.take();
                return reason.map_or(Ok(false), |error| Err(error.into()));
            }
        };
        *self.authorization.borrow_mut() = Some(self.secret(&authorization)?);
        Ok(true)
    }

    /// An answer to a request that is signed; when it needs more, why we have no more.
    fn check_welcome(&self, response: Response) -> Result<Response, Failure> {
        let is_refused = matches!(response.status().as_u16(), 401 | 403);
        match self.incognito.borrow_mut().take_if(|_| is_refused) {
            Some(error) => Err(error.into()),
            None => Ok(response),
        }
    }

    /// A token of the server at `realm` for what we want to do.
    async fn token(
        &self,
        realm: &str,
        service: Option<&str>,
        credentials: Option<Credentials>,
    ) -> Result<String, Failure> {
        let mut url = address::parse(realm)?;
        if self.base.scheme() == "https" && url.scheme() != "https" {
            return Err(self.nonsense("its token server is not at https"));
        }
        let scope = format!("repository:{}:{}", self.reference.repository, self.actions);
        let mut headers = HeaderMap::new();
        let mut response = if let Some(Credentials::IdentityToken(token)) = &credentials {
            let mut form = url.clone();
            form.set_query(None);
            form.query_pairs_mut()
                .append_pair("grant_type", "refresh_token")
                .append_pair("client_id", "olive")
                .append_pair("service", service.unwrap_or_default())
                .append_pair("scope", &scope)
                .append_pair("refresh_token", token);
            let form = form.query().unwrap_or_default().to_owned();
            let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
            headers.insert(CONTENT_TYPE, kind);
            self.http.send(Method::POST, &url, headers, Some(form.into()), &|| 0).await?
        } else {
            url.query_pairs_mut()
                .extend_pairs(service.map(|service| ("service", service)))
                .append_pair("scope", &scope);
            if let Some(Credentials::Password { user, password }) = &credentials {
                headers.insert(AUTHORIZATION, self.secret(&basic(user, password))?);
            }
            self.http.get(&Method::GET, &url, &headers).await?
        };
        response = self.http.succeed(response).await?;
        let said = self.http.collect(&mut response, TOKEN_LIMIT).await?;
        let token: Option<Token> = serde_json::from_slice(&said).ok();
        let token = token.and_then(|answer| answer.token.or(answer.access_token));
        token.ok_or_else(|| self.nonsense("its token server gives no token"))
    }

    fn secret(&self, text: &str) -> Result<HeaderValue, Failure> {
        let mut value = HeaderValue::from_str(text)
            .map_err(|_| self.nonsense("its token cannot be sent back"))?;
        value.set_sensitive(true);
        Ok(value)
    }

    /// The failure of a registry that breaks its protocol.
    pub(super) fn nonsense(&self, reason: &str) -> Failure {
        TransportError::Lie { url: self.http.name.clone(), reason: reason.into() }.into()
    }
}

fn basic(user: &str, password: &str) -> String {
    let pair = Base64::encode_to_string(format!("{user}:{password}"));
    format!("Basic {}", pair.unwrap_or_default())
}
