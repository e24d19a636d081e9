//! Blobs: containers of the storage of a workspace, and what lies in them.

mod access;
mod listing;
mod download;
mod upload;

pub(crate) use access::Access;
pub(crate) use listing::Blob;

use std::cell::RefCell;

use olive_transport::Answer;

use crate::AzureError;
use crate::line::{Asked, Line, accepted};
use crate::text::{encoded_path, form};

/// Version of the storage service that requests name.
const VERSION: &str = "2021-08-06";

/// Asks for access anew, when the one that was there has run out.
type Renew<'a> = Box<dyn Fn() -> Result<Access, AzureError> + 'a>;

/// A container, or a folder of one, that access is granted to.
pub(crate) struct Container<'a> {
    /// Address, without query and without a slash at its end.
    pub(crate) url: String,
    access: RefCell<Access>,
    renew: Renew<'a>,
    line: &'a Line<'a>,
}

impl<'a> Container<'a> {
    /// The container at `url`, for whom `renew` gives access.
    ///
    /// # Errors
    /// When it gives none.
    pub(crate) fn new(url: &str, renew: Renew<'a>, line: &'a Line<'a>) -> Result<Self, AzureError> {
        Ok(Self::with(url, renew()?, renew, line))
    }

    /// The container at `url`, with the access that was given already.
    pub(crate) fn with(url: &str, access: Access, renew: Renew<'a>, line: &'a Line<'a>) -> Self {
        let access = RefCell::new(access);
        Self { url: url.trim_end_matches('/').to_owned(), access, renew, line }
    }

    /// The blob at `path`, if it is there.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub(crate) fn find(&self, path: &str) -> Result<Option<Blob>, AzureError> {
        let answer = self.ask("HEAD", path, &[], &[], None)?;
        if answer.status == 404 {
            return Ok(None);
        }
        let answer = accepted(&told(path), answer)?;
        let version = answer.header("etag").unwrap_or_default().to_owned();
        let size = answer.header("content-length").and_then(|length| length.parse().ok());
        Ok(size.map(|size| Blob { path: path.to_owned(), size, version }))
    }

    /// The bytes of a small blob; none when there is no such blob.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub(crate) fn read(&self, path: &str) -> Result<Option<Vec<u8>>, AzureError> {
        let answer = self.ask("GET", path, &[], &[], None)?;
        if answer.status == 404 {
            return Ok(None);
        }
        Ok(Some(accepted(&told(path), answer)?.content))
    }

    /// At most `most` bytes of the blob at `path` from byte `from` on; none when there is no such
    /// blob.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub(crate) fn read_part(
        &self,
        path: &str,
        from: u64,
        most: u64,
    ) -> Result<Option<Vec<u8>>, AzureError> {
        let range = format!("bytes={from}-{}", from + most - 1);
        let answer = self.ask("GET", path, &[], &[("range", range)], None)?;
        match answer.status {
            404 => Ok(None),
            // Nothing has been written from there on.
            416 => Ok(Some(Vec::new())),
            200 if from > 0 || answer.content.len() as u64 > most => {
                Err(AzureError::odd(told(path), "the whole, where a part is asked for"))
            }
            _ => Ok(Some(accepted(&told(path), answer)?.content)),
        }
    }

    /// Removes the blob at `path`, if it is there.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub(crate) fn remove(&self, path: &str) -> Result<(), AzureError> {
        let answer = self.ask("DELETE", path, &[], &[], None)?;
        if answer.status == 404 { Ok(()) } else { accepted(&told(path), answer).map(drop) }
    }

    /// Asks about the blob at `path`, with access that is asked for anew once.
    fn ask(
        &self,
        method: &'static str,
        path: &str,
        query: &[(&str, &str)],
        headers: &[(&str, String)],
        content: Option<&[u8]>,
    ) -> Result<Answer, AzureError> {
        let mut is_new = false;
        loop {
            let access = self.access.borrow().clone();
            let url = self.address(path, query, &access);
            let what = told(path);
            let mut asked = Asked::new(&what, method, &url).header("x-ms-version", VERSION);
            if let Access::Token(token) = &access {
                asked = asked.header("authorization", format!("Bearer {token}"));
            }
            for (name, value) in headers {
                asked = asked.header(name, value.as_str());
            }
            if let Some(content) = content {
                asked = asked.content("application/octet-stream", content);
            }
            let answer = self.line.send(&asked)?;
            if !matches!(answer.status, 401 | 403) || is_new {
                return Ok(answer);
            }
            *self.access.borrow_mut() = (self.renew)()?;
            is_new = true;
        }
    }

    fn address(&self, path: &str, query: &[(&str, &str)], access: &Access) -> String {
        let mut url = self.url.clone();
        if !path.is_empty() {
            url = format!("{url}/{}", encoded_path(path));
        }
        let signature = match access {
            Access::Signature(signature) => Some(signature.clone()),
            Access::Token(_) => None,
        };
        let query = (!query.is_empty()).then(|| form(query));
        let query: Vec<String> = query.into_iter().chain(signature).collect();
        if query.is_empty() { url } else { format!("{url}?{}", query.join("&")) }
    }
}

fn told(path: &str) -> String {
    if path.is_empty() { "the storage".into() } else { format!("blob `{path}`") }
}
