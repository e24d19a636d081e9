//! A repository of the hub: its names in addresses and in the cache.

use std::fmt::Write;

/// What ids of models look like: `owner/name`; the oldest have a name alone, which could as well be
/// a path and is taken only at length.
pub(crate) const MODEL_ID: &str = r"^[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*$";
/// What ids of data sets look like: `owner/name`, or `name` alone.
pub(crate) const ID: &str = r"^[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?$";
pub(crate) const AN_ID: &str = "an id as `owner/name`";
/// What names of revisions look like; none leads out of the folder of all.
pub(crate) const REVISION: &str = r"^(?!.*\.\.)[A-Za-z0-9][\w./-]*$";
pub(crate) const A_REVISION: &str = "a branch, a tag or a commit";
/// What names of the variables that hold tokens look like.
pub(crate) const VARIABLE: &str = "^[A-Z_][A-Z0-9_]*$";
pub(crate) const A_VARIABLE: &str = "the name of an environment variable, such as `HF_TOKEN`";
/// Where the cache of Python's `huggingface_hub` is, by its own variables.
pub(crate) const SHARED_DIR: [&str; 6] = [
    "$HF_HUB_CACHE",
    "$HUGGINGFACE_HUB_CACHE",
    "$HF_HOME/hub",
    "$XDG_CACHE_HOME/huggingface/hub",
    "$HOME/.cache/huggingface/hub",
    "$USERPROFILE/.cache/huggingface/hub",
];

/// What a repository holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A model.
    Model,
    /// A data set.
    Dataset,
}

/// A repository of the hub.
#[derive(Debug, Clone)]
pub(crate) struct Repository {
    kind: Kind,
    /// `owner/name`, or `name`.
    pub(crate) id: String,
}

impl Repository {
    /// The repository of this kind called `id`.
    pub(crate) fn new(kind: Kind, id: &str) -> Self {
        Self { kind, id: id.to_owned() }
    }

    /// The last part of its id.
    pub(crate) fn name(&self) -> &str {
        self.id.rsplit('/').next().unwrap_or(&self.id)
    }

    /// Its folder in the cache.
    pub(crate) fn folder(&self) -> String {
        let kind = match self.kind {
            Kind::Model => "models",
            Kind::Dataset => "datasets",
        };
        format!("{kind}--{}", self.id.replace('/', "--"))
    }

    /// Its page at `endpoint`.
    pub(crate) fn page(&self, endpoint: &str) -> String {
        match self.kind {
            Kind::Model => format!("{endpoint}/{}", self.id),
            Kind::Dataset => format!("{endpoint}/datasets/{}", self.id),
        }
    }

    /// What `endpoint` says of it.
    pub(crate) fn about(&self, endpoint: &str) -> String {
        match self.kind {
            Kind::Model => format!("{endpoint}/api/models/{}", self.id),
            Kind::Dataset => format!("{endpoint}/api/datasets/{}", self.id),
        }
    }

    /// What `endpoint` says of its `revision`, sizes and digests of files among it.
    pub(crate) fn about_revision(&self, endpoint: &str, revision: &str) -> String {
        format!("{}/revision/{}?blobs=true", self.about(endpoint), escaped(revision, false))
    }

    /// The file `name` of `commit`.
    pub(crate) fn file(&self, endpoint: &str, commit: &str, name: &str) -> String {
        format!("{}/resolve/{commit}/{}", self.page(endpoint), escaped(name, true))
    }
}

/// Whether `revision` is a commit, which is for ever.
pub(crate) fn is_commit(revision: &str) -> bool {
    revision.len() == 40 && revision.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// `text` as a part of an address; slashes stay when it is a path.
fn escaped(text: &str, is_path: bool) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        let letter = char::from(byte);
        if letter.is_ascii_alphanumeric() || "-_.~".contains(letter) || letter == '/' && is_path {
            escaped.push(letter);
        } else {
            // Writing into memory does not fail.
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::{Kind, Repository, is_commit};

    #[test]
    fn commits_are_forty_digits() {
        assert!(is_commit(&"0a".repeat(20)) && !is_commit("main") && !is_commit(&"g".repeat(40)));
    }

    #[test]
    fn addresses_and_folders_are_those_of_the_hub() {
        let model = Repository::new(Kind::Model, "acme/phi");
        let data = Repository::new(Kind::Dataset, "glue");
        assert_eq!(
            (model.folder(), data.folder()),
            ("models--acme--phi".into(), "datasets--glue".into())
        );
        assert_eq!(
            data.about_revision("https://h", "refs/convert/parquet"),
            "https://h/api/datasets/glue/revision/refs%2Fconvert%2Fparquet?blobs=true"
        );
        assert_eq!(
            model.file("https://h", "0a", "a b/ü"),
            "https://h/acme/phi/resolve/0a/a%20b/%C3%BC"
        );
        assert_eq!(data.file("https://h", "0a", "x"), "https://h/datasets/glue/resolve/0a/x");
    }
}
