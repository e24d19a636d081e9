//! Blobs of a small server of ranges: what has come is not asked for again.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;

use olive_plugin_api::StepContext;
use olive_plugin_api::testing::Recorder;
use serde_json::json;

use super::{PART, is_below};
use crate::AzureError;
use crate::line::Line;
use crate::storage::{Access, Blob, Container};

/// What the blob holds, in two parts and a bit.
fn content() -> Vec<u8> {
    let length = usize::try_from(PART * 2 + 5).unwrap();
    let mut content = (0..251).collect::<Vec<u8>>().repeat(length / 251 + 1);
    content.truncate(length);
    content
}

/// A server with one blob of version `"1"`; it remembers the ranges that it is asked for, and
/// refuses the second one when it is to `fail`.
struct Server {
    url: String,
    ranges: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn start(fail: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/c", listener.local_addr().unwrap());
        let ranges = Arc::new(Mutex::new(Vec::new()));
        let asked = Arc::clone(&ranges);
        thread::spawn(move || {
            let content = content();
            for mut stream in listener.incoming().map_while(Result::ok) {
                let head = BufReader::new(&stream).lines().map_while(Result::ok);
                let head: Vec<String> = head.take_while(|line| !line.is_empty()).collect();
                let header = |name: &str| head.iter().find_map(|line| line.strip_prefix(name));
                let range = header("range: bytes=").unwrap().to_owned();
                let is_same = header("if-match: ").is_none_or(|tag| tag == "\"1\"");
                let (first, last) = range.split_once('-').unwrap();
                let (first, last) = (first.parse().unwrap(), last.parse::<usize>().unwrap());
                let mut asked = asked.lock().unwrap();
                asked.push(range.clone());
                let (status, body) = match (is_same, fail && asked.len() == 2) {
                    (false, _) => (412, &[][..]),
                    (_, true) => (400, &[][..]),
                    _ => (206, &content[first..=last]),
                };
                let length = body.len();
                let head = format!(
                    "HTTP/1.1 {status} So\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n"
                );
                let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
            }
        });
        Self { url, ranges }
    }

    /// First bytes of the ranges that were asked for.
    fn starts(&self) -> Vec<u64> {
        let ranges = self.ranges.lock().unwrap();
        ranges.iter().map(|range| range.split('-').next().unwrap().parse().unwrap()).collect()
    }
}

/// Brings the blob of this version from `server` into `folder/out`, with checkpoints beside it.
fn bring(server: &Server, version: &str, folder: &Path) -> Result<String, AzureError> {
    for name in ["out", "checkpoints"] {
        fs::create_dir_all(folder.join(name)).unwrap();
    }
    let request = serde_json::from_value(json!({
        "kind": "pass",
        "name": "Fetch",
        "config": {},
        "input": {"type": "HfModel", "model_path": "/m"},
        "output_dir": folder.join("out"),
        "scratch_dir": folder.join("scratch"),
        "checkpoint_dir": folder.join("checkpoints"),
        "threads": 1,
    }));
    let (request, recorder) = (request.unwrap(), Recorder::default());
    let ctx = StepContext::new(&request, &recorder);
    let line = Line::new(None, None, &ctx)?;
    let access = || Ok(Access::Signature("sig=x".into()));
    let container = Container::new(&server.url, Box::new(access), &line)?;
    let size = content().len() as u64;
    let blob = Blob { path: "m/weights".into(), size, version: version.into() };
    let mut digests = container.bring(&[blob], "m/", &folder.join("out"))?;
    Ok(digests.remove(0).1)
}

#[test]
fn a_download_goes_on_where_an_earlier_one_ended() {
    let folder = tempfile::tempdir().unwrap();
    let (broken, sound) = (Server::start(true), Server::start(false));
    assert!(bring(&broken, "\"1\"", folder.path()).is_err());
    // Of another address nothing has come.
    let whole = tempfile::tempdir().unwrap();
    let digest = bring(&sound, "\"1\"", whole.path()).unwrap();
    assert_eq!(sound.starts(), [0, PART, PART * 2]);
    let again = bring(&broken, "\"1\"", folder.path()).unwrap();
    assert_eq!(broken.starts(), [0, PART, PART, PART * 2]);
    assert_eq!(again, digest);
    assert!(fs::read(folder.path().join("out/weights")).unwrap() == content());
    assert_eq!(fs::read_dir(folder.path().join("checkpoints")).unwrap().count(), 0);
}

#[test]
fn a_blob_that_has_changed_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(false);
    let said = bring(&server, "\"2\"", folder.path()).unwrap_err().to_string();
    assert_eq!(said, "blob `m/weights`: it has changed since it was listed");
}

#[test]
fn what_has_no_version_is_brought_from_its_beginning() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(true);
    assert!(bring(&server, "", folder.path()).is_err());
    bring(&server, "", folder.path()).unwrap();
    assert_eq!(server.starts(), [0, PART, 0, PART, PART * 2]);
}

#[test]
fn no_name_of_a_blob_leaves_the_folder() {
    for (path, expected) in [
        ("a", true),
        ("a/b.json", true),
        ("a/..b", true),
        ("../a", false),
        ("a/../../b", false),
        ("/etc/passwd", false),
        ("a//b", false),
        ("a\\..\\b", false),
        ("", false),
    ] {
        assert_eq!(is_below(path), expected, "{path}");
    }
}
