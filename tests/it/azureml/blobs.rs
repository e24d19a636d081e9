//! Blobs as the cloud itself and its jobs read and write them.

use std::fs;
use std::path::Path;

use super::cloud::State;

impl State {
    /// Puts `content` into a blob.
    pub(super) fn write(&self, path: &str, content: Vec<u8>) {
        match &self.azurite {
            Some(azurite) => azurite.write(path, &content),
            None => drop(self.blobs.lock().unwrap().insert(path.to_owned(), content)),
        }
    }

    /// What a blob holds, if it is there.
    pub(super) fn read(&self, path: &str) -> Option<Vec<u8>> {
        match &self.azurite {
            Some(azurite) => azurite.read(path),
            None => self.blobs.lock().unwrap().get(path).cloned(),
        }
    }

    /// Containers and paths of the blobs that begin with `prefix`, in order.
    pub(super) fn paths(&self, prefix: &str) -> Vec<String> {
        if let Some(azurite) = &self.azurite {
            return azurite.paths(prefix);
        }
        let blobs = self.blobs.lock().unwrap();
        blobs.keys().filter(|path| path.starts_with(prefix)).cloned().collect()
    }
}

/// Path of a blob of the default datastore, of its address as jobs have it.
pub(super) fn blob_of(uri: &str) -> &str {
    uri.rsplit_once("/paths/").map_or(uri, |(_, path)| path)
}

/// Writes the blobs whose path begins with `prefix` into `folder`.
pub(super) fn unfold(state: &State, prefix: &str, folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    for path in state.paths(prefix) {
        let to = folder.join(path.strip_prefix(prefix).unwrap().trim_start_matches('/'));
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::write(to, state.read(&path).unwrap()).unwrap();
    }
}

/// Puts the files of `folder` into blobs below `place`.
pub(super) fn fold(state: &State, folder: &Path, place: &str) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let place = format!("{place}/{}", path.file_name().unwrap().to_str().unwrap());
        if path.is_dir() {
            fold(state, &path, &place);
        } else {
            let content = fs::read(&path).unwrap();
            state.write(&place, content);
        }
    }
}
