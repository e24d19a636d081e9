//! How the contract grows: what a component built for another version of it may count on.

use olive_sandbox::{Context, Failure, Limits, compile};

use crate::answers::load;
use crate::guest::{Guest, wit};

/// A component of the version `version` that logs, so that it imports `host` of that version.
fn of(version: &str) -> Guest {
    let mut guest =
        Guest { wit: wit().replace("@0.1.1", &format!("@{version}")), ..Guest::default() };
    guest.validate =
        format!("(call $log (i32.const 3) (i32.const 0) (i32.const 0)) {}", guest.validate);
    guest
}

#[test]
fn a_later_patch_with_the_same_shapes_runs() {
    let component = load(&of("0.1.3").build()).unwrap();
    assert_eq!(component.describe().unwrap().api_version, "0.1.3");
    assert_eq!(component.validate("{}", &Context::default()), Ok(Vec::new()));
}

#[test]
fn an_interface_that_this_host_does_not_know_is_ignored() {
    let mut guest = of("0.1.4");
    guest.wit = guest.wit.replace(
        "world validator-plugin {",
        "interface explainer { explain: func(code: string) -> string; }
         world validator-plugin { export explainer;",
    );
    let text = guest.image.text("it is so");
    let text = guest.image.words(&text);
    guest.fields = format!(
        r#"(func (export "olive:plugin/explainer@0.1.4#explain") (param i32 i32) (result i32)
             i32.const {text})"#
    );
    let component = load(&guest.build()).unwrap();
    assert!(component.describe().unwrap().interfaces.is_empty());
    assert_eq!(component.validate("{}", &Context::default()), Ok(Vec::new()));
}

#[test]
fn a_record_with_one_more_field_is_refused() {
    let mut guest = of("0.1.4");
    guest.wit = guest.wit.replace(
        "    data: option<string>,\n  }",
        "    data: option<string>,\n    url: option<string>,\n  }",
    );
    let refused = load(&guest.build()).unwrap().describe().unwrap_err();
    assert_eq!(refused.code(), "validator-contract");
    let words = "expected record of 8 fields, found 9 fields";
    assert!(refused.to_string().contains(words), "{refused}");
}

#[test]
fn a_function_of_host_that_is_not_there_is_named() {
    let mut guest = of("0.1.4");
    guest.wit = guest.wit.replace(
        "  log: func(level: level, message: string);",
        "  log: func(level: level, message: string);\n  progress: func(share: f64);",
    );
    guest.validate.insert_str(0, "(call $progress (f64.const 0.5)) ");
    guest.imports =
        r#"(import "olive:plugin/host@0.1.4" "progress" (func $progress (param f64)))"#.into();
    let refused = load(&guest.build()).unwrap_err();
    assert_eq!(refused.code(), "validator-contract");
    assert!(refused.to_string().contains("`progress`"), "{refused}");
    assert!(refused.to_string().contains("built for `olive:plugin` 0.1.4"), "{refused}");
}

#[test]
fn another_minor_version_is_refused_before_it_is_compiled() {
    for version in ["0.2.0", "1.0.0"] {
        let refused = compile(&of(version).build(), &Limits::default()).unwrap_err();
        assert_eq!(refused, Failure::ApiVersion { found: version.into(), needed: "0.1".into() });
    }
}
