//! Process plugins: a manifest that names a command, and the files that decide what it does.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use olive_schemas::error::PluginError;
use olive_schemas::protocol::{Callee, PROTOCOL_VERSION, PluginManifest};
use semver::{Comparator, Op, Version, VersionReq};
use serde_json::Value;

use super::digest::Digests;

/// Ending of a manifest's file name.
pub const SUFFIX: &str = ".plugin.json";

/// Files that may decide what a plugin does.
const FILES: usize = 5_000;
/// Bytes that they may have together.
const BYTES: u64 = 1 << 30;
/// Folders below the manifest's that are searched.
const DEPTH: usize = 32;

/// What must be there for `plugin` to work: its library alone, or the folder of its manifest or of
/// its place in a pack.
pub fn parts(plugin: &Callee) -> PathBuf {
    let path = plugin.path.as_path();
    let is_folder = plugin.packed.is_some() || Manifest::is_at(path);
    let parts = if is_folder { path.parent().unwrap_or(path) } else { path };
    parts.to_owned()
}

/// A manifest that fits this host.
#[derive(Debug, Clone)]
pub struct Manifest {
    path: PathBuf,
    folder: PathBuf,
    content: PluginManifest,
}

impl Manifest {
    /// Whether the file at `path` is a manifest by its name.
    pub fn is_at(path: &Path) -> bool {
        path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(SUFFIX))
    }

    /// The manifest at `path`.
    ///
    /// # Errors
    /// When it cannot be read, is no manifest, or needs another protocol.
    pub fn read(path: &Path) -> Result<Self, PluginError> {
        let path = path.canonicalize().map_err(|error| PluginError::from_error("io", &error))?;
        let text = fs::read(&path).map_err(|error| PluginError::from_error("io", &error))?;
        let content = parse(&text)?;
        let folder = path.parent().unwrap_or(Path::new("/")).to_owned();
        Ok(Self { path, folder, content })
    }

    /// Name of the manifest's file.
    pub fn file_name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// The folder that it runs in.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Environment variables of its process.
    pub fn env(&self) -> &BTreeMap<String, String> {
        &self.content.env
    }

    /// The program, absolute unless it is looked for on the search path, and its arguments.
    pub fn command(&self) -> (PathBuf, &[String]) {
        match self.content.command.split_first() {
            Some((program, arguments)) => {
                let is_path = program.contains(['/', std::path::MAIN_SEPARATOR]);
                let program = Path::new(program);
                let program = if is_path { self.folder.join(program) } else { program.to_owned() };
                (program, arguments)
            }
            None => (PathBuf::new(), &[]),
        }
    }

    /// The command as written, for messages.
    pub fn command_line(&self) -> String {
        self.content.command.join(" ")
    }

    /// Digest of the manifest and of the files that decide what the plugin does, with their names.
    ///
    /// # Errors
    /// When one cannot be read, or there are too many to read them before each run.
    pub fn digest(&self, digests: &mut Digests) -> Result<String, PluginError> {
        let mut hasher = blake3::Hasher::new();
        for name in self.files()? {
            let unreadable = |error: io::Error| {
                PluginError::new("io", format!("cannot read `{}`: {error}", name.display()))
            };
            let digest = digests.file(&self.folder.join(&name)).map_err(unreadable)?;
            hasher.update(name.to_string_lossy().as_bytes());
            hasher.update(&[0]);
            hasher.update(digest.as_bytes());
        }
        Ok(hasher.finalize().to_hex().to_string())
    }

    /// Names of those files, relative to the manifest's folder.
    ///
    /// # Errors
    /// When one is not there or elsewhere, or there are too many.
    pub fn files(&self) -> Result<BTreeSet<PathBuf>, PluginError> {
        let mut files = Files { folder: &self.folder, names: BTreeSet::new(), bytes: 0 };
        files.add(Path::new(&self.file_name()), 0)?;
        for word in &self.content.command {
            let is_inside = is_inside(Path::new(word));
            if is_inside && self.folder.join(word).is_file() {
                files.add(Path::new(word), 0)?;
            }
        }
        if self.content.files.is_empty() {
            files.add_folder(Path::new(""), 0)?;
        }
        for name in &self.content.files {
            if !is_inside(name) {
                return Err(refused(format!(
                    "`files` names `{}`, which is not in the manifest's folder",
                    name.display()
                )));
            }
            if !self.folder.join(name).exists() {
                return Err(refused(format!(
                    "`files` names `{}`, which is not there",
                    name.display()
                )));
            }
            files.add(name, 0)?;
        }
        Ok(files.names)
    }
}

/// Files on their way to a digest.
struct Files<'a> {
    folder: &'a Path,
    names: BTreeSet<PathBuf>,
    bytes: u64,
}

impl Files<'_> {
    /// Adds a file, or what is in a folder.
    fn add(&mut self, name: &Path, depth: usize) -> Result<(), PluginError> {
        let path = self.folder.join(name);
        // A link that leads nowhere decides nothing.
        let Ok(metadata) = fs::metadata(&path) else { return Ok(()) };
        if metadata.is_dir() {
            return self.add_folder(name, depth);
        }
        if metadata.is_file() && self.names.insert(name.components().collect()) {
            self.bytes += metadata.len();
        }
        if self.names.len() > FILES || self.bytes > BYTES || depth > DEPTH {
            let message = format!(
                "the plugin's folder has more than {FILES} files, {} GiB or {DEPTH} levels to look \
                 through for changes",
                BYTES >> 30
            );
            return Err(refused(message)
                .with_help("list the files that decide what it does in `files` of the manifest"));
        }
        Ok(())
    }

    fn add_folder(&mut self, name: &Path, depth: usize) -> Result<(), PluginError> {
        let entries = fs::read_dir(self.folder.join(name))
            .map_err(|error| PluginError::from_error("io", &error))?;
        for entry in entries.flatten() {
            let entry = entry.file_name();
            if !is_cache(&entry.to_string_lossy()) {
                self.add(&name.join(entry), depth + 1)?;
            }
        }
        Ok(())
    }
}

/// Whether an entry of a folder is hidden, or one that Python makes by itself.
pub fn is_cache(name: &str) -> bool {
    name.starts_with('.') || name == "__pycache__"
}

/// Whether a relative path stays where it starts.
fn is_inside(path: &Path) -> bool {
    path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
}

fn parse(text: &[u8]) -> Result<PluginManifest, PluginError> {
    let garbled = |error: serde_json::Error| refused(format!("it is no manifest: {error}"));
    let value: Value = serde_json::from_slice(text).map_err(garbled)?;
    if !value.is_object() {
        return Err(refused("it is no manifest: a manifest is a JSON object"));
    }
    // A newer form is told by its protocol, not by the fields that this host does not know.
    if let Some(range) = value.get("protocol").and_then(Value::as_str) {
        check_protocol(range)?;
    }
    let manifest: PluginManifest = serde_json::from_value(value).map_err(garbled)?;
    if manifest.command.first().is_none_or(String::is_empty) {
        return Err(refused("`command` names no program")
            .with_help("write a program and its arguments, such as `[\"python3\", \"main.py\"]`"));
    }
    Ok(manifest)
}

/// Whether this host speaks a protocol of `range`.
fn check_protocol(range: &str) -> Result<(), PluginError> {
    let Ok(needed) = VersionReq::parse(range) else {
        let message = format!("`protocol` is `{range}`, which is no range of versions");
        return Err(refused(message).with_help("write `^1.0`"));
    };
    let ours = Version::parse(PROTOCOL_VERSION).map_err(|error| refused(error.to_string()))?;
    if needed.matches(&ours) {
        return Ok(());
    }
    let message =
        format!("it needs protocol `{range}` of process plugins, and this host speaks {ours}");
    let help = if needed.comparators.iter().any(|part| is_newer(part, &ours)) {
        "update Olive, or install a version of the plugin for this one"
    } else {
        "install a newer version of the plugin"
    };
    Err(PluginError::new("protocol-version", message).with_help(help))
}

/// Whether a comparator asks for more than `ours`.
fn is_newer(part: &Comparator, ours: &Version) -> bool {
    let wanted = (part.major, part.minor.unwrap_or(0), part.patch.unwrap_or(0));
    let is_bound_above = matches!(part.op, Op::Less | Op::LessEq);
    !is_bound_above && wanted > (ours.major, ours.minor, ours.patch)
}

fn refused(message: impl Into<String>) -> PluginError {
    PluginError::new("plugin-manifest", message)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use super::{Manifest, parse};
    use crate::plugin::digest::Digests;

    fn check_refused(text: &str, message: &str, help: &str) {
        let error = parse(text.as_bytes()).unwrap_err();
        assert!(error.message.starts_with(message), "{}", error.message);
        assert_eq!(error.help.unwrap_or_default(), help);
    }

    #[test]
    fn a_manifest_needs_a_protocol_and_a_command() {
        assert!(parse(br#"{"protocol": "^1.0", "command": ["./run"]}"#).is_ok());
        assert!(parse(br#"{"protocol": ">=1, <3", "command": ["./run"]}"#).is_ok());
        check_refused("[]", "it is no manifest: a manifest is a JSON object", "");
        check_refused(r#"{"protocol": "^1"}"#, "it is no manifest: missing field `command`", "");
        let with_typo = r#"{"protocol": "^1", "command": ["a"], "fils": []}"#;
        check_refused(with_typo, "it is no manifest: unknown field `fils`", "");
        check_refused(
            r#"{"protocol": "^1", "command": []}"#,
            "`command` names no program",
            "write a program and its arguments, such as `[\"python3\", \"main.py\"]`",
        );
    }

    #[test]
    fn another_protocol_is_told_with_the_way_out() {
        let newer = "update Olive, or install a version of the plugin for this one";
        let older = "install a newer version of the plugin";
        for (range, help) in [("^2.0", newer), ("^1.1", newer), ("^0.9", older), ("<1", older)] {
            let text = format!(r#"{{"protocol": "{range}", "new": true}}"#);
            let message = format!("it needs protocol `{range}` of process plugins, and this host");
            check_refused(&text, &message, help);
        }
        let text = r#"{"protocol": "first"}"#;
        check_refused(text, "`protocol` is `first`, which is no range of versions", "write `^1.0`");
    }

    struct Folder(tempfile::TempDir);

    impl Folder {
        fn new(more: &str) -> Self {
            let folder = Self(tempfile::tempdir().unwrap());
            let command = r#""protocol": "^1.0", "command": ["python3", "-u", "main.py"]"#;
            folder.write("a.plugin.json", &format!("{{{command}{more}}}"));
            folder.write("main.py", "main");
            folder.write("lib/part.py", "part");
            folder.write("lib/__pycache__/part.cpython.pyc", "compiled");
            folder.write(".git/HEAD", "hidden");
            folder
        }

        fn write(&self, name: &str, text: &str) {
            let path = self.0.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }

        fn manifest(&self) -> Manifest {
            Manifest::read(&self.0.path().join("a.plugin.json")).unwrap()
        }

        fn digest(&self) -> String {
            self.manifest().digest(&mut Digests::open("/nowhere")).unwrap()
        }

        fn files(&self) -> Vec<PathBuf> {
            self.manifest().files().unwrap().into_iter().collect()
        }
    }

    #[test]
    fn all_files_count_but_hidden_ones_and_caches() {
        let folder = Folder::new("");
        let names = ["a.plugin.json", "lib/part.py", "main.py"];
        assert_eq!(folder.files(), names.map(PathBuf::from));
        let digest = folder.digest();
        folder.write("lib/__pycache__/other.pyc", "more");
        assert_eq!(folder.digest(), digest);
        folder.write("lib/part.py", "another part");
        assert_ne!(folder.digest(), digest);
    }

    #[test]
    fn a_list_of_files_is_kept_to_and_the_command_counts_always() {
        let folder = Folder::new(r#", "files": ["./lib"]"#);
        let digest = folder.digest();
        folder.write("notes.txt", "nothing to do with it");
        assert_eq!(folder.digest(), digest);
        folder.write("main.py", "changed");
        assert_ne!(folder.digest(), digest);
    }

    #[test]
    fn files_that_are_not_there_or_elsewhere_are_told() {
        let refused = |more: &str| Folder::new(more).manifest().files().unwrap_err().message;
        let absent = refused(r#", "files": ["lab"]"#);
        assert_eq!(absent, "`files` names `lab`, which is not there");
        let outside = refused(r#", "files": ["../lib"]"#);
        assert_eq!(outside, "`files` names `../lib`, which is not in the manifest's folder");
    }

    #[test]
    fn programs_with_a_slash_are_paths_from_the_manifest() {
        let folder = Folder::new("");
        let manifest = folder.manifest();
        let (program, arguments) = manifest.command();
        assert_eq!(program, PathBuf::from("python3"));
        assert_eq!(arguments, ["-u", "main.py"]);
        folder.write("b.plugin.json", r#"{"protocol": "^1.0", "command": ["bin/run"]}"#);
        let manifest = Manifest::read(&folder.0.path().join("b.plugin.json")).unwrap();
        assert_eq!(manifest.command().0, manifest.folder().join("bin/run"));
    }
}
