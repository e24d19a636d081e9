//! The author's side: from a folder to a signed pack, and what authors get wrong.

mod slips;

use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use olive_packs::archive::{self, Limits};
use olive_packs::signature::{PublicKey, Signature, Subject};
use olive_schemas::descriptor::PluginDescriptor;
use olive_schemas::pack::{PackManifest, PluginKind};
use serde_json::{Value, json};

use super::maker::TARGET;
use crate::playground::{Playground, Said, built};
use crate::validators::guest::Guest;

/// A plugin's folder `prune`, and a program without plugins.
struct Author {
    playground: Playground,
}

impl Author {
    /// With a recipe of `acme/prune` and nothing else.
    fn new() -> Self {
        let author = Self { playground: Playground::bare() };
        author.recipe(json!({}));
        author.write("README.md", "# Prune\n");
        author
    }

    /// With the toy plugin's library built.
    fn with_toy() -> Self {
        let author = Self::new();
        author.copy("olive_toy_plugin", &format!("dist/{}", library("olive_toy_plugin")));
        author
    }

    /// With a new process plugin in Python, unless there is no Python.
    fn with_python() -> Option<Self> {
        if !Command::new("python3").arg("--version").output().is_ok_and(|out| out.status.success())
        {
            println!("skipped: there is no `python3` on the search path");
            return None;
        }
        let author = Self { playground: Playground::bare() };
        let new = ["plugin", "new", "prune", "--kind", "pass", "--lang", "python", "--dir", "@/"];
        author.playground.olive(&new).check(0, &["olive plugin pack"]);
        Some(author)
    }

    /// Writes the recipe with these keys changed.
    fn recipe(&self, keys: Value) {
        let mut recipe = json!({
            "name": "acme/prune",
            "publisher": {"id": "acme", "name": "Acme"},
            "license": "MIT",
            "description": "Set weights to zero.",
        });
        recipe.as_object_mut().unwrap().extend(keys.as_object().unwrap().clone());
        self.write("olive-pack.json", &format!("{recipe:#}\n"));
    }

    fn path(&self, name: &str) -> PathBuf {
        self.playground.path("prune").join(name)
    }

    fn write(&self, name: &str, text: &str) {
        self.playground.write(&format!("prune/{name}"), text);
    }

    /// Puts the built library `from` to `name`.
    fn copy(&self, from: &str, name: &str) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::copy(built(&library(from)), self.path(name)).unwrap();
    }

    /// Runs `olive plugin pack` on the folder, into `out`.
    fn pack(&self, more: &[&str]) -> Said {
        let pack = ["plugin", "pack", "@/prune", "--out", "@/out"];
        self.playground.olive(&[&pack, more].concat())
    }

    /// Packs without trying; the manifest of what was made.
    fn packed(&self) -> PackManifest {
        let said = self.pack(&["--no-test", "--json"]);
        said.check(0, &[]);
        let made: Value = serde_json::from_str(&said.out).unwrap();
        let file = Path::new(made["path"].as_str().unwrap());
        let described = archive::describe(File::open(file).unwrap(), &Limits::default()).unwrap();
        let (sha256, size) = archive::digest(File::open(file).unwrap()).unwrap();
        assert_eq!((&made["sha256"], &made["size"]), (&json!(sha256), &json!(size)));
        described.manifest
    }

    /// Unpacks the only pack in `out`, which compares every file; gives the folder.
    fn unpacked(&self) -> PathBuf {
        let folder = self.playground.path("unpacked");
        fs::create_dir(&folder).unwrap();
        let pack = self
            .playground
            .names("out")
            .into_iter()
            .find(|name| Path::new(name).extension().is_some_and(|end| end == "pack"));
        let pack = File::open(self.playground.path("out").join(pack.unwrap())).unwrap();
        archive::unpack(&pack, &folder, &Limits::default(), &|_| {}).unwrap();
        folder
    }

    /// Makes a key `acme.key` that is not locked.
    fn key(&self) -> PublicKey {
        let new = ["plugin", "key", "new", "@/acme.key", "--no-password"];
        self.playground.olive(&new).check(0, &["olive plugin trust add PUBLISHER RW"]);
        PublicKey::parse(&self.playground.read("acme.pub")).unwrap()
    }
}

/// File name of a library on this system.
fn library(name: &str) -> String {
    format!("{DLL_PREFIX}{name}{DLL_SUFFIX}")
}

fn paths(manifest: &PackManifest) -> Vec<&str> {
    manifest.files.iter().map(|file| file.path.as_str()).collect()
}

#[test]
fn a_new_plugin_is_tried_packed_signed_and_verified() {
    let Some(author) = Author::with_python() else { return };
    let said = author.pack(&[]);
    let parts = ["example/prune 0.1.0\n", "provides  pass Prune\n", "targets   any\n", "0 failed"];
    said.check(0, &parts);
    let pack = "out/example-prune-0.1.0.pack";
    let folder = author.unpacked();
    let described: PluginDescriptor =
        serde_json::from_slice(&fs::read(folder.join("schemas/prune.json")).unwrap()).unwrap();
    assert_eq!(described.passes[0].name, "Prune");

    let key = author.key();
    let sign = ["plugin", "sign", &format!("@/{pack}"), "--key", "@/acme.key"];
    author.playground.olive(&sign).check(0, &[&format!("by key {}", key.id())]);
    let signature = Signature::parse(&author.playground.read(&format!("{pack}.minisig"))).unwrap();
    let name = "example/prune".parse().unwrap();
    assert_eq!(*signature.subject(), Subject::Pack { name, version: "0.1.0".into() });
    let open = || File::open(author.playground.path(pack)).unwrap();
    signature.verify(open(), &key).unwrap();
    // Only the plugin and what its manifest names was packed.
    let manifest = archive::describe(open(), &Limits::default()).unwrap().manifest;
    let expected = [
        "any/main.py",
        "any/olive_plugin.py",
        "any/prune.plugin.json",
        "any/safetensors_file.py",
        "docs/LICENSE",
        "docs/README.md",
        "schemas/prune.json",
    ];
    assert_eq!(paths(&manifest), expected);
    let plugin = &manifest.plugins[0];
    assert_eq!((plugin.kind, &*manifest.api), (PluginKind::Process, "*"));
    assert_eq!(plugin.entry["any"], "any/prune.plugin.json");
    assert_eq!(plugin.provides.passes, ["Prune"]);
}

#[test]
fn a_library_is_packed_for_its_machine_with_what_lies_beside_it() {
    let author = Author::with_toy();
    author.copy("olive_no_plugin", &format!("dist/{}", library("helper")));
    author.write("dist/tables/a.txt", "a table");
    author.write("dist/.hidden", "not packed");
    let manifest = author.packed();
    let toy = library("olive_toy_plugin");
    let here = |file: &str| format!("{TARGET}/{file}");
    let mut expected: Vec<String> =
        [library("helper"), toy.clone(), "tables/a.txt".into()].map(|file| here(&file)).into();
    expected.extend(["docs/README.md", "schemas/olive-toy-plugin.json"].map(str::to_owned));
    expected.sort();
    assert_eq!(paths(&manifest), expected);
    let [plugin] = &manifest.plugins[..] else { panic!("{:?}", manifest.plugins) };
    assert_eq!((plugin.kind, &*plugin.id), (PluginKind::Native, "olive-toy-plugin"));
    assert_eq!(plugin.entry[TARGET], here(&toy));
    assert!(plugin.provides.passes.contains(&"Toy".to_owned()), "{:?}", plugin.provides);
    assert!(manifest.api.starts_with(">=0.") && manifest.api.ends_with(", <1.0.0"));
}

#[test]
fn builds_for_other_systems_are_told_by_their_names() {
    let author = Author::with_toy();
    author.copy("olive_toy_plugin", "dist/aarch64-apple-darwin/libolive_toy_plugin.dylib");
    author.copy("olive_toy_plugin", "dist/x86_64-pc-windows-msvc/olive_toy_plugin.dll");
    author.write("dist/x86_64-pc-windows-msvc/onnxruntime/onnxruntime.dll", "what it loads");
    let manifest = author.packed();
    let [plugin] = &manifest.plugins[..] else { panic!("{:?}", manifest.plugins) };
    let entry = |target: &str| plugin.entry[target].as_str();
    let windows = "x86_64-pc-windows-msvc";
    assert_eq!(entry("aarch64-apple-darwin"), "aarch64-apple-darwin/libolive_toy_plugin.dylib");
    assert_eq!(entry(windows), "x86_64-pc-windows-msvc/olive_toy_plugin.dll");
    assert_eq!(manifest.targets().len(), 3);
    assert_eq!(manifest.files_of(windows).count(), 2);
}

#[test]
fn what_cannot_be_asked_here_is_described_by_its_author() {
    let author = Author::with_toy();
    author.packed();
    let unpacked = author.unpacked();
    let descriptor = fs::read_to_string(unpacked.join("schemas/olive-toy-plugin.json")).unwrap();
    fs::remove_dir_all(author.path("dist")).unwrap();
    author.copy("olive_toy_plugin", "dist/x86_64-pc-windows-msvc/olive_toy_plugin.dll");
    author.pack(&[]).check(
        12,
        &[
            "olive_toy_plugin.dll` is a plugin for x86_64-pc-windows-msvc only",
            "cannot be asked what it provides",
            "dist/schemas/olive-toy-plugin.json",
        ],
    );
    author.write("dist/schemas/olive-toy-plugin.json", &descriptor);
    let manifest = author.packed();
    assert_eq!(manifest.targets(), ["x86_64-pc-windows-msvc"]);
    assert_eq!(manifest.plugins[0].provides.passes.first().map(String::as_str), Some("Toy"));
    author.pack(&[]).check(0, &["tried     nothing runs here"]);
}

#[test]
fn an_execution_provider_is_packed_as_it_is() {
    let author = Author::new();
    author.write(&format!("dist/{TARGET}/libprovider.so"), "a library for ONNX Runtime");
    let provider = json!({
        "name": "MoonExecutionProvider",
        "devices": ["npu"],
        "onnxruntime": ">=1.22.0, <2.0.0",
        "entry": {TARGET: "libprovider.so"},
    });
    author.recipe(json!({"version": "1.2.0", "execution_providers": [provider]}));
    let manifest = author.packed();
    let [plugin] = &manifest.plugins[..] else { panic!("{:?}", manifest.plugins) };
    assert_eq!((plugin.kind, &plugin.descriptor), (PluginKind::OrtEp, &None));
    assert_eq!(plugin.provides.execution_providers, ["MoonExecutionProvider"]);
    assert_eq!(manifest.version, "1.2.0");
}

#[test]
fn the_same_files_give_the_same_bytes() {
    let digests = [0o022, 0o077].map(|mask| {
        let author = Author::with_toy();
        author.write("dist/tables/a.txt", "a table");
        let mut pack = Command::new("sh");
        let olive = author.playground.command(&["plugin", "pack", "@/prune", "--out", "@/out"]);
        pack.arg("-c").arg(format!("umask {mask:03o}; exec \"$0\" \"$@\" --no-test"));
        pack.arg(olive.get_program()).args(olive.get_args());
        author.playground.surround(&mut pack);
        let time = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(mask);
        let table = File::options().write(true).open(author.path("dist/tables/a.txt")).unwrap();
        table.set_modified(time).unwrap();
        Said::from(pack.output().unwrap()).check(0, &["sha256"]);
        let pack = author.playground.path("out").join("acme-prune-0.1.0.pack");
        archive::digest(File::open(pack).unwrap()).unwrap()
    });
    assert_eq!(digests[0], digests[1]);
}

#[test]
fn a_signature_of_other_content_does_not_stay_beside_a_new_pack() {
    let author = Author::with_toy();
    let key = author.key();
    author.pack(&["--no-test", "--key", "@/acme.key"]).check(0, &[&key.id()]);
    let signature = "out/acme-prune-0.1.0.pack.minisig";
    // The content is the same.
    author.pack(&["--no-test"]).check(0, &[&format!("signed    by key {}", key.id())]);
    assert!(author.playground.exists(signature));
    author.write("dist/more.txt", "more");
    author.packed();
    assert!(!author.playground.exists(signature));
    assert_eq!(author.playground.names("out"), ["acme-prune-0.1.0.pack"]);
}

#[test]
fn a_component_is_packed_as_what_it_has() {
    let passes = ["RenameInputs"].as_slice();
    for (guest, validators, passes) in [
        (Guest::default(), ["acme-rules"].as_slice(), [].as_slice()),
        (Guest::of_passes(), &[], passes),
        (Guest::default().with_passes(), &["acme-rules"], passes),
    ] {
        let author = Author::new();
        author.write("dist/acme.wasm", "");
        fs::write(author.path("dist/acme.wasm"), guest.build()).unwrap();
        let provides = author.packed().provides();
        assert_eq!(provides.validators, validators);
        assert_eq!(provides.passes, passes);
    }
}
