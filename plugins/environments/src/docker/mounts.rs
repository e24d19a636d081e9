//! What a container sees of this machine: what its job reads and writes, at the same paths.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use olive_plugin_api::Job;

use crate::error::EnvironmentError;
use crate::script::name;

/// Variable that tells a worker where its plugin is.
const PLUGIN: &str = "OLIVE_PLUGIN_PATH";
/// Folders that an image has of its own.
const OF_IMAGES: [&str; 8] =
    ["/", "/bin", "/lib", "/usr/bin", "/usr/lib", "/usr/lib64", "/usr/local/bin", "/usr/local/lib"];

/// In how many places a folder that links lead to is looked at: links that lead through links may
/// name ever more of them.
const PLACES: usize = 8;

/// Files and folders by the path that a container sees them at.
#[derive(Debug, Default)]
pub(super) struct Mounts(BTreeMap<PathBuf, Mount>);

#[derive(Debug, PartialEq, Eq)]
struct Mount {
    /// What it is here, without links.
    source: PathBuf,
    is_writable: bool,
}

impl Mounts {
    /// All that `job` reads and writes.
    pub(super) fn of(job: &Job) -> Result<Self, EnvironmentError> {
        let mut mounts = Self::default();
        mounts.read(&job.program)?;
        // A model that is no file has no path.
        for input in job.inputs.iter().filter(|input| !input.as_os_str().is_empty()) {
            mounts.read(input)?;
        }
        // A plugin may bring libraries, and looks for them beside itself.
        let plugin = job.environment.get(PLUGIN).and_then(|plugin| Path::new(plugin).parent());
        if let Some(folder) =
            plugin.filter(|folder| OF_IMAGES.iter().all(|of| **folder != *Path::new(of)))
        {
            mounts.add(folder, false)?;
        }
        for folder in job.outputs.iter().chain(&job.checkpoints).chain([&job.folder]) {
            mounts.add(folder, true)?;
        }
        Ok(mounts)
    }

    /// The program `path` alone.
    pub(super) fn of_program(path: &Path) -> Result<Self, EnvironmentError> {
        let mut mounts = Self::default();
        mounts.read(path)?;
        Ok(mounts)
    }

    /// The options of a container.
    pub(super) fn options(&self) -> Result<Vec<String>, EnvironmentError> {
        let mut options = Vec::new();
        for (target, Mount { source, is_writable }) in &self.0 {
            let mut words = vec![
                "type=bind".to_owned(),
                field("source", name(source)?),
                field("target", name(target)?),
            ];
            if !is_writable {
                words.push("readonly".into());
            }
            options.extend(["--mount".to_owned(), words.join(",")]);
        }
        Ok(options)
    }

    /// Lets `path` and what links in it lead to be read.
    fn read(&mut self, path: &Path) -> Result<(), EnvironmentError> {
        self.add(path, false)?;
        self.follow(path, &mut BTreeMap::new())
    }

    fn add(&mut self, path: &Path, is_writable: bool) -> Result<(), EnvironmentError> {
        let source = fs::canonicalize(path).map_err(EnvironmentError::io("find", path))?;
        let target = plain(path);
        let is_known = |(known, mount): (&PathBuf, &Mount)| {
            let rest = target.strip_prefix(known).ok();
            let same = rest.is_some_and(|rest| plain(&mount.source.join(rest)) == source);
            same && (mount.is_writable || !is_writable)
        };
        if !self.0.iter().any(is_known) {
            self.0.insert(target, Mount { source, is_writable });
        }
        Ok(())
    }

    /// Mounts what the links below the folder `path` lead to, unless it was `seen` before, as the
    /// folder that it is and where: links may lead in a circle.
    fn follow(
        &mut self,
        path: &Path,
        seen: &mut BTreeMap<PathBuf, BTreeSet<PathBuf>>,
    ) -> Result<(), EnvironmentError> {
        let source = fs::canonicalize(path).map_err(EnvironmentError::io("find", path))?;
        let places = seen.entry(source).or_default();
        if places.len() == PLACES || !places.insert(plain(path)) {
            return Ok(());
        }
        let entries = match fs::read_dir(path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => return Ok(()),
            Err(error) => return Err(EnvironmentError::io("read", path)(error)),
        };
        for entry in entries {
            let entry = entry.map_err(EnvironmentError::io("read", path))?;
            let kind = entry.file_type().map_err(EnvironmentError::io("read", entry.path()))?;
            if kind.is_dir() {
                self.follow(&entry.path(), seen)?;
            } else if kind.is_symlink()
                && let Ok(to) = fs::read_link(entry.path())
                && let Ok(source) = fs::canonicalize(entry.path())
            {
                // The link is read in the container, from the folder that it has there.
                let target = plain(&path.join(to));
                let is_folder = source.is_dir();
                self.add_as(&target, source);
                if is_folder {
                    self.follow(&target, seen)?;
                }
            }
        }
        Ok(())
    }

    fn add_as(&mut self, target: &Path, source: PathBuf) {
        // A link there is followed by itself.
        let is_seen = self.0.iter().any(|(known, mount)| {
            let rest = target.strip_prefix(known).ok();
            rest.is_some_and(|rest| fs::symlink_metadata(mount.source.join(rest)).is_ok())
        });
        if !is_seen {
            self.0.insert(target.to_owned(), Mount { source, is_writable: false });
        }
    }
}

/// A part of `--mount`, which is read as a line of comma-separated values.
fn field(key: &str, value: &str) -> String {
    let text = format!("{key}={value}");
    if text.contains([',', '"']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

/// `path` without `.` and `..`, links left as they are.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                plain.pop();
            }
            Component::CurDir => {}
            part => plain.push(part),
        }
    }
    plain
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;
    use std::os::unix::fs::symlink;

    use olive_plugin_api::Job;

    use super::{Mounts, PLACES, field, plain};

    #[test]
    fn what_links_lead_to_is_mounted_where_they_lead() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        for folder in ["model/deep", "blobs", "far"] {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        fs::write(root.join("blobs/a"), "a").unwrap();
        fs::write(root.join("far/b"), "b").unwrap();
        symlink("../blobs/a", root.join("model/relative")).unwrap();
        symlink(root.join("far"), root.join("model/deep/folder")).unwrap();
        symlink("relative", root.join("model/inside")).unwrap();
        symlink("nowhere", root.join("model/broken")).unwrap();
        symlink("model", root.join("alias")).unwrap();
        let mut mounts = Mounts::default();
        mounts.read(&root.join("alias")).unwrap();
        mounts.add(&root.join("far"), true).unwrap();
        let told = |name: &str| root.join(name).display().to_string();
        let expected = [
            format!("type=bind,source={},target={},readonly", told("model"), told("alias")),
            format!("type=bind,source={},target={},readonly", told("blobs/a"), told("blobs/a")),
            format!("type=bind,source={},target={}", told("far"), told("far")),
        ];
        let mut options = mounts.options().unwrap();
        options.retain(|option| option != "--mount");
        assert_eq!(options, expected);
    }

    #[test]
    fn links_are_followed_as_deep_as_they_lie_and_not_in_a_circle() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        let deep = (0..40).fold(root.join("model"), |folder, _| folder.join("d"));
        fs::create_dir_all(&deep).unwrap();
        fs::write(root.join("far"), "").unwrap();
        symlink(root.join("far"), deep.join("file")).unwrap();
        symlink("..", deep.join("up")).unwrap();
        symlink(".", root.join("model/self")).unwrap();
        let mut mounts = Mounts::default();
        mounts.read(&root.join("model")).unwrap();
        assert_eq!(mounts.0.keys().collect::<Vec<_>>(), [&root.join("far"), &root.join("model")]);
    }

    #[test]
    fn links_through_links_are_followed_a_few_times() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        for folder in ["model", "far/a", "far/b"] {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        symlink(".", root.join("far/self")).unwrap();
        symlink(root.join("far/self/a"), root.join("model/link")).unwrap();
        // Each step from one of the folders to the other is a longer path.
        for (from, to) in [("a", "a"), ("a", "b"), ("b", "a"), ("b", "b")] {
            let link = root.join("far").join(from).join(to);
            symlink(format!("../self/{to}"), link).unwrap();
        }
        let mut mounts = Mounts::default();
        mounts.read(&root.join("model")).unwrap();
        let folders = [root.join("far/a"), root.join("far/b")];
        for folder in &folders {
            assert!(mounts.0.values().any(|mount| mount.source == *folder));
        }
        assert!(mounts.0.len() <= 2 + 4 * PLACES, "{}", mounts.0.len());
    }

    #[test]
    fn a_model_that_is_no_file_is_not_mounted() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        fs::write(root.join("olive"), "").unwrap();
        let job = Job {
            title: "step".into(),
            program: root.join("olive"),
            arguments: Vec::new(),
            environment: BTreeMap::new(),
            input: String::new(),
            folder: root.clone(),
            inputs: vec!["".into()],
            outputs: Vec::new(),
            checkpoints: None,
            threads: 1,
            ranks: 1,
        };
        let mounts = Mounts::of(&job).unwrap();
        assert_eq!(mounts.0.keys().collect::<Vec<_>>(), [&root, &root.join("olive")]);
    }

    #[test]
    fn paths_are_written_as_the_engine_reads_them() {
        assert_eq!(field("source", "/a b"), "source=/a b");
        assert_eq!(field("source", "/a,\"b\""), "\"source=/a,\"\"b\"\"\"");
        assert_eq!(plain("/a/./b/../c".as_ref()), std::path::Path::new("/a/c"));
    }
}
