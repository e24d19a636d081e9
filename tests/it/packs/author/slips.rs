//! What authors get wrong: each is one sentence with its place, and leaves nothing.

use std::fs::{self, File};

use serde_json::{Value, json};

use super::{Author, library};
use crate::playground::Said;

/// Checks that packing fails so, and makes nothing.
#[track_caller]
fn refused(author: &Author, code: i32, parts: &[&str]) {
    let said = author.pack(&[]);
    said.check(code, parts);
    assert_eq!(said.err.matches("error[").count(), 1, "{}", said.err);
    assert_eq!(author.playground.names("out"), [""; 0]);
}

/// Checks that the toy plugin is not packed by a recipe with these keys.
#[track_caller]
fn wrong(keys: Value, parts: &[&str]) {
    let author = Author::with_toy();
    author.recipe(keys);
    refused(&author, 11, parts);
}

#[test]
fn a_wrong_recipe_is_told_with_line_and_column() {
    let author = Author::with_toy();
    let text = "{\n  \"name\": \"acme/prune\",\n  \"publisher\": {\"id\": \"acme\", \"name\": \"A\"},\n  \
                \"description\": \"Prunes.\"\n}\n";
    author.write("olive-pack.json", text);
    refused(&author, 11, &["key `license` is missing", "olive-pack.json:1:1", "add `license`"]);
    let place = "olive-pack.json:2:11";
    wrong(json!({"name": "Acme"}), &["not a name such as `acme/prune`", place]);
    wrong(
        json!({"name": "moon/prune"}),
        &["\"acme\" is not the publisher of `moon/prune`", ":4:11"],
    );
    wrong(json!({"dist": "build"}), &["`build` is not there", ":9:11"]);
    wrong(json!({"docs": ["../LICENSE"]}), &["`../LICENSE` is not in the folder", ":10:5"]);
    wrong(json!({"docs": ["NEWS"]}), &["`NEWS` is no file", ":10:5"]);
    wrong(json!({"version": "1"}), &["\"1\" is no version", ":9:14"]);
    wrong(json!({"api": ">=0.9"}), &["leaves out 0.6.0, the plugin API", ":9:10"]);
    wrong(json!({"lisense": "MIT"}), &["unknown key `lisense`", "did you mean `license`?"]);
    let provider = json!([{
        "name": "Moon", "devices": ["npu"], "onnxruntime": "*",
        "entry": {"x86_64-apple-darwin": "libmoon.dylib"}
    }]);
    wrong(
        json!({"execution_providers": provider}),
        &["`libmoon.dylib` is no file for `x86_64-apple-darwin`", "olive-pack.json:"],
    );
    let plugin = json!([{"kind": "native", "entry": {"any": "libother.so"}}]);
    wrong(json!({"plugins": plugin}), &["`libother.so` is no file for `any`"]);
}

#[test]
fn a_folder_without_a_recipe_or_a_plugin_is_told_what_to_do() {
    let author = Author::new();
    refused(&author, 12, &["prune` holds no built plugin to pack", "olive plugin build"]);
    author.write("dist/notes.txt", "no plugin");
    refused(&author, 12, &["holds no built plugin"]);
    fs::remove_file(author.path("olive-pack.json")).unwrap();
    refused(&author, 12, &["has no `olive-pack.json`"]);
}

#[test]
fn a_library_that_cannot_say_what_it_provides_is_not_packed() {
    for (from, name, part) in [
        ("olive_hostile_plugin", "crash_in_describe", "was killed by signal"),
        ("olive_next_major_plugin", "next", "update Olive"),
        ("olive_other_layout_plugin", "layout", "laid out otherwise"),
    ] {
        let author = Author::new();
        let file = library(name);
        author.copy(from, &format!("dist/{file}"));
        refused(&author, 12, &[&format!("prune/dist/{file}`"), part]);
    }
}

#[test]
fn a_plugin_that_breaks_the_contract_is_not_packed() {
    let Some(author) = Author::with_python() else { return };
    let text = fs::read_to_string(author.path("main.py")).unwrap();
    let long = format!("summary = \"{} ", "word ".repeat(30));
    author.write("main.py", &text.replace("summary = \"", &long));
    refused(
        &author,
        12,
        &["a plugin breaks the contract: `prune/summaries`", "olive plugin test", "--no-test"],
    );
    author.pack(&["--no-test"]).check(0, &["not, as --no-test says"]);
}

#[test]
fn a_file_that_the_plugin_needs_and_that_is_not_packed_is_missed_here() {
    let Some(author) = Author::with_python() else { return };
    let manifest = fs::read_to_string(author.path("prune.plugin.json")).unwrap();
    let without = manifest.replace(", \"safetensors_file.py\"", "");
    assert_ne!(without, manifest);
    author.write("prune.plugin.json", &without);
    refused(&author, 12, &["prune.plugin.json`", "safetensors_file"]);
}

#[test]
fn a_plugin_in_a_folder_of_no_system_is_told() {
    let author = Author::with_toy();
    let file = library("olive_toy_plugin");
    author.copy("olive_toy_plugin", &format!("dist/linux/{file}"));
    refused(
        &author,
        12,
        &[&format!("dist/linux/{file}` is a plugin in a folder"), "target triple"],
    );
}

#[test]
fn two_plugins_of_one_name_are_told() {
    let author = Author::with_toy();
    let file = library("renamed");
    author.copy("olive_toy_plugin", &format!("dist/{file}"));
    refused(&author, 12, &["are two plugins that are called `olive-toy-plugin`", &file]);
}

#[test]
fn what_is_no_plain_file_is_not_packed() {
    let author = Author::with_toy();
    author.write("dist/acme.key", "untrusted comment: minisign secret key\nRWQ\n");
    refused(&author, 12, &["prune/dist/acme.key` is a secret key"]);
    fs::remove_file(author.path("dist/acme.key")).unwrap();
    author.write("dist/aux.txt", "a device on Windows");
    refused(&author, 12, &["aux.txt"]);
    fs::remove_file(author.path("dist/aux.txt")).unwrap();
    // A file of nothing but a hole.
    let hole = File::create(author.path("dist/hole")).unwrap();
    hole.set_len((4 << 30) + 1).unwrap();
    refused(
        &author,
        12,
        &["prune/dist/hole` makes 4294967297 bytes, and a file may have 4294967296"],
    );
    fs::remove_file(author.path("dist/hole")).unwrap();
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("/etc/hostname", author.path("dist/link")).unwrap();
        refused(&author, 12, &["prune/dist/link` is a link", "put a copy"]);
        fs::remove_file(author.path("dist/link")).unwrap();
        let made = std::process::Command::new("mkfifo").arg(author.path("dist/pipe")).status();
        if made.is_ok_and(|status| status.success()) {
            refused(&author, 12, &["prune/dist/pipe` is no plain file"]);
        }
    }
}

/// Runs a command with a password for keys.
fn with_password(author: &Author, password: &str, args: &[&str]) -> Said {
    let mut command = author.playground.command(args);
    Said::from(command.env("OLIVE_KEY_PASSWORD", password).output().unwrap())
}

#[test]
fn a_locked_key_needs_its_password() {
    let author = Author::with_toy();
    author.pack(&["--no-test"]).check(0, &["nobody has: olive plugin sign"]);
    let new = ["plugin", "key", "new", "@/locked.key"];
    with_password(&author, "moon", &new).check(0, &["locked by its password"]);
    with_password(&author, "moon", &new).check(12, &["locked.key` is there already"]);
    let sign = ["plugin", "sign", "@/out/acme-prune-0.1.0.pack", "--key", "@/locked.key"];
    let wrong = "locked.key`: the password does not open the secret key";
    with_password(&author, "sun", &sign).check(12, &[wrong]);
    assert_eq!(author.playground.names("out"), ["acme-prune-0.1.0.pack"]);
    with_password(&author, "moon", &sign).check(0, &["pack `acme/prune` 0.1.0, by key "]);
    let id = |said: &Said| said.out.lines().find(|line| line.starts_with("id ")).map(str::to_owned);
    let secret = with_password(&author, "moon", &["plugin", "key", "show", "@/locked.key"]);
    let public = author.playground.olive(&["plugin", "key", "show", "@/locked.pub"]);
    assert!(id(&public).is_some());
    assert_eq!(id(&secret), id(&public));
}

#[test]
#[cfg(unix)]
fn a_new_key_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let author = Author::new();
    author.key();
    let mode = |name| author.playground.path(name).metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("acme.key"), mode("acme.pub")), (0o600, 0o644));
    let new = ["plugin", "key", "new", "@/acme.pub", "--no-password"];
    author.playground.olive(&new).check(2, &["is a name for a public key"]);
}

#[test]
fn only_packs_and_indexes_are_signed() {
    let author = Author::with_toy();
    author.key();
    let sign =
        |file: &str| author.playground.olive(&["plugin", "sign", file, "--key", "@/acme.key"]);
    sign("@/prune/README.md").check(12, &["README.md` is neither a pack nor an index"]);
    sign("@/nowhere.pack").check(10, &["cannot read", "nowhere.pack"]);
    author.playground.write("cut.pack", "");
    fs::write(author.playground.path("cut.pack"), [0x28, 0xb5, 0x2f, 0xfd, 0]).unwrap();
    sign("@/cut.pack").check(12, &["cut.pack"]);
    let index = r#"{"format": 1, "name": "acme", "serial": 3, "packs": []}"#;
    author.playground.write("index.json", index);
    sign("@/index.json").check(0, &["index `acme`, serial number 3, by key "]);
    assert!(author.playground.exists("index.json.minisig"));
    author.playground.write("index.json", &index.replace("1,", "9,"));
    sign("@/index.json").check(12, &["has format 9"]);
}
