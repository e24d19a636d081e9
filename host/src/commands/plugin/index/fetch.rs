//! Getting an index and its signature from where they are.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::Duration;

use olive_packs::PackError;
use olive_packs::index::LIMIT;
use olive_packs::signature::{SUFFIX, Signature};
use olive_transport::{Request, fetch_small};

use crate::cancel::Cancel;
use crate::error::Error;
use crate::home::cache_home;

/// Longest time without a byte.
const PATIENCE: Duration = Duration::from_secs(30);
/// Bytes that a signature may have.
const SIGNATURE_LIMIT: u64 = 4096;

/// An index as it is published, and its signature; neither has been checked.
pub(super) struct Fetched {
    pub(super) content: Vec<u8>,
    pub(super) signature: Signature,
}

/// Gets the index at `url`, an address or a path.
pub(super) fn fetch(url: &str) -> Result<Fetched, Error> {
    let (place, query) = if url.contains("://") {
        url.split_at(url.find('?').unwrap_or(url.len()))
    } else {
        (url, "")
    };
    let content = get(url, LIMIT)?.ok_or_else(|| {
        PackError::refused("index-missing", format!("there is no index at `{url}`"))
            .with_help("ask whoever keeps it where it is")
    })?;
    let signature = format!("{place}{SUFFIX}{query}");
    let text = get(&signature, SIGNATURE_LIMIT)?.ok_or_else(|| {
        PackError::refused("index-unsigned", format!("there is no signature at `{signature}`"))
            .with_help("an index is signed by `olive plugin sign INDEX --key KEY`")
    })?;
    let signature = Signature::parse(&String::from_utf8_lossy(&text))?;
    Ok(Fetched { content, signature })
}

/// The content at `url`, if there is any.
fn get(url: &str, limit: u64) -> Result<Option<Vec<u8>>, Error> {
    if !url.contains("://") {
        return Ok(read(Path::new(url), limit)?);
    }
    let cancel = Cancel::on_signals();
    let request = Request {
        limit,
        sha256: None,
        bearer: None,
        partial_dir: cache_home().join("downloads"),
        patience: PATIENCE,
        on_progress: &|_, _| {},
        is_cancelled: &|| cancel.is_cancelled(),
    };
    Ok(fetch_small(url, &request)?)
}

fn read(path: &Path, limit: u64) -> Result<Option<Vec<u8>>, PackError> {
    if !path.exists() {
        return Ok(None);
    }
    let mut content = Vec::new();
    let file = File::open(path).map_err(PackError::io("read", path))?;
    file.take(limit + 1).read_to_end(&mut content).map_err(PackError::io("read", path))?;
    if content.len() as u64 > limit {
        let message = format!("`{}` is larger than {limit} bytes", path.display());
        return Err(PackError::refused("index-broken", message));
    }
    Ok(Some(content))
}
