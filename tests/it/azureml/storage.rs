//! The storage: containers of blobs.

use std::fmt::Write;
use std::fs;

use super::cloud::{Answer, Asked, State};

/// The answer to a request for `/store/CONTAINER/BLOB`.
pub(super) fn answer(asked: &Asked, state: &State) -> Answer {
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
    if asked.method == "HEAD" {
        let headers = vec![("content-length", content.len().to_string())];
        return Answer { headers, ..Answer::plain(200) };
    }
    let Some(range) = asked.headers.get("range") else {
        return Answer { content, ..Answer::plain(200) };
    };
    let (first, last) = range.trim_start_matches("bytes=").split_once('-').unwrap();
    let first: usize = first.parse().unwrap();
    let end = last.parse().map_or(content.len(), |last: usize| (last + 1).min(content.len()));
    if first >= content.len() {
        return Answer::plain(416);
    }
    Answer { content: content[first..end].to_vec(), ..Answer::plain(206) }
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
        let length = content.len();
        write!(
            text,
            "<Blob><Name>{name}</Name><Properties><Content-Length>{length}</Content-Length>\
             </Properties></Blob>"
        )
        .unwrap();
    }
    let next = if start + 2 < found.len() { (start + 2).to_string() } else { String::new() };
    write!(text, "</Blobs><NextMarker>{next}</NextMarker></EnumerationResults>").unwrap();
    Answer { content: text.into_bytes(), ..Answer::plain(200) }
}
