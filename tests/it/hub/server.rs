//! A server that answers as the hub does, beside one that has the large files.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::packs::servers::https::{Manner, Server};
use crate::real;

/// The commit of everything that is published.
pub(super) const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// The hub, and where its large files are.
pub(super) struct Hub {
    front: Server,
    store: Server,
    contents: RefCell<BTreeMap<String, Vec<u8>>>,
}

impl Hub {
    pub(super) fn new() -> Self {
        Self { front: Server::http(), store: Server::http(), contents: RefCell::default() }
    }

    pub(super) fn url(&self) -> String {
        self.front.url("")
    }

    /// What the hub was asked for.
    pub(super) fn requests(&self) -> Vec<String> {
        self.front.requests()
    }

    /// What was asked for where the large files are.
    pub(super) fn elsewhere(&self) -> Vec<String> {
        self.store.requests()
    }

    /// The tiny Phi-3, with much beside it that is not needed.
    pub(super) fn publish_model(&self, id: &str, revision: &str) {
        let mut files = model();
        for name in ["README.md", "pytorch_model.bin", "modeling.py", "onnx/model.onnx"] {
            files.push((name.to_owned(), b"not needed".to_vec()));
        }
        self.publish("models", id, revision, &files, &Value::Null);
    }

    /// The same with an index, and weights under another name.
    pub(super) fn publish_shards(&self, id: &str, revision: &str) {
        const SHARD: &str = "model-00001-of-00001.safetensors";
        let mut files = model();
        let weights = files.iter().position(|(name, _)| name == "model.safetensors").unwrap();
        SHARD.clone_into(&mut files[weights].0);
        let length = u64::from_le_bytes(files[weights].1[..8].try_into().unwrap());
        let header = &files[weights].1[8..8 + usize::try_from(length).unwrap()];
        let header: BTreeMap<String, Value> = serde_json::from_slice(header).unwrap();
        let names = header.keys().filter(|name| *name != "__metadata__");
        let map: BTreeMap<_, _> = names.map(|name| (name, SHARD)).collect();
        let index = json!({"metadata": {}, "weight_map": map}).to_string().into_bytes();
        files.push(("model.safetensors.index.json".to_owned(), index));
        files.push(("consolidated.safetensors".to_owned(), b"not needed".to_vec()));
        self.publish("models", id, revision, &files, &Value::Null);
    }

    /// A repository of this kind (`models`, `datasets`) with these files.
    pub(super) fn publish<N: AsRef<str>, C: AsRef<[u8]>>(
        &self,
        kind: &str,
        id: &str,
        revision: &str,
        files: &[(N, C)],
        card: &Value,
    ) {
        let mut siblings = Vec::new();
        for (name, content) in files {
            siblings.push(self.publish_file(kind, id, name.as_ref(), content.as_ref()));
        }
        let about = json!({"id": id, "sha": COMMIT, "siblings": siblings, "cardData": card});
        let about = about.to_string();
        let path = format!("/api/{kind}/{id}");
        self.front.serve(&path, about.as_bytes(), Manner::Honest);
        for revision in [revision, COMMIT] {
            let path = format!("{path}/revision/{}", revision.replace('/', "%2F"));
            self.put(&path, about.as_bytes());
        }
    }

    /// Serves what lies at `path` in another manner.
    pub(super) fn slow(&self, path: &str, manner: Manner) {
        self.front.serve(path, &self.contents.borrow()[path], manner);
    }

    /// Serves the large file called `name` in another manner.
    pub(super) fn slow_blob(&self, name: &str, manner: Manner) {
        let path = format!("/blobs/{name}");
        self.store.serve(&path, &self.contents.borrow()[&path], manner);
    }

    /// Sends something else under the name of a large file.
    pub(super) fn forge_blob(&self, name: &str, content: &[u8]) {
        self.store.serve(&format!("/blobs/{name}"), content, Manner::Honest);
    }

    /// Refuses what lies at `path` to whoever does not show this token.
    pub(super) fn guard(&self, path: &str, token: &str) {
        self.slow(path, Manner::Guarded(String::new(), format!("Bearer {token}").leak()));
    }

    fn publish_file(&self, kind: &str, id: &str, name: &str, content: &[u8]) -> Value {
        let prefix = if kind == "models" { "" } else { "/datasets" };
        let path = format!("{prefix}/{id}/resolve/{COMMIT}/{name}");
        let sha256 = sha256(content);
        if !name.ends_with(".safetensors") {
            self.put(&path, content);
            return json!({"rfilename": name, "size": content.len(), "blobId": sha256[..40]});
        }
        let at = format!("/blobs/{name}");
        self.store.serve(&at, content, Manner::Honest);
        self.contents.borrow_mut().insert(at.clone(), content.to_vec());
        self.front.serve(&path, b"", Manner::Redirects(self.store.url(&at)));
        let lfs = json!({"sha256": sha256, "size": content.len(), "pointerSize": 134});
        json!({"rfilename": name, "size": content.len(), "blobId": "00".repeat(20), "lfs": lfs})
    }

    fn put(&self, path: &str, content: &[u8]) {
        self.front.serve(path, content, Manner::Honest);
        self.contents.borrow_mut().insert(path.to_owned(), content.to_vec());
    }
}

/// Files of the tiny Phi-3.
fn model() -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(real::fixture("tiny-phi3")).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
    let file = |path: std::path::PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        (name, fs::read(path).unwrap())
    };
    let mut files: Vec<_> = paths.map(file).collect();
    files.sort();
    files
}

fn sha256(content: &[u8]) -> String {
    let mut text = String::new();
    for byte in Sha256::digest(content) {
        write!(text, "{byte:02x}").unwrap();
    }
    text
}
