//! Rules of manifests, row by row.

use serde_json::{Value, json};

use super::{check_path, parse};

#[test]
fn a_manifest_that_keeps_every_rule_is_read() {
    let read = parse(sound().to_string().as_bytes()).unwrap();
    assert_eq!(serde_json::to_value(read).unwrap(), sound());
}

#[test]
fn each_broken_rule_is_named() {
    for (place, value, part) in [
        ("/format", json!(0), "has format 0, and this Olive reads format 1"),
        ("/format", json!("1"), "cannot be understood"),
        ("/name", json!("Words"), "publisher/name"),
        ("/name", json!("other/words"), "publisher `acme` may not ship the pack `other/words`"),
        ("/version", json!("1.0"), "`version` is `1.0`, which is no semver version"),
        ("/version", json!("v1.0.0"), "no semver version"),
        ("/publisher/name", json!(" "), "`publisher.name` is empty"),
        ("/license", json!(""), "`license` is empty"),
        ("/license", json!("MIT, mostly"), "no SPDX expression"),
        ("/description", json!("a\u{7}b"), "control character: `a\\u{7}b`"),
        ("/description", json!("a\u{202e}b"), "control character"),
        ("/description", json!("a".repeat(1001)), "longer than 1000"),
        ("/homepage", json!("javascript:alert(1)"), "no web address"),
        ("/api", json!("new"), "`api` is `new`, which is no semver range"),
        ("/min_host", json!("1"), "`min_host` is `1`"),
        ("/conflicts/0", json!("acme/words"), "conflicts with itself"),
        ("/replaces/0", json!("acme/words"), "replaces itself"),
        ("/plugins/0/id", json!("a/b"), "has a `/`"),
        ("/plugins/0/id", json!(".."), "has a part `..`"),
        ("/plugins/0/id", json!("ep"), "two plugins of the pack are called"),
        ("/plugins/0/kind", json!("shell"), "cannot be understood"),
        ("/plugins/0/kind", json!("ort-ep"), "must have `execution_provider` and no `descriptor`"),
        ("/plugins/1/kind", json!("wasm"), "must have `descriptor` and no `execution_provider`"),
        ("/plugins/0/descriptor", json!("docs/a"), "names `docs/a`, which is no file of the pack"),
        ("/plugins/0/provides", json!({"passes": ["B", "A"]}), "named once, sorted"),
        ("/plugins/0/provides", json!({"passes": ["A", "A"]}), "named once, sorted"),
        ("/plugins/0/provides", json!({"passes": [""]}), "`pass` is empty"),
        ("/plugins/0/entry", json!({}), "no entry for any target"),
        ("/plugins/0/entry", json!({"linux": "any/words"}), "neither a target triple nor `any`"),
        ("/plugins/0/entry", json!({"X86-a-b": "any/words"}), "neither a target triple nor `any`"),
        ("/plugins/0/entry", json!({"any": "schemas/words.json"}), "neither in `any/`"),
        ("/plugins/1/execution_provider/devices", json!([]), "has no device"),
        ("/plugins/1/execution_provider/onnxruntime", json!("new"), "no semver range"),
        ("/files/0/sha256", json!("00"), "has no SHA-256"),
        ("/files/0/sha256", json!("A".repeat(64)), "has no SHA-256"),
        ("/files/1/path", json!("any/Ep"), "are one where case does not count"),
        ("/files/1/path", json!("any/WORDS"), "sorted"),
        ("/files/0/path", json!("any/words"), "is twice in the pack"),
    ] {
        let mut manifest = sound();
        *manifest.pointer_mut(place).unwrap() = value.clone();
        let error = parse(manifest.to_string().as_bytes()).expect_err(place).to_string();
        assert!(error.contains(part), "{place}: {value}: {error}");
        assert!(!error.chars().any(char::is_control), "{error:?}");
    }
}

#[test]
fn paths_that_every_system_takes_are_paths() {
    let long = format!("any/{}", "n".repeat(255));
    for path in [
        "a",
        "any/lib x.so.1",
        "any/.hidden",
        "any/..x",
        "any/console",
        "any/com10",
        "any/nulls",
        "any/a+b=(c)[d]~",
        &long,
    ] {
        check_path(path).unwrap();
    }
}

fn sound() -> Value {
    let file = |path: &str| json!({"path": path, "sha256": "0".repeat(64), "size": 1});
    json!({
        "format": 1,
        "name": "acme/words",
        "version": "1.2.3-rc.1+build",
        "publisher": {"id": "acme", "name": "Acme Ltd. Österreich"},
        "license": "(MIT OR Apache-2.0) AND LicenseRef-Acme",
        "description": "Counts words.",
        "homepage": "https://acme.example/words",
        "api": ">=0.1.0, <1.0.0",
        "min_host": "0.1.0",
        "conflicts": ["acme/numbers"],
        "replaces": ["acme/letters"],
        "plugins": [{
            "id": "words",
            "kind": "process",
            "provides": {"passes": ["A", "B"]},
            "descriptor": "schemas/words.json",
            "entry": {"any": "any/words", "x86_64-unknown-linux-gnu": "any/words"},
        }, {
            "id": "ep",
            "kind": "ort-ep",
            "provides": {"execution_providers": ["AcmeExecutionProvider"]},
            "entry": {"aarch64-apple-darwin": "any/ep"},
            "execution_provider": {
                "name": "AcmeExecutionProvider",
                "devices": ["npu"],
                "onnxruntime": ">=1.24",
            },
        }],
        "files": [file("any/ep"), file("any/words"), file("schemas/words.json")],
    })
}
