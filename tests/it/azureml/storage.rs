//! The storage: containers of blobs.

use std::fmt::Write;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::azurite::Azurite;
use super::cloud::{Answer, Asked, State};

/// The answer to a request for `/store/CONTAINER/BLOB`.
pub(super) fn answer(asked: &Asked, state: &State) -> Answer {
    if let Some(azurite) = &state.azurite {
        return hand_on(asked, azurite);
    }
    let signature = format!("sv=1&sig={}", asked.query.get("sig").cloned().unwrap_or_default());
    if signature != state.signature() {
        let mut refused = Answer::plain(403);
        refused.headers.push(("x-ms-error-code", "AuthenticationFailed".into()));
        return refused;
    }
    let path = asked.path.trim_start_matches("/store/").to_owned();
    if asked.query.get("comp").is_some_and(|comp| comp == "list") {
        return list(asked, &path, state);
    }
    if !path.contains('/') {
        // The container itself is no blob, and a signature for blobs says nothing of it.
        return Answer::plain(403);
    }
    match asked.method.as_str() {
        "PUT" => put(asked, path, state),
        "DELETE" => match state.blobs.lock().unwrap().remove(&path) {
            Some(_) => Answer::plain(202),
            None => Answer::plain(404),
        },
        _ => get(asked, &path, state),
    }
}

/// What the real server answers. Its lists have few blobs a page, so that they have several.
fn hand_on(asked: &Asked, azurite: &Azurite) -> Answer {
    let mut target = asked.target.clone();
    if asked.query.get("comp").is_some_and(|comp| comp == "list") {
        target.push_str("&maxresults=2");
    }
    let is_own = |name: &str| matches!(name, "host" | "content-length" | "connection");
    let headers = asked.headers.iter().filter(|(name, _)| !is_own(name));
    let headers: Vec<_> = headers.map(|(name, value)| (name.as_str(), value.as_str())).collect();
    azurite.ask(&asked.method, &target, &headers, &asked.content)
}

fn put(asked: &Asked, path: String, state: &State) -> Answer {
    let mut blobs = state.blobs.lock().unwrap();
    match asked.query.get("comp").map(String::as_str) {
        Some("block") => {
            let path = format!("blocks/{path}/{}", asked.query["blockid"]);
            blobs.insert(path, asked.content.clone());
        }
        Some("blocklist") => {
            let text = String::from_utf8_lossy(&asked.content).into_owned();
            let ids = text.split("<Latest>").skip(1).map(|part| part.split('<').next().unwrap());
            let blocks = ids.map(|id| blobs.remove(&format!("blocks/{path}/{id}")).unwrap());
            let whole = blocks.collect::<Vec<_>>().concat();
            blobs.insert(path, whole);
        }
        _ if !asked.headers.contains_key("x-ms-blob-type") => return Answer::plain(400),
        _ => drop(blobs.insert(path, asked.content.clone())),
    }
    Answer::plain(201)
}

fn get(asked: &Asked, path: &str, state: &State) -> Answer {
    let content = match path.strip_prefix("logs/") {
        Some(name) => fs::read(state.job_folder(name).join("log")).ok(),
        None => state.blobs.lock().unwrap().get(path).cloned(),
    };
    let Some(content) = content else { return Answer::plain(404) };
    let tag = format!("\"{}\"", version(&content));
    if asked.headers.get("if-match").is_some_and(|wanted| *wanted != tag) {
        return Answer::plain(412);
    }
    let mut headers = vec![("etag", tag)];
    if asked.method == "HEAD" {
        headers.push(("content-length", content.len().to_string()));
        return Answer { headers, ..Answer::plain(200) };
    }
    let Some(range) = asked.headers.get("range") else {
        return Answer { headers, content, ..Answer::plain(200) };
    };
    let (first, last) = range.trim_start_matches("bytes=").split_once('-').unwrap();
    let first: usize = first.parse().unwrap();
    let end = last.parse().map_or(content.len(), |last: usize| (last + 1).min(content.len()));
    if first >= content.len() {
        return Answer::plain(416);
    }
    Answer { headers, content: content[first..end].to_vec(), ..Answer::plain(206) }
}

/// Tells contents apart.
fn version(content: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    content.hash(&mut hasher);
    format!("0x{:X}", hasher.finish())
}

/// Two blobs a page, so that lists have several.
fn list(asked: &Asked, container: &str, state: &State) -> Answer {
    let prefix = format!("{container}/{}", asked.query.get("prefix").cloned().unwrap_or_default());
    let start: usize = asked.query.get("marker").map_or(0, |marker| marker.parse().unwrap());
    let blobs = state.blobs.lock().unwrap();
    let found: Vec<_> = blobs.iter().filter(|(path, _)| path.starts_with(&prefix)).collect();
    let mut text = String::from("<EnumerationResults><Blobs>");
    for (path, content) in found.iter().skip(start).take(2) {
        let name = path.split_once('/').unwrap().1.replace('&', "&amp;");
        let (length, tag) = (content.len(), version(content));
        write!(
            text,
            "<Blob><Name>{name}</Name><Properties><Etag>{tag}</Etag>\
             <Content-Length>{length}</Content-Length></Properties></Blob>"
        )
        .unwrap();
    }
    let next = if start + 2 < found.len() { (start + 2).to_string() } else { String::new() };
    write!(text, "</Blobs><NextMarker>{next}</NextMarker></EnumerationResults>").unwrap();
    Answer { content: text.into_bytes(), ..Answer::plain(200) }
}
