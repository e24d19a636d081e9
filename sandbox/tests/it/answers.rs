//! What honest components answer, and what dishonest ones may not.

use olive_sandbox::{Component, Context, Failure, Limits, Sandbox, compile};
use olive_schemas::diagnostic::{Applicability, Fix, Related, Severity};
use serde_json::json;

use crate::guest::{Finding, Guest, Manifest};

/// The component, compiled and loaded in this process.
pub(crate) fn load(wasm: &[u8]) -> Result<Component, Failure> {
    let limits = Limits::default();
    let code = compile(wasm, &limits)?;
    Sandbox::new(limits)?.load(&code)
}

fn finds(finding: Finding<'_>) -> Result<Vec<olive_schemas::diagnostic::Diagnostic>, Failure> {
    let mut guest = Guest::default();
    guest.findings(&[finding]);
    load(&guest.build())?.validate("{}", &Context::default())
}

fn describes(
    manifest: &Manifest<'_>,
) -> Result<olive_schemas::validation::ValidatorDescriptor, Failure> {
    let mut guest = Guest::default();
    guest.manifest(manifest);
    load(&guest.build())?.describe()
}

#[test]
fn a_component_says_what_it_is() {
    let descriptor = describes(&Manifest::default()).unwrap();
    assert_eq!(descriptor.id, "acme-rules");
    assert_eq!(descriptor.version, "1.2.3");
    assert_eq!(descriptor.api_version, "0.1.1");
    assert_eq!(descriptor.rules[0].code, "too-large");
    assert_eq!(descriptor.schema["properties"]["max_rank"]["type"], "integer");
    assert!(descriptor.interfaces.is_empty());
}

#[test]
fn a_finding_arrives_whole() {
    let found = finds(Finding {
        severity: 1,
        help: Some("lower it"),
        patch: Some(r#"[{"op": "replace", "path": "/passes/lora/r", "value": 256}]"#),
        related: Some("/passes/lora"),
        ..Finding::default()
    });
    let found = found.unwrap().pop().unwrap();
    assert_eq!(found.severity, Severity::Warning);
    assert_eq!((found.code.as_str(), found.pointer.as_str()), ("too-large", "/passes/lora/r"));
    assert_eq!(found.message, "`r` is 9000; 256 is the most");
    assert_eq!(found.help.as_deref(), Some("lower it"));
    let related = Related { pointer: "/passes/lora".into(), message: "set here".into() };
    assert_eq!(found.related, [related]);
    let fix = Fix {
        title: "change it".into(),
        patch: json!([{"op": "replace", "path": "/passes/lora/r", "value": 256}]),
        applicability: Applicability::MachineApplicable,
    };
    assert_eq!(found.fixes, [fix]);
}

#[test]
fn messages_cannot_steer_the_terminal() {
    let message = "red \u{1b}[31m\u{202e}and\nturned\r\u{7}";
    let found = finds(Finding { message, ..Finding::default() }).unwrap();
    assert_eq!(found[0].message, "red [31mand turned ");
}

#[test]
fn more_findings_than_allowed_are_counted_and_no_error_is_lost() {
    let mut guest = Guest::default();
    let mut findings = vec![Finding { severity: 2, ..Finding::default() }; 1200];
    findings.push(Finding { severity: 0, code: "last", ..Finding::default() });
    guest.pages = 16;
    guest.findings(&findings);
    let found = load(&guest.build()).unwrap().validate("{}", &Context::default()).unwrap();
    assert_eq!(found.len(), 1001);
    assert_eq!((found[0].code.as_str(), found[0].severity), ("last", Severity::Error));
    assert_eq!(found[1000].message, "201 more findings are not shown; 1000 are");
    assert_eq!(found[1000].severity, Severity::Note);
}

#[test]
fn log_lines_arrive_without_control_characters() {
    let mut guest = Guest::default();
    let [at, length] = guest.image.text("three \u{1b}[1mrules\n");
    guest.validate = format!(
        "(call $log (i32.const 1) (i32.const {at}) (i32.const {length})) {}",
        guest.validate
    );
    let (sender, lines) = std::sync::mpsc::channel();
    let component = load(&guest.build()).unwrap().with_log(move |level, line| {
        sender.send((level, line.to_owned())).unwrap();
    });
    component.validate("{}", &Context::default()).unwrap();
    drop(component);
    let lines: Vec<_> = lines.iter().collect();
    assert_eq!(lines, [(olive_schemas::step::LogLevel::Warning, "three [1mrules ".to_owned())]);
}

#[test]
fn a_large_document_fits() {
    let component = load(&Guest::default().build()).unwrap();
    let document = format!("\"{}\"", "x".repeat(8 << 20));
    assert_eq!(component.validate(&document, &Context::default()), Ok(Vec::new()));
}

#[test]
fn optional_interfaces_are_not_required() {
    let component = load(&Guest::default().build()).unwrap();
    let ctx = Context::default();
    assert_eq!(component.migrate("{}", &ctx), Ok(Vec::new()));
    assert_eq!(component.complete("{}", "/passes", &ctx), Ok(Vec::new()));
    assert_eq!(component.estimate("{}", &ctx), Ok(Vec::new()));
}

#[test]
fn a_component_may_refuse() {
    for (case, words) in [
        (0, "it does not know this document: too new"),
        (1, "it cannot read the document: too new"),
        (2, "it is at fault itself: too new"),
    ] {
        let mut guest = Guest::default();
        guest.validate = format!("i32.const {}", guest.image.refusal(case, "too new"));
        let refused = load(&guest.build()).unwrap().validate("{}", &Context::default());
        assert_eq!(refused, Err(Failure::Refused(words.into())));
    }
}

#[track_caller]
fn check_bad_finding(finding: Finding<'_>, words: &str) {
    assert_eq!(finds(finding), Err(Failure::BadOutput(words.into())));
}

#[test]
fn findings_that_break_the_contract_are_refused() {
    let finding = Finding::default();
    check_bad_finding(
        Finding { pointer: "passes", ..finding.clone() },
        "`passes` is no JSON pointer",
    );
    check_bad_finding(Finding { pointer: "/a~2", ..finding.clone() }, "`/a~2` is no JSON pointer");
    check_bad_finding(
        Finding { code: "Too Large", ..finding.clone() },
        "the code of a finding is `Too Large`; it takes lower-case letters, digits and `-`",
    );
    check_bad_finding(
        Finding { message: "\n", ..finding.clone() },
        "the message of a finding is empty",
    );
    check_bad_finding(
        Finding { patch: Some("{}"), ..finding.clone() },
        "the patch of a fix is not right: invalid type: map, expected a sequence at line 1 column 0",
    );
    check_bad_finding(
        Finding { patch: Some("["), ..finding.clone() },
        "the patch of a fix is not right: EOF while parsing a list at line 1 column 1",
    );
    let deep = "[".repeat(100_000);
    let mut guest = Guest { pages: 8, ..Guest::default() };
    guest.findings(&[Finding { patch: Some(&deep), ..finding }]);
    let refused = load(&guest.build()).unwrap().validate("{}", &Context::default()).unwrap_err();
    assert!(refused.to_string().contains("recursion limit exceeded"), "{refused}");
}

#[track_caller]
fn check_bad_manifest(manifest: &Manifest<'_>, words: &str) {
    assert_eq!(describes(manifest), Err(Failure::BadOutput(words.into())));
}

#[test]
fn manifests_that_break_the_contract_are_refused() {
    check_bad_manifest(
        &Manifest { id: "../rules", ..Manifest::default() },
        "the id is `../rules`; it takes lower-case letters, digits and `-`",
    );
    check_bad_manifest(
        &Manifest { version: "one", ..Manifest::default() },
        "its version `one` is no semver version",
    );
    check_bad_manifest(
        &Manifest { description: "", ..Manifest::default() },
        "the description is empty",
    );
    let twice = r#"{"rules": [{"code": "a", "summary": "b"}, {"code": "a", "summary": "c"}]}"#;
    check_bad_manifest(
        &Manifest { extra: twice, ..Manifest::default() },
        "the rule `a` is there twice",
    );
    let contract = |manifest: &Manifest<'_>| describes(manifest).unwrap_err().to_string();
    assert_eq!(
        contract(&Manifest { accepts: &[("workflow", "^0.2")], ..Manifest::default() }),
        "the component does not fit the contract: it knows `workflow` documents of version \
         `^0.2`, this Olive writes 0.1.0"
    );
    assert_eq!(
        contract(&Manifest {
            accepts: &[("model", "^0.1"), ("graph", "^0.1")],
            ..Manifest::default()
        }),
        "the component does not fit the contract: it does not say that it accepts `workflow` \
         documents"
    );
    assert_eq!(
        contract(&Manifest { provides: &["planner"], ..Manifest::default() }),
        "the component does not fit the contract: it says that it provides `planner`, and does not \
         export it"
    );
}

#[track_caller]
fn check_bad_schema(schema: &str, words: &str) {
    let mut guest = Guest { pages: 8, ..Guest::default() };
    guest.schema(schema);
    assert_eq!(load(&guest.build()).unwrap().describe().unwrap_err().to_string(), words);
}

#[test]
fn schemas_of_settings_describe_objects_and_stay_inside() {
    check_bad_schema(
        r#"{"type": "array"}"#,
        "the component's answer is not valid: its schema is not one of an object: `type` must be \
         `object`",
    );
    check_bad_schema(
        r#"{"type": "object", "properties": {"a": {"$ref": "https://example.com/a"}}}"#,
        "the component's answer is not valid: its schema refers to `https://example.com/a`, outside \
         itself",
    );
    check_bad_schema(
        r#"{"type": "object", "$schema": "https://json-schema.org/draft/2020-12/schema"}"#,
        "the component's answer is not valid: its schema is written for \
         `\"https://json-schema.org/draft/2020-12/schema\"`; use draft-07",
    );
    check_bad_schema(
        &format!("{}{{}}", " ".repeat(300_000)),
        "the component says more than allowed: its schema has 300002 bytes; 262144 are allowed",
    );
}

#[test]
fn a_component_may_have_passes_and_no_validator() {
    let component = load(&Guest::of_passes().build()).unwrap();
    let descriptor = component.describe().unwrap();
    assert!(!descriptor.validates);
    assert_eq!(descriptor.interfaces, ["graph-pass"]);
    assert_eq!(descriptor.passes[0].name, "RenameInputs");
    let ctx = Context::default();
    assert_eq!(component.validate("{}", &ctx), Ok(Vec::new()));
    assert_eq!(component.transform("RenameInputs", "{}", "{}", &ctx), Ok(Vec::new()));
}

#[test]
fn a_validator_has_no_passes() {
    let component = load(&Guest::default().build()).unwrap();
    assert!(component.describe().unwrap().passes.is_empty());
    let refused = component.transform("RenameInputs", "{}", "{}", &Context::default());
    assert_eq!(refused, Err(Failure::Contract("it has no pass `RenameInputs`".into())));
}

#[test]
fn a_component_may_have_passes_and_a_validator() {
    let component = load(&Guest::default().with_passes().build()).unwrap();
    let descriptor = component.describe().unwrap();
    assert!(descriptor.validates && descriptor.passes.len() == 1);
}
