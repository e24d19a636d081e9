//! Components whose graph passes mean harm.

use std::time::Duration;

use olive_sandbox::{CallLimits, Limits};

use super::{Case, FOREVER, Stage, bytes};
use crate::guest::{Guest, Manifest, PASS};

fn case(
    name: &'static str,
    stage: Stage,
    failure: (&'static str, &'static str),
    change: impl FnOnce(&mut Guest),
) -> Case {
    let mut guest = Guest::of_passes();
    change(&mut guest);
    bytes(name, stage, failure, guest.build())
}

pub(super) fn describing() -> Vec<Case> {
    let bad = |name, words, passes: &[[&str; 3]]| {
        case(name, Stage::Describe, ("validator-bad-output", words), |guest| {
            guest.has_passes(passes);
        })
    };
    let [_, summary, schema] = PASS;
    vec![
        case("infinite loop in `passes`", Stage::Describe, TIMEOUT, |guest| {
            guest.passes = FOREVER.into();
        }),
        bad(
            "pass twice",
            "pass `renameinputs` is there twice",
            &[PASS, ["renameinputs", summary, schema]],
        ),
        bad(
            "pass with a path for a name",
            "the name of a pass is `../A`",
            &[["../A", summary, schema]],
        ),
        bad("pass without a summary", "the summary of pass `A` is empty", &[["A", "", schema]]),
        bad("pass without a schema", "the schema of pass `A` is not right", &[["A", summary, ""]]),
        bad(
            "pass with settings that are a list",
            "its schema of pass `A` is not one of an object",
            &[["A", summary, r#"{"type": "array"}"#]],
        ),
        case("101 passes", Stage::Describe, ("validator-flood", "it has 101 passes"), |guest| {
            let passes = guest.image.passes(&[PASS; 101]);
            guest.passes = format!("i32.const {}", guest.image.ok(passes));
        }),
        case(
            "pass that takes no graphs",
            Stage::Describe,
            ("validator-contract", "does not say that it accepts `graph` documents"),
            |guest| {
                let accepts = &[("workflow", "^0.1")];
                guest.manifest(&Manifest { accepts, ..Manifest::default() });
            },
        ),
    ]
}

/// On a machine that is busy, time may run out before fuel does.
const TIMEOUT: (&str, &str) = ("validator-timeout", "the call was stopped after");

pub(super) fn transforming() -> Vec<Case> {
    [using_up(), answering_wrongly()].into_iter().flatten().collect()
}

fn using_up() -> Vec<Case> {
    let transforms = |name, failure, body: &str| {
        case(name, Stage::Transform, failure, |guest| guest.transform = body.into())
    };
    let loops = |name, words, change: fn(&mut CallLimits)| {
        let mut limits = Limits::default();
        change(&mut limits.transform);
        Case { limits, ..transforms(name, ("validator-timeout", words), FOREVER) }
    };
    let memory = ("validator-out-of-memory", "268435456 are allowed");
    vec![
        loops("infinite loop in `transform`", "after 300 ms", |limits| {
            (limits.time, limits.fuel) = (Duration::from_millis(300), u64::MAX);
        }),
        loops("infinite loop in `transform` with little fuel", "5000000 units", |limits| {
            limits.fuel = 5_000_000;
        }),
        transforms(
            "`memory.grow` bomb in `transform`",
            memory,
            "(loop $again (drop (memory.grow (i32.const 16))) (br $again)) unreachable",
        ),
        transforms(
            "`unreachable` in `transform`",
            ("validator-trap", "unreachable"),
            "unreachable",
        ),
        case(
            "log lines without end in `transform`",
            Stage::Transform,
            ("validator-flood", "may log 65536 bytes"),
            |guest| {
                guest.transform = "(loop $again
                    (call $log (i32.const 2) (i32.const 1024) (i32.const 0)) (br $again))
                    unreachable"
                    .into();
            },
        ),
        case(
            "edits of 40 MB",
            Stage::Transform,
            ("validator-flood", "an answer may have 33554432 bytes"),
            |guest| {
                guest.pages = 700;
                let answer = guest.image.ok([65_536, 40_000_000]);
                guest.transform = format!("i32.const {answer}");
            },
        ),
    ]
}

fn answering_wrongly() -> Vec<Case> {
    let answers = |name, words, edits: &str| {
        case(name, Stage::Transform, ("validator-bad-output", words), |guest| {
            guest.pages = 8;
            guest.edits(edits);
        })
    };
    vec![
        answers("edits that are no JSON", "list of edits is not right: expected value", "edits!"),
        answers("edits that are an object", "expected a list of edits", "{}"),
        answers("edits that end too early", "EOF while parsing", r#"[{"edit": "remove_unused"}"#),
        answers("edits with something behind them", "trailing characters", "[] []"),
        answers(
            "edit that nobody knows",
            "edit 1: unknown variant `delete_disk`",
            r#"[{"edit": "remove_unused"}, {"edit": "delete_disk"}]"#,
        ),
        answers(
            "edit with a field too many",
            "edit 0: unknown field `path`",
            r#"[{"edit": "remove_node", "node": 1, "path": "/"}]"#,
        ),
        answers(
            "edit of a node without a number",
            "edit 0: invalid value: integer `-1`",
            r#"[{"edit": "remove_node", "node": -1}]"#,
        ),
        answers(
            "edits of 100000 levels",
            "recursion limit exceeded",
            &format!(r#"[{{"edit": "remove_unused", "levels": {}"#, "[".repeat(100_000)),
        ),
        case(
            "edits that are no UTF-8",
            Stage::Transform,
            ("validator-bad-output", "utf-8"),
            |guest| {
                let text = guest.image.bytes(b"\xff\xfe\xfd");
                guest.transform = format!("i32.const {}", guest.image.ok(text));
            },
        ),
        case(
            "refusal",
            Stage::Transform,
            ("validator-refused", "it is at fault itself: no such pass"),
            |guest| {
                guest.transform = format!("i32.const {}", guest.image.refusal(2, "no such pass"));
            },
        ),
    ]
}
