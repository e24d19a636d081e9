//! What the readers of pages have before they type the first command.

#![expect(
    clippy::unnecessary_wraps,
    reason = "a walk takes any scene, also one not to be had here"
)]

use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::blocks::{self, root};
use super::walk::Scene;
use crate::packs::maker::{Maker, TARGET, described};
use crate::packs::servers::https::{Manner, Server};
use crate::packs::servers::registry::Registry;
use crate::playground::{Playground, built, built_if_any};
use crate::real;

/// Password of every key that a page makes.
const PASSWORD: &str = "a test";

/// Someone with the program, who writes plugins.
///
/// What plugins depend on is compiled once, without a network, for all tests that build some.
pub(super) fn author() -> Option<Scene> {
    let mut scene = Scene::new(Playground::bare());
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("third-party");
    scene.variables = vec![
        ("CARGO_TARGET_DIR", target.display().to_string()),
        ("CARGO_NET_OFFLINE", "true".into()),
        ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0".into()),
        ("OLIVE_KEY_PASSWORD", PASSWORD.into()),
    ];
    // Tests are compiled as the library is, so that both share what they depend on.
    scene.words = vec![("cargo test", "cargo test --release".into())];
    Some(scene)
}

/// Someone with Python, a model and the plugin of docs/process-plugins.md.
pub(super) fn tag() -> Option<Scene> {
    const PAGE: &str = "docs/process-plugins.md";
    let scene = with_python()?;
    for (file, language) in [("tag/tag.plugin.json", "json"), ("tag/tag.py", "python")] {
        write(&scene, file, &blocks::block(PAGE, &format!("`{file}`:"), language));
    }
    let passes = json!({"tag": {"type": "TagModel", "tag": "golden"}});
    write_config(&scene, "olive-config.json", &passes);
    Some(scene)
}

/// Someone with Python, a model, the evaluator of docs/process-plugins.md and its metric.
pub(super) fn entropy() -> Option<Scene> {
    const PAGE: &str = "docs/process-plugins.md";
    let mut scene = with_python()?;
    scene.words =
        vec![("/path/to/a/checkpoint", scene.playground.path("base").display().to_string())];
    for (file, language) in
        [("entropy/entropy.plugin.json", "json"), ("entropy/entropy.py", "python")]
    {
        write(&scene, file, &blocks::block(PAGE, &format!("`{file}`:"), language));
    }
    let metric = blocks::block(PAGE, "A metric of a config names it:", "json");
    let metric: Value = serde_json::from_str(&metric).unwrap();
    let config = json!({
        "input_model": {"type": "HfModel", "model_path": scene.playground.path("base")},
        "evaluators": {"packed": {"metrics": [metric]}},
        "engine": {"evaluator": "packed"}
    });
    write(&scene, "measure.json", &config.to_string());
    Some(scene)
}

/// Someone in `examples/process-plugin`, with Python and a checkpoint.
pub(super) fn process_plugin() -> Option<Scene> {
    let mut scene = with_python()?;
    real::copy_files(&root().join("examples/process-plugin"), &scene.folder);
    let model = real::fixture("tiny-llama").display().to_string();
    scene.words = vec![("/path/to/a/checkpoint", model)];
    Some(scene)
}

/// Someone with the built-in plugins, a model, and rows with phrases and their tones.
pub(super) fn user() -> Option<Scene> {
    let scene = Scene::new(real::installed());
    real::copy_files(&real::fixture("tiny-phi3"), &scene.folder.join("model"));
    let example = root().join("examples/phrase-tone");
    for rows in ["train.json", "test.json"] {
        let text = fs::read_to_string(example.join(rows)).unwrap();
        let first: Vec<&str> = text.lines().take(20).collect();
        write(&scene, rows, &first.join("\n"));
    }
    Some(scene)
}

/// The same, where ONNX models can be measured.
pub(super) fn measurer() -> Option<Scene> {
    if real::has_onnxruntime() { user() } else { None }
}

/// The same with the config of docs/search.md.
pub(super) fn searcher() -> Option<Scene> {
    if !real::has_onnxruntime() {
        return None;
    }
    let scene = user()?;
    write(&scene, "search.json", &blocks::block("docs/search.md", "input model:", "json"));
    Some(scene)
}

/// Someone in `examples/phrase-tone`, with the built-in plugins and a model.
pub(super) fn recipe() -> Option<Scene> {
    if !real::has_onnxruntime() {
        return None;
    }
    let scene = user()?;
    write_recipe(&scene.folder);
    Some(scene)
}

/// Someone with the program alone, the packs of `cargo xtask dist` beside it, a model and the
/// examples; and with what [`buyer`] has.
pub(super) fn minimal() -> Option<Scene> {
    if !real::has_onnxruntime() {
        return None;
    }
    let components = ["graph_io", "rules"].map(|name| format!("olive_plugin_{name}.wasm"));
    let [Some(graph_io), Some(rules)] = components.each_ref().map(|name| built_if_any(name)) else {
        println!("skipped: there are no components: cargo xtask wasm builds them");
        return None;
    };
    let scene = buyer()?;
    let base = &[
        "lora",
        "merge",
        "model_builder",
        "onnx",
        "quantize",
        "import",
        "hub",
        "azureml",
        "package",
        "slurm",
        "environments",
    ];
    for (pack, plugins) in [("base", &base[..]), ("cpu", &["evaluate", "onnxruntime"])] {
        for plugin in plugins {
            let library = format!("{DLL_PREFIX}olive_plugin_{plugin}{DLL_SUFFIX}");
            copy(
                &built(&library),
                &scene.playground.path(&format!("{pack}/dist/{TARGET}/{library}")),
            );
        }
    }
    for (pack, component) in [("base", graph_io), ("rules", rules)] {
        let name = component.file_name().unwrap().to_str().unwrap();
        copy(&component, &scene.playground.path(&format!("{pack}/dist/any/{name}")));
    }
    new_key(&scene, "olive");
    for pack in ["base", "cpu", "rules"] {
        let recipe = format!("{pack}/olive-pack.json");
        copy(&root().join("xtask/packs").join(&recipe), &scene.playground.path(&recipe));
        let folder = format!("@/{pack}");
        let make = ["plugin", "pack", &folder, "--no-test", "--out", "@/bin/packs"];
        olive(&scene, &[&make[..], &["--key", "@/keys/olive.key"]].concat());
    }
    copy(&scene.playground.path("keys/olive.pub"), &scene.playground.path("bin/packs/olive.pub"));
    let packs = ["base", "cpu", "rules"].map(|pack| format!("@/bin/packs/olive-{pack}-0.1.0.pack"));
    let [base, cpu, rules] = packs.each_ref().map(String::as_str);
    let build = ["plugin", "index", "build", "--name", "program", "--key", "@/keys/olive.key"];
    olive(
        &scene,
        &[&build[..], &["--output", "@/bin/packs/index.json", base, cpu, rules]].concat(),
    );

    write_recipe(&scene.folder.join("examples/phrase-tone"));
    real::copy_files(&real::fixture("tiny-phi3"), &scene.folder.join("MODEL"));
    Some(scene)
}

/// Someone whom Acme has handed a pack and its key; packs of the same version are on its server,
/// and in its registry where this machine has one.
pub(super) fn buyer() -> Option<Scene> {
    let playground = Playground::bare();
    playground.install_in("loose", "olive_toy_plugin", "olive_plugin_toy");
    let library = built(&format!("{DLL_PREFIX}olive_toy_plugin{DLL_SUFFIX}"));
    let pack = Maker::new("acme/prune", "1.2.0")
        .native(&described(&playground, "loose"), fs::read(library).unwrap());
    let mut scene = Scene::new(playground);
    new_key(&scene, "acme");
    copy(&scene.playground.path("keys/acme.pub"), &scene.folder.join("acme.pub"));
    let path = pack.write(&scene.folder).display().to_string();
    olive(&scene, &["plugin", "sign", &path, "--key", "@/keys/acme.key"]);
    write_config(&scene, "olive-config.json", &json!({"only": {"type": "Toy"}}));
    publish(&mut scene, &path);
    Some(scene)
}

/// Writes the examples, but with two steps of training and ten rows to measure on.
fn write_recipe(folder: &Path) {
    real::copy_files(&root().join("examples/phrase-tone"), folder);
    for name in ["olive-config.json", "quantizers.json"] {
        let config = folder.join(name);
        change(&config, "\"max_steps\": -1", "\"max_steps\": 2");
        change(&config, "\"max_new_tokens\": 5", "\"max_new_tokens\": 5, \"limit\": 10");
    }
}

/// Replaces `from`, which is there, in a file.
fn change(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{}: no `{from}`", path.display());
    fs::write(path, text.replace(from, to)).unwrap();
}

/// Puts the pack on a server, with an index, and into a registry.
fn publish(scene: &mut Scene, pack: &str) {
    let server = Server::https();
    fs::create_dir_all(scene.playground.path("site")).unwrap();
    let index = scene.playground.path("site/index.json").display().to_string();
    let build = ["plugin", "index", "build", "--name", "acme", "--key", "@/keys/acme.key"];
    let base = server.url("/");
    olive(scene, &[&build[..], &["--base-url", &base, "--output", &index, pack]].concat());
    for file in [pack, &index] {
        for file in [file.to_owned(), format!("{file}.minisig")] {
            let name = Path::new(&file).file_name().unwrap().to_str().unwrap();
            server.serve(&format!("/{name}"), &fs::read(&file).unwrap(), Manner::Honest);
        }
    }
    scene.words = vec![("https://example.com/", server.url("/"))];
    scene.variables = vec![("SSL_CERT_FILE", server.authority().display().to_string())];
    scene.keep.push(Box::new(server));
    if let Some(registry) = Registry::open() {
        let reference = registry.reference("acme/prune");
        olive(scene, &["plugin", "push", pack, &reference]);
        scene.words.push(("oci://registry.example.com/acme/prune", reference));
        scene.keep.push(Box::new(registry));
    } else {
        scene.words.push(("olive plugin install oci://", ": there is no registry: oci://".into()));
    }
}

/// What is typed in place of the page's `RWQ…`: the line of the public key.
pub(super) fn tell_key(scene: &mut Scene) {
    let key = fs::read_to_string(scene.folder.join("acme.pub")).unwrap();
    scene.words.push(("RWQ…", key.lines().last().unwrap().to_owned()));
}

/// Writes a threshold that is no number, as docs/plugins.md says.
pub(super) fn mistake(scene: &mut Scene) {
    change(&scene.folder.join("example.json"), "0.01", "\"high\"");
}

/// Names the pack as docs/packs.md shows it.
pub(super) fn name_pack(scene: &mut Scene) {
    write(scene, "olive-pack.json", &blocks::block("docs/packs.md", "## Making packs", "json"));
}

/// Adds the index of Acme, so that packs are found by name.
pub(super) fn add_index(scene: &mut Scene) {
    let add = "olive plugin index add https://example.com/index.json --key acme.pub";
    scene.shell(add).check(0, &["added index acme"]);
}

fn with_python() -> Option<Scene> {
    let scene = Scene::new(Playground::bare());
    if scene.shell("python3 --version").code == Some(0) {
        return Some(scene);
    }
    println!("skipped: there is no `python3` on the search path");
    None
}

/// Makes `keys/NAME.key` and its public key.
fn new_key(scene: &Scene, name: &str) {
    fs::create_dir_all(scene.playground.path("keys")).unwrap();
    let key = format!("@/keys/{name}.key");
    olive(scene, &["plugin", "key", "new", "--no-password", &key]);
}

#[track_caller]
fn olive(scene: &Scene, args: &[&str]) {
    scene.playground.olive(args).check(0, &[]);
}

fn write(scene: &Scene, name: &str, text: &str) {
    let path = scene.folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// Writes a workflow of `passes` on the toy model.
fn write_config(scene: &Scene, name: &str, passes: &Value) {
    let model = scene.playground.path("base");
    let config = json!({
        "input_model": {"type": "HfModel", "model_path": model},
        "passes": passes,
        "output_dir": "output",
    });
    write(scene, name, &config.to_string());
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    fs::copy(from, to).unwrap_or_else(|error| panic!("{}: {error}", from.display()));
}
