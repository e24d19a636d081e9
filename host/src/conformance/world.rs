//! The folders that a plugin is tried in, and what has changed in them.
//!
//! ```text
//! <root>/home, temp, work      the worker's home, temporary and working directory
//! <root>/data                data that cases read
//! <root>/runs/<n>/input        a copy of the model, for this run alone
//! <root>/runs/<n>/output       what the plugin may write to …
//! <root>/runs/<n>/scratch      …
//! <root>/runs/<n>/checkpoints, shared   of a source, … and nothing else
//! <root>/kept/<n>              the same two, for several runs
//! ```

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Largest model that a case may bring, in bytes: it is copied for every run.
const INPUT_LIMIT: u64 = 64 << 20;

/// Name of the folder for what a source has begun to fetch.
pub(super) const CHECKPOINTS: &str = "checkpoints";
/// Name of the folder that a source shares with other programs.
pub(super) const SHARED: &str = "shared";

/// State of a folder in a [`Snapshot`].
pub(super) const FOLDER: &str = "folder";

/// Names of folders that are not looked into: libraries of a plugin, and what interpreters keep.
const LEFT_OUT: [&str; 6] =
    ["__pycache__", "node_modules", "site-packages", "venv", ".venv", ".git"];

/// The folders that a plugin is tried in.
pub(super) struct World {
    root: PathBuf,
    /// Folders elsewhere that nothing should change in.
    watched: Vec<PathBuf>,
    count: Cell<u32>,
}

/// Files by path, with what tells whether they have changed.
pub(super) type Snapshot = BTreeMap<PathBuf, String>;

impl World {
    /// The world below `root`, an existing folder; the folders `watched` are looked at too.
    pub(super) fn new(root: &Path, watched: Vec<PathBuf>) -> io::Result<Self> {
        for (_, folder) in variables(root) {
            fs::create_dir_all(folder)?;
        }
        let own = ["runs", "data", "kept"].map(|name| root.join(name));
        for folder in own.into_iter().chain([work_folder(root)]) {
            fs::create_dir_all(folder)?;
        }
        Ok(Self { root: root.to_owned(), watched, count: Cell::new(0) })
    }

    /// A folder for one more run, with `output` and `scratch` in it.
    pub(super) fn run_folder(&self) -> io::Result<PathBuf> {
        self.count.set(self.count.get() + 1);
        let folder = self.root.join("runs").join(self.count.get().to_string());
        fs::create_dir_all(folder.join("output"))?;
        fs::create_dir_all(folder.join("scratch"))?;
        Ok(folder)
    }

    /// A folder for what outlives a run.
    pub(super) fn kept_folder(&self) -> io::Result<PathBuf> {
        self.count.set(self.count.get() + 1);
        let folder = self.root.join("kept").join(self.count.get().to_string());
        fs::create_dir_all(&folder)?;
        Ok(folder)
    }

    /// A folder for data that cases read.
    pub(super) fn data_folder(&self) -> io::Result<PathBuf> {
        self.count.set(self.count.get() + 1);
        let folder = self.root.join("data").join(self.count.get().to_string());
        fs::create_dir_all(&folder)?;
        Ok(folder)
    }

    /// Everything but what the run in `run_folder` may write to.
    pub(super) fn snapshot(&self, run_folder: &Path) -> io::Result<Snapshot> {
        let own = ["output", "scratch", CHECKPOINTS, SHARED].map(|name| run_folder.join(name));
        let own: Vec<PathBuf> = own.into_iter().chain([self.root.join("kept")]).collect();
        let mut found = Snapshot::new();
        look(&self.root, &own, &content, &mut found)?;
        for folder in &self.watched {
            look(folder, &[], &size_and_time, &mut found)?;
        }
        Ok(found)
    }

    /// How `path` is called when people are told of it.
    pub(super) fn name<'a>(&self, path: &'a Path) -> &'a Path {
        path.strip_prefix(&self.root).unwrap_or(path)
    }
}

/// The folder that workers are started in.
pub(crate) fn work_folder(root: &Path) -> PathBuf {
    root.join("work")
}

/// The folders that workers take for the user's, by environment variable.
pub(crate) fn variables(root: &Path) -> [(&'static str, PathBuf); 5] {
    [
        ("HOME", root.join("home")),
        ("USERPROFILE", root.join("home")),
        ("TMPDIR", root.join("temp")),
        ("TEMP", root.join("temp")),
        ("TMP", root.join("temp")),
    ]
}

/// Every file below `folder`, with a digest of its content; of a link to a file, with that of the
/// file.
pub(super) fn files(folder: &Path) -> io::Result<Snapshot> {
    let mut found = Snapshot::new();
    look(folder, &[], &content, &mut found)?;
    for (path, state) in &mut found {
        if path.is_symlink() && path.is_file() {
            *state = content(path)?;
        }
    }
    Ok(found)
}

/// What is different `after`, in words.
pub(super) fn changes(before: &Snapshot, after: &Snapshot) -> Vec<(PathBuf, &'static str)> {
    let mut changes = Vec::new();
    for (path, state) in before {
        match after.get(path) {
            None => changes.push((path.clone(), "removed")),
            Some(now) if now != state => changes.push((path.clone(), "changed")),
            Some(_) => {}
        }
    }
    let made = after.keys().filter(|path| !before.contains_key(*path));
    changes.extend(made.map(|path| (path.clone(), "made")));
    changes
}

/// Copies the file or folder `from` to `to`; links are followed.
///
/// # Errors
/// When something cannot be read or written, or it is too large for a case.
pub(super) fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let bytes = copied_bytes(from, to, 0)?;
    let limit = INPUT_LIMIT >> 20;
    if bytes > INPUT_LIMIT {
        let message = format!("`{}` is larger than {limit} MiB", from.display());
        return Err(io::Error::other(message));
    }
    Ok(())
}

fn copied_bytes(from: &Path, to: &Path, so_far: u64) -> io::Result<u64> {
    let metadata = fs::metadata(from)?;
    let mut bytes = so_far;
    if metadata.is_dir() {
        fs::create_dir_all(to)?;
        for entry in fs::read_dir(from)? {
            let name = entry?.file_name();
            bytes = copied_bytes(&from.join(&name), &to.join(&name), bytes)?;
        }
    } else {
        bytes += metadata.len();
        if bytes <= INPUT_LIMIT {
            fs::copy(from, to)?;
        }
    }
    Ok(bytes)
}

/// What tells whether a file has changed.
type State<'a> = &'a dyn Fn(&Path) -> io::Result<String>;

fn content(path: &Path) -> io::Result<String> {
    Ok(blake3::hash(&fs::read(path)?).to_hex().to_string())
}

fn size_and_time(path: &Path) -> io::Result<String> {
    let metadata = fs::metadata(path)?;
    Ok(format!("{} {:?}", metadata.len(), metadata.modified()?))
}

fn look(
    path: &Path,
    left_out: &[PathBuf],
    state: State<'_>,
    found: &mut Snapshot,
) -> io::Result<()> {
    let is_left_out = LEFT_OUT.iter().any(|name| path.ends_with(name));
    if is_left_out || left_out.iter().any(|known| known == path) {
        return Ok(());
    }
    let metadata = fs::symlink_metadata(path)?;
    let state = if metadata.is_dir() {
        for entry in fs::read_dir(path)? {
            look(&entry?.path(), left_out, state, found)?;
        }
        FOLDER.to_owned()
    } else if metadata.is_file() {
        state(path)?
    } else if metadata.is_symlink() {
        format!("link to {}", fs::read_link(path)?.display())
    } else {
        "neither file nor folder".to_owned()
    };
    found.insert(path.to_owned(), state);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::{World, changes, copy, files};

    #[test]
    fn only_output_and_scratch_may_change() {
        let (root, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let world = World::new(root.path(), vec![elsewhere.path().to_owned()]).unwrap();
        let run = world.run_folder().unwrap();
        fs::create_dir(run.join("input")).unwrap();
        for name in ["input/kept", "input/changed", "input/removed"] {
            fs::write(run.join(name), "before").unwrap();
        }
        let before = world.snapshot(&run).unwrap();
        fs::write(run.join("output/model"), "").unwrap();
        fs::write(run.join("scratch/note"), "").unwrap();
        assert_eq!(changes(&before, &world.snapshot(&run).unwrap()), []);
        fs::write(run.join("input/changed"), "after!").unwrap();
        fs::remove_file(run.join("input/removed")).unwrap();
        fs::write(root.path().join("home/.litter"), "").unwrap();
        fs::write(elsewhere.path().join("main.py"), "").unwrap();
        let mut after = world.snapshot(&run).unwrap();
        assert!(after.remove(&elsewhere.path().join("main.py")).is_some());
        let changes = changes(&before, &after);
        let told: Vec<_> =
            changes.iter().map(|(path, how)| (world.name(path).to_str().unwrap(), *how)).collect();
        assert_eq!(
            told,
            [
                ("runs/1/input/changed", "changed"),
                ("runs/1/input/removed", "removed"),
                ("home/.litter", "made")
            ]
        );
    }

    #[test]
    fn a_copy_is_the_same() {
        let root = tempfile::tempdir().unwrap();
        let (from, to) = (root.path().join("from"), root.path().join("to"));
        fs::create_dir_all(from.join("deep")).unwrap();
        fs::write(from.join("deep/file"), "content").unwrap();
        copy(&from, &to).unwrap();
        let below = |folder: &Path| -> Vec<_> {
            let files = files(folder).unwrap();
            files
                .into_iter()
                .map(|(path, state)| (path.strip_prefix(folder).unwrap().to_owned(), state))
                .collect()
        };
        assert_eq!(below(&from), below(&to));
    }
}
