//! Components of released versions of the contract, which load and answer for ever.
//!
//! `frozen/<version>/` holds them as text, made by [`freeze`] when the version was released and
//! never changed since:
//!
//! ```text
//! cargo test -p olive-sandbox --test it freeze -- --ignored
//! ```

use std::path::PathBuf;
use std::{fs, slice};

use olive_sandbox::{Component, Context};
use olive_schemas::graph::GraphEdit;
use olive_schemas::validation::{Completion, Cost};
use serde_json::{Map, Value, json};

use crate::answers::load;
use crate::guest::{DOCUMENT_AND_CONTEXT, Finding, Guest, Manifest};

/// A version to freeze; the others are on disk.
const CURRENT: &str = "0.1.1";
/// Parameters of `document: string, at: string, ctx: context`.
const DOCUMENT_PLACE_AND_CONTEXT: &str =
    "(param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)";

fn path(version: &str, name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("frozen").join(version);
    folder.join(name).with_extension("wat")
}

fn frozen(version: &str, name: &str) -> Component {
    load(&wat::parse_file(path(version, name)).unwrap()).unwrap()
}

fn context() -> Context {
    let facts = Map::from_iter([("olive_version".to_owned(), Value::from("0.1.0"))]);
    Context { locale: Some("fi".into()), strict: true, facts }
}

#[test]
fn the_plain_validator_of_0_1_0_answers() {
    check_validator(&frozen("0.1.0", "plain"), "0.1.0", &[]);
}

#[test]
fn the_plain_validator_of_0_1_1_answers() {
    check_validator(&frozen("0.1.1", "plain"), "0.1.1", &[]);
}

#[test]
fn the_graph_passes_of_0_1_1_answer() {
    let component = frozen("0.1.1", "passes");
    let descriptor = component.describe().unwrap();
    assert_eq!((descriptor.id.as_str(), descriptor.validates), ("acme-rules", false));
    assert_eq!(
        (descriptor.api_version.as_str(), descriptor.interfaces),
        ("0.1.1", vec!["graph-pass".to_owned()])
    );
    check_passes(&component);
}

#[test]
fn the_full_validator_of_0_1_0_answers() {
    let component = frozen("0.1.0", "full");
    check_validator(&component, "0.1.0", &["migrator", "completer", "planner"]);
    check_optional(&component);
}

#[test]
fn the_full_component_of_0_1_1_answers() {
    let component = frozen("0.1.1", "full");
    let all = ["migrator", "completer", "planner", "graph-pass"];
    check_validator(&component, "0.1.1", &all);
    check_optional(&component);
    check_passes(&component);
}

/// The frozen passes answer with their settings.
#[track_caller]
fn check_passes(component: &Component) {
    let [pass] = &component.describe().unwrap().passes[..] else { panic!("one pass") };
    assert_eq!((&*pass.name, &*pass.summary), ("RenameInputs", "Rename inputs of the graph."));
    assert_eq!(pass.schema["properties"]["prefix"]["type"], "string");
    let edits = r#"[{"edit": "remove_node", "node": 3}, {"edit": "remove_unused"}]"#;
    let found = component.transform("RenameInputs", "{}", edits, &context()).unwrap();
    assert_eq!(found, [GraphEdit::RemoveNode { node: 3 }, GraphEdit::RemoveUnused]);
}

#[track_caller]
fn check_optional(component: &Component) {
    let ctx = context();
    let note = component.migrate("old form", &ctx).unwrap().pop().unwrap();
    assert_eq!(note.message, "old form");
    let offered = Completion {
        label: "/passes/lora/r".into(),
        insert: json!(16),
        detail: Some("rank".into()),
        documentation: Some("Rank of the *adapter*.".into()),
    };
    assert_eq!(component.complete("{}", "/passes/lora/r", &ctx), Ok(vec![offered]));
    let cost = Cost {
        peak_host_bytes: 6_000_000_000,
        peak_device_bytes: 5,
        disk_bytes: 7,
        flops: 1.5e15,
        confidence: 0.25,
        breakdown: Map::from_iter([("weights".to_owned(), Value::from(5))]),
    };
    assert_eq!(component.estimate("{}", &ctx), Ok(vec![None, Some(cost)]));
}

/// The frozen validators answer with what they were given: the document as message, the facts as
/// help.
#[track_caller]
fn check_validator(component: &Component, version: &str, interfaces: &[&str]) {
    let descriptor = component.describe().unwrap();
    assert_eq!((descriptor.id.as_str(), descriptor.version.as_str()), ("acme-rules", "1.2.3"));
    assert_eq!(descriptor.api_version, version);
    assert_eq!(descriptor.interfaces, interfaces);
    assert_eq!(descriptor.rules[0].code, "too-large");
    assert_eq!(descriptor.schema["type"], "object");
    let found = component.validate("the document", &context()).unwrap();
    let [finding] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(finding.message, "the document");
    assert_eq!(finding.help.as_deref(), Some(r#"{"olive_version":"0.1.0"}"#));
    assert_eq!(finding.pointer, "/passes/lora/r");
    assert_eq!(finding.related[0].pointer, "/passes/lora");
    assert_eq!(finding.fixes[0].patch, json!([{"op": "remove", "path": "/passes/lora/r"}]));
}

#[test]
#[ignore = "writes files, once for each release"]
fn freeze() {
    for (name, guest) in [("plain", plain()), ("full", full()), ("passes", passes())] {
        let path = path(CURRENT, name);
        assert!(!path.exists(), "`{}` is frozen", path.display());
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, wasmprinter::print_bytes(guest.build()).unwrap()).unwrap();
    }
}

fn plain() -> Guest {
    let mut guest = Guest::default();
    let [record, _] = finding(&mut guest);
    let answer = guest.image.ok([record, 1]);
    guest.validate = echo(record, answer);
    guest
}

fn passes() -> Guest {
    with_passes(Guest::of_passes())
}

/// The same with passes that answer with their settings.
fn with_passes(mut guest: Guest) -> Guest {
    let answer = guest.image.ok([0, 0]);
    guest.transform = format!(
        "(i32.store (i32.const {}) (local.get 4)) (i32.store (i32.const {}) (local.get 5))
    i32.const {answer}",
        answer + 4,
        answer + 8,
    );
    guest
}

fn full() -> Guest {
    let mut guest = Guest { world: "full-plugin", ..with_passes(plain()) };
    guest.manifest(&Manifest {
        provides: &["migrator", "completer", "planner", "graph-pass"],
        ..Manifest::default()
    });
    let [at, length] = guest.image.text("asked");
    guest.validate = format!(
        "(call $log (i32.const 2) (i32.const {at}) (i32.const {length})) {}",
        guest.validate
    );
    let [note, _] = finding(&mut guest);
    let notes = guest.image.ok([note, 1]);
    let [insert, detail, documentation] =
        ["16", "rank", "Rank of the *adapter*."].map(|text| guest.image.text(text));
    let completion = [&[0, 0], &insert[..], &[1], &detail, &[1], &documentation].concat();
    let completion = guest.image.words(&completion);
    let completions = guest.image.ok([completion, 1]);
    let breakdown = guest.image.text(r#"{"weights": 5}"#);
    let numbers = [6_000_000_000, 5, 7, 1.5e15_f64.to_bits(), 0.25_f64.to_bits()];
    let halves = numbers.iter().flat_map(|number| {
        let bytes = number.to_le_bytes();
        [&bytes[..4], &bytes[4..]].map(|half| u32::from_le_bytes(half.try_into().unwrap()))
    });
    let none = [0; 14].into_iter();
    let costs: Vec<u32> = none.chain([1, 0]).chain(halves).chain(breakdown).collect();
    let costs = guest.image.words(&costs);
    let costs = guest.image.ok([costs, 2]);
    guest.fields = format!(
        r#"(func (export "olive:plugin/migrator@{CURRENT}#migrate") (param {DOCUMENT_AND_CONTEXT}) (result i32)
    {migrate})
  (func (export "olive:plugin/completer@{CURRENT}#complete") {DOCUMENT_PLACE_AND_CONTEXT} (result i32)
    (i32.store (i32.const {label}) (local.get 2))
    (i32.store (i32.const {length}) (local.get 3))
    i32.const {completions})
  (func (export "olive:plugin/planner@{CURRENT}#estimate") (param {DOCUMENT_AND_CONTEXT}) (result i32)
    i32.const {costs})"#,
        migrate = echo(note, notes),
        label = completion,
        length = completion + 4,
    );
    guest
}

fn finding(guest: &mut Guest) -> [u32; 2] {
    let finding = Finding {
        patch: Some(r#"[{"op": "remove", "path": "/passes/lora/r"}]"#),
        related: Some("/passes/lora"),
        ..Finding::default()
    };
    guest.image.findings(slice::from_ref(&finding))
}

/// Puts the document into the message and the facts into the help of the diagnostic at `record`,
/// and answers `answer`.
fn echo(record: u32, answer: u32) -> String {
    let store = |offset: u32, value: &str| {
        format!("(i32.store (i32.const {}) ({value})) ", record + offset)
    };
    [
        store(20, "local.get 0"),
        store(24, "local.get 1"),
        store(28, "i32.const 1"),
        store(32, "local.get 10"),
        store(36, "local.get 11"),
        format!("i32.const {answer}"),
    ]
    .concat()
}
