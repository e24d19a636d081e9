//! What the hub says of a revision: its commit, its files, and the card of a data set.

use olive_transport::{fetch_small, shown};
use serde::Deserialize;
use serde_json::Value;

use crate::HubError;
use crate::hub::Hub;
use crate::repository::is_commit;

/// Bytes that the hub's answer may have.
const LIMIT: u64 = 256 << 20;

/// A revision of a repository.
#[derive(Debug)]
pub(crate) struct Listing {
    /// Its commit.
    pub(crate) commit: String,
    /// Its files, sorted by their names.
    pub(crate) files: Vec<HubFile>,
    /// What stands at the head of its `README.md`.
    pub(crate) card: Value,
}

/// A file of a revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HubFile {
    /// Its path in the repository.
    pub(crate) name: String,
    /// What it is called among the blobs of the cache: SHA-256 or, of a small one, git's digest.
    pub(crate) etag: String,
    /// SHA-256 of its content, when the hub knows it.
    pub(crate) sha256: Option<String>,
    /// Bytes.
    pub(crate) size: u64,
}

impl Listing {
    /// The file called `name`.
    pub(crate) fn file(&self, name: &str) -> Option<&HubFile> {
        let found = self.files.binary_search_by(|file| file.name.as_str().cmp(name));
        found.ok().map(|number| &self.files[number])
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    sha: String,
    #[serde(default)]
    siblings: Vec<Sibling>,
    #[serde(default)]
    card_data: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sibling {
    #[serde(rename = "rfilename")]
    name: String,
    size: Option<u64>,
    blob_id: Option<String>,
    lfs: Option<Lfs>,
}

/// Of a file in large file storage.
#[derive(Deserialize)]
struct Lfs {
    sha256: String,
    size: u64,
}

/// Asks the hub for `revision` of its repository.
///
/// # Errors
/// When there is no such repository or revision, when it cannot be reached, or says something odd.
pub(crate) fn ask(hub: &Hub<'_>, revision: &str) -> Result<Listing, HubError> {
    let (repository, endpoint) = (hub.repository, &hub.environment.endpoint);
    let url = repository.about_revision(endpoint, revision);
    let id = || repository.id.clone();
    let Some(answer) = hub.small(&url, LIMIT)? else {
        // The hub does not say which of the two is not there.
        return Err(match hub.small(&repository.about(endpoint), LIMIT)? {
            Some(_) => HubError::NoRevision { id: id(), revision: revision.to_owned() },
            None => HubError::NoRepository { id: id() },
        });
    };
    let listing = read(&answer).map_err(|reason| HubError::Odd { url: shown(&url), reason })?;
    hub.cache.keep(&listing.commit, &answer);
    Ok(listing)
}

/// What the hub has said of `commit`, when it was asked before: a commit never changes.
pub(crate) fn kept(hub: &Hub<'_>, commit: &str) -> Option<Listing> {
    let listing = read(&hub.cache.told(commit)?).ok()?;
    Some(listing).filter(|listing| listing.commit == commit)
}

/// The listing that the hub's `answer` is, or what is odd about it.
fn read(answer: &[u8]) -> Result<Listing, String> {
    let answer: Answer = serde_json::from_slice(answer).map_err(|error| error.to_string())?;
    if !is_commit(&answer.sha) {
        return Err(format!("`{}` is no commit", answer.sha));
    }
    let files = answer.siblings.into_iter().filter(|sibling| is_path(&sibling.name));
    let mut files: Vec<HubFile> = files.filter_map(hub_file).collect();
    files.sort_by(|one, other| one.name.cmp(&other.name));
    files.dedup_by(|one, other| one.name == other.name);
    Ok(Listing { commit: answer.sha.to_lowercase(), files, card: answer.card_data })
}

impl Hub<'_> {
    fn small(&self, url: &str, limit: u64) -> Result<Option<Vec<u8>>, HubError> {
        let is_cancelled = || self.ctx.is_cancelled();
        let request = self.request(limit, None, &|_, _| {}, &is_cancelled);
        fetch_small(url, &request).map_err(|error| self.refused(error, None))
    }
}

/// Whether `name` leads below the repository, on every system.
pub(crate) fn is_path(name: &str) -> bool {
    let is_part = |part: &str| !part.is_empty() && part != "." && part != "..";
    !name.contains(['\\', ':', '\0']) && name.split('/').all(is_part)
}

/// A file, unless the hub does not say what it holds.
fn hub_file(Sibling { name, size, blob_id, lfs }: Sibling) -> Option<HubFile> {
    let is_digest = |text: &String| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    match lfs {
        Some(Lfs { sha256, size }) => {
            let etag = Some(sha256).filter(|sha256| sha256.len() == 64 && is_digest(sha256))?;
            Some(HubFile { name, sha256: Some(etag.clone()), etag, size })
        }
        None => {
            let etag = blob_id.filter(|digest| digest.len() == 40 && is_digest(digest))?;
            Some(HubFile { name, etag, sha256: None, size: size? })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{is_path, read};

    #[test]
    fn names_of_files_lead_nowhere_else() {
        for (name, is_taken) in [
            ("config.json", true),
            ("data/train-00000-of-00001.parquet", true),
            ("..x", true),
            ("../config.json", false),
            ("a/../../b", false),
            ("/etc/passwd", false),
            ("a//b", false),
            ("a\\b", false),
            ("c:b", false),
            ("", false),
        ] {
            assert_eq!(is_path(name), is_taken, "{name}");
        }
    }

    #[test]
    fn files_are_found_by_their_names() {
        let commit = "0A".repeat(20);
        let file = |name: &str, size: u64| {
            format!(r#"{{"rfilename": "{name}", "size": {size}, "blobId": "{}"}}"#, "1".repeat(40))
        };
        let files = [file("b", 2), file("a", 1), file("../c", 3), file("b", 2)].join(",");
        let text = format!(r#"{{"sha": "{commit}", "siblings": [{files}]}}"#);
        let listing = read(text.as_bytes()).unwrap();
        assert_eq!(listing.commit, commit.to_lowercase());
        let size = |name| listing.file(name).map(|file| file.size);
        assert_eq!((size("a"), size("b"), size("../c"), size("c")), (Some(1), Some(2), None, None));
        assert_eq!(listing.files.len(), 2);
        assert_eq!(read(br#"{"sha": "main"}"#).unwrap_err(), "`main` is no commit");
    }
}
