//! Packs as a test wants them, also wrong ones that `olive plugin pack` would never make.

use std::collections::BTreeMap;
use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use olive_packs::archive;
use olive_schemas::pack::PackManifest;
use serde_json::{Value, json};

use crate::playground::Playground;

/// Target triple of the program.
pub(crate) const TARGET: &str = env!("OLIVE_TARGET");

/// A pack under construction.
#[derive(Clone)]
pub(crate) struct Maker {
    fields: serde_json::Map<String, Value>,
    plugins: Vec<Value>,
    files: BTreeMap<String, Vec<u8>>,
}

impl Maker {
    /// A pack `PUBLISHER/NAME` of nothing but a README.
    pub(crate) fn new(name: &str, version: &str) -> Self {
        let (publisher, _) = name.split_once('/').unwrap();
        let fields = json!({
            "format": 1,
            "name": name,
            "version": version,
            "publisher": {"id": publisher, "name": publisher},
            "license": "MIT",
            "description": format!("{name} for tests."),
            "api": ">=0.1.0, <1.0.0",
        });
        let Value::Object(fields) = fields else { unreachable!() };
        let made = Self { fields, plugins: Vec::new(), files: BTreeMap::new() };
        made.file("docs/README.md", format!("# {name}\n"))
    }

    /// With a field of the manifest as given.
    pub(crate) fn set(mut self, field: &str, value: Value) -> Self {
        self.fields.insert(field.to_owned(), value);
        self
    }

    /// With a file.
    pub(crate) fn file(mut self, path: &str, content: impl Into<Vec<u8>>) -> Self {
        self.files.insert(path.to_owned(), content.into());
        self
    }

    /// With a plugin as the manifest has it; its files are added apart.
    pub(crate) fn plugin(mut self, plugin: Value) -> Self {
        self.plugins.push(plugin);
        self
    }

    /// With a library for this machine that says `descriptor` about itself.
    pub(crate) fn native(self, descriptor: &Value, library: impl Into<Vec<u8>>) -> Self {
        let id = descriptor["name"].as_str().unwrap().to_owned();
        let file = id.replace('-', "_");
        let entry = format!("{TARGET}/{id}/{DLL_PREFIX}{file}{DLL_SUFFIX}");
        self.described("native", TARGET, &entry, descriptor).file(&entry, library)
    }

    /// With a process plugin for every machine that says `descriptor` about itself; `files` lie in
    /// its folder, `NAME.plugin.json` is the manifest.
    pub(crate) fn process(mut self, descriptor: &Value, files: &[(&str, &str)]) -> Self {
        let id = descriptor["name"].as_str().unwrap().to_owned();
        let is_manifest = |name: &&str| name.ends_with(".plugin.json");
        let manifest = files.iter().map(|(name, _)| *name).find(is_manifest).unwrap();
        self = self.described("process", "any", &format!("any/{id}/{manifest}"), descriptor);
        for (name, text) in files {
            self = self.file(&format!("any/{id}/{name}"), *text);
        }
        self
    }

    /// With a component that says `descriptor` about itself.
    pub(crate) fn component(self, descriptor: &Value, wasm: impl Into<Vec<u8>>) -> Self {
        let id = descriptor["id"].as_str().unwrap();
        let entry = format!("any/{id}.wasm");
        let plugin = json!({
            "id": id,
            "kind": "wasm",
            "provides": {"validators": [id]},
            "descriptor": format!("schemas/{id}.json"),
            "entry": {"any": entry},
        });
        let schema = format!("schemas/{id}.json");
        self.plugin(plugin).file(&schema, descriptor.to_string()).file(&entry, wasm)
    }

    fn described(self, kind: &str, target: &str, entry: &str, descriptor: &Value) -> Self {
        let id = descriptor["name"].as_str().unwrap();
        let mut provides = serde_json::Map::new();
        for part in ["passes", "evaluators", "generators", "sources", "systems"] {
            let parts = descriptor[part].as_array().into_iter().flatten();
            let mut names: Vec<&str> = parts.map(|part| part["name"].as_str().unwrap()).collect();
            names.sort_unstable();
            if !names.is_empty() {
                provides.insert(part.to_owned(), json!(names));
            }
        }
        let schema = format!("schemas/{id}.json");
        let plugin = json!({
            "id": id,
            "kind": kind,
            "provides": provides,
            "descriptor": schema,
            "entry": {target: entry},
        });
        self.plugin(plugin).file(&schema, descriptor.to_string())
    }

    /// The manifest; every file is listed.
    pub(crate) fn manifest(&self) -> PackManifest {
        let mut manifest = self.fields.clone();
        let list = |(path, content): (&String, &Vec<u8>)| {
            let (sha256, size) = archive::digest(content.as_slice()).unwrap();
            json!({"path": path, "sha256": sha256, "size": size})
        };
        manifest.insert("plugins".into(), json!(self.plugins));
        manifest.insert("files".into(), self.files.iter().map(list).collect());
        serde_json::from_value(Value::Object(manifest)).unwrap()
    }

    /// Writes the archive into `folder`, as `PUBLISHER-NAME-VERSION.pack`.
    pub(crate) fn write(&self, folder: &Path) -> PathBuf {
        let manifest = self.manifest();
        let root = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        for (path, content) in &self.files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        fs::create_dir_all(folder).unwrap();
        let path = folder.join(manifest.name.file_name(&manifest.version));
        archive::write(&manifest, root.path(), File::create(&path).unwrap()).unwrap();
        path
    }
}

/// The descriptor of a plugin `name` with one pass, which takes any setting.
pub(crate) fn with_pass(name: &str, pass: &str) -> Value {
    json!({
        "name": name,
        "version": "1.0.0",
        "api_version": "0.2.0",
        "passes": [{
            "name": pass,
            "summary": format!("{pass} for tests."),
            "accepts": ["HfModel"],
            "produces": "HfModel",
            "schema": {"type": "object"},
            "threads_change_result": false,
        }],
    })
}

/// What the plugin in `folder` of the playground says about itself, or the first of several. One
/// that stands beside the program too is told from there.
pub(crate) fn described(playground: &Playground, folder: &str) -> Value {
    let folder = format!("--plugin-dir={}", playground.path(folder).display());
    let said = playground.olive(&["plugin", "list", "--json", &folder]);
    said.check(0, &[]);
    let lines: Vec<Value> =
        said.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let is_in_folder = |line: &&Value| line["origin"] == "folder";
    let line = lines.iter().find(is_in_folder).or(lines.first()).unwrap();
    line.get("descriptor").or_else(|| line.get("validator")).unwrap().clone()
}
