//! Components that mean harm, or were built badly: each ends at once, with a failure that says why.
//!
//! `cargo test -p olive-sandbox --test it adversarial -- --nocapture` prints the table.

mod passes;

use std::fmt::Write;
use std::process::Command;
use std::time::{Duration, Instant};
use std::{env, fs};

use olive_sandbox::{CallLimits, Context, Failure, Limits, Sandbox, compile};

use crate::guest::{Finding, Guest, wit};

/// Runs for ever.
const FOREVER: &str = "(loop $again (br $again)) unreachable";
/// Memory that this process may take for all of them, in kilobytes.
const MEMORY_KILOBYTES: u64 = 64 << 10;
/// Set in the process that runs nothing else.
const ALONE: &str = "OLIVE_TEST_RUNS_ALONE";

/// Where a component is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Compile,
    Load,
    Describe,
    Validate,
    Transform,
}

struct Case {
    name: &'static str,
    wasm: Vec<u8>,
    limits: Limits,
    stage: Stage,
    /// Code of the failure, and a part of its text.
    failure: (&'static str, &'static str),
}

fn case(
    name: &'static str,
    stage: Stage,
    failure: (&'static str, &'static str),
    change: impl FnOnce(&mut Guest),
) -> Case {
    let mut guest = Guest::default();
    change(&mut guest);
    bytes(name, stage, failure, guest.build())
}

fn bytes(
    name: &'static str,
    stage: Stage,
    failure: (&'static str, &'static str),
    wasm: Vec<u8>,
) -> Case {
    Case { name, wasm, limits: Limits::default(), stage, failure }
}

#[test]
fn each_is_stopped_within_a_second_by_its_own_failure() {
    const NAME: &str = "adversarial::each_is_stopped_within_a_second_by_its_own_failure";
    if env::var_os(ALONE).is_some() {
        return stop_all();
    }
    // Memory is that of a whole process, so other tests must not run in it.
    let mut test = Command::new(env::current_exe().unwrap());
    let alone = test.args(["--exact", NAME, "--nocapture"]).env(ALONE, "1").output().unwrap();
    let said = String::from_utf8_lossy(&alone.stdout);
    println!("{said}");
    assert!(alone.status.success(), "{}", String::from_utf8_lossy(&alone.stderr));
    assert!(said.contains("1 passed"), "it was not run");
}

fn stop_all() {
    let validators = [endless(), greedy(), crashing(), lying(), flooding(), foreign()];
    let cases = [passes::describing(), passes::transforming()].into_iter().chain(validators);
    let before = peak_kilobytes();
    let (mut table, mut wrong) = (String::new(), Vec::new());
    for case in cases.flatten().collect::<Vec<_>>() {
        let (stage, time, failure) = stopped(&case);
        let (name, millis) = (case.name, time.as_secs_f64() * 1e3);
        writeln!(table, "{name:<44} {millis:>7.2} ms  {stage:?}: {failure}").unwrap();
        let is_expected = (stage, failure.code()) == (case.stage, case.failure.0)
            && failure.to_string().contains(case.failure.1);
        if !is_expected || time > Duration::from_secs(1) {
            wrong.push(format!("{name}: {time:?} {stage:?} {}: {failure}", failure.code()));
        }
    }
    let grown = peak_kilobytes() - before;
    println!("{table}{} components; peak memory grew by {grown} kB", table.lines().count());
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(grown < MEMORY_KILOBYTES, "peak memory grew by {grown} kB");
}

/// Takes a component as far as it gets. The time is that of the stage that stopped it.
fn stopped(case: &Case) -> (Stage, Duration, Failure) {
    let sandbox = Sandbox::new(case.limits.clone()).unwrap();
    let start = Instant::now();
    let code = match compile(&case.wasm, &case.limits) {
        Ok(code) => code,
        Err(failure) => return (Stage::Compile, start.elapsed(), failure),
    };
    let start = Instant::now();
    let component = match sandbox.load(&code) {
        Ok(component) => component,
        Err(failure) => return (Stage::Load, start.elapsed(), failure),
    };
    let start = Instant::now();
    let descriptor = match component.describe() {
        Ok(descriptor) => descriptor,
        Err(failure) => return (Stage::Describe, start.elapsed(), failure),
    };
    let start = Instant::now();
    if !descriptor.validates {
        return match component.transform("RenameInputs", "{}", "{}", &Context::default()) {
            Ok(edits) => panic!("{} was not stopped; it made {} edits", case.name, edits.len()),
            Err(failure) => (Stage::Transform, start.elapsed(), failure),
        };
    }
    match component.validate("{}", &Context::default()) {
        Ok(found) => panic!("{} was not stopped; it found {} things", case.name, found.len()),
        Err(failure) => (Stage::Validate, start.elapsed(), failure),
    }
}

/// Largest resident memory of this process so far; 0 where the system does not tell.
fn peak_kilobytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.and_then(|peak| peak.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

fn endless() -> Vec<Case> {
    // On a machine that is busy, time may run out before fuel does.
    let either = ("validator-timeout", "the call was stopped after");
    let validates = |name, failure, limits| Case {
        limits,
        ..case(name, Stage::Validate, ("validator-timeout", failure), |guest| {
            guest.validate = FOREVER.into();
        })
    };
    let fueled = |fuel| {
        let limits = Limits::default();
        Limits { call: CallLimits { fuel, ..limits.call }, ..limits }
    };
    vec![
        validates("infinite loop", either.1, Limits::default()),
        validates("infinite loop with endless fuel", "after 500 ms", fueled(u64::MAX)),
        validates("infinite loop with little fuel", "1000000 units of fuel", fueled(1_000_000)),
        case("infinite loop in `cabi_realloc`", Stage::Validate, either, |guest| {
            guest.realloc = Some(FOREVER.into());
        }),
        case("infinite loop in the start function", Stage::Describe, either, |guest| {
            guest.fields = format!("(func $start {FOREVER}) (start $start)");
        }),
        case("infinite loop in `describe`", Stage::Describe, either, |guest| {
            guest.describe = FOREVER.into();
        }),
        case("infinite loop in `config-schema`", Stage::Describe, either, |guest| {
            guest.config_schema = FOREVER.into();
        }),
    ]
}

fn greedy() -> Vec<Case> {
    let memory = "validator-out-of-memory";
    vec![
        case("`memory.grow` bomb", Stage::Validate, (memory, "67108864 are allowed"), |guest| {
            guest.validate =
                "(loop $again (drop (memory.grow (i32.const 16))) (br $again)) unreachable".into();
        }),
        case("`memory.grow` of 4 GiB", Stage::Validate, (memory, "are allowed"), |guest| {
            guest.validate = "(drop (memory.grow (i32.const 65534))) unreachable".into();
        }),
        case("`table.grow` bomb", Stage::Validate, (memory, "10000 are allowed"), |guest| {
            guest.fields = "(table $table 1 funcref)".into();
            guest.validate = "(loop $again
                (drop (table.grow $table (ref.null func) (i32.const 100))) (br $again)) unreachable"
                .into();
        }),
        case("60000 pages at the start", Stage::Compile, (memory, "3932160000 bytes"), |guest| {
            guest.pages = 60_000;
        }),
        case("4294967295 table elements", Stage::Compile, (memory, "4294967295"), |guest| {
            guest.fields = "(table 4294967295 funcref)".into();
        }),
    ]
}

fn crashing() -> Vec<Case> {
    let trap = |words| ("validator-trap", words);
    let validates = |name, words, body: &'static str| {
        case(name, Stage::Validate, trap(words), |guest| guest.validate = body.into())
    };
    vec![
        validates("`unreachable`", "`unreachable` instruction executed", "unreachable"),
        validates(
            "division by zero",
            "integer divide by zero",
            "(i32.div_u (i32.const 1) (i32.const 0))",
        ),
        validates(
            "read out of bounds",
            "out of bounds memory access",
            "(i32.load (i32.const 0x7fffffff))",
        ),
        case(
            "call through an empty table",
            Stage::Validate,
            trap("uninitialized element"),
            |guest| {
                guest.fields = "(table $table 1 funcref) (type $plain (func (result i32)))".into();
                guest.validate = "(call_indirect $table (type $plain) (i32.const 0))".into();
            },
        ),
        case("endless recursion", Stage::Validate, trap("call stack exhausted"), |guest| {
            guest.fields = "(func $deeper (result i32)
                (i32.add (call $deeper) (i32.const 1)))"
                .into();
            guest.validate = "call $deeper".into();
        }),
        case("crash with last words", Stage::Validate, trap("rank 0 (wasm"), |guest| {
            let [at, length] = guest.image.bytes(b"rank 0");
            guest.validate = format!(
                "(call $log (i32.const 0) (i32.const {at}) (i32.const {length})) unreachable"
            );
        }),
        case("crash in `describe`", Stage::Describe, trap("unreachable"), |guest| {
            guest.describe = "unreachable".into();
        }),
    ]
}

fn lying() -> Vec<Case> {
    let bad = |words| ("validator-bad-output", words);
    vec![
        case("list of 2^31 findings", Stage::Validate, bad("out of bounds"), |guest| {
            guest.answers([1024, 1 << 31]);
        }),
        case("list at the end of memory", Stage::Validate, bad("out of bounds"), |guest| {
            guest.answers([0xffff_fff8, 4]);
        }),
        case("text that is no UTF-8", Stage::Validate, bad("utf-8"), |guest| {
            let [at, length] = guest.image.bytes(b"\xff\xfe\xfd");
            let mut record = [0; 17];
            record[5..7].copy_from_slice(&[at, length]);
            let record = guest.image.words(&record);
            guest.answers([record, 1]);
        }),
        case("severity of the number 9", Stage::Validate, bad("discriminant"), |guest| {
            guest.findings(&[Finding { severity: 9, ..Finding::default() }]);
        }),
        case("answer at an odd address", Stage::Validate, bad("align"), |guest| {
            guest.validate = "i32.const 1025".into();
        }),
        case("answer outside of memory", Stage::Validate, bad("out of bounds"), |guest| {
            guest.validate = "i32.const 0x7ffffff0".into();
        }),
        case("`cabi_realloc` outside of memory", Stage::Validate, bad("realloc"), |guest| {
            guest.realloc = Some("i32.const 0x7ffffff0".into());
        }),
        case("JSON of 100000 levels", Stage::Describe, bad("recursion limit exceeded"), |guest| {
            guest.pages = 8;
            guest.schema(&r#"{"a":"#.repeat(100_000 / 5));
        }),
        case("schema that is no JSON", Stage::Describe, bad("schema is not right"), |guest| {
            guest.schema("{]");
        }),
    ]
}

fn flooding() -> Vec<Case> {
    let flood = |words| ("validator-flood", words);
    let answer = "an answer may have 8388608 bytes";
    vec![
        case("400000 findings", Stage::Validate, flood(answer), |guest| {
            guest.pages = 600;
            guest.answers([65_536, 400_000]);
        }),
        case("1000 findings of the same 16 MB", Stage::Validate, flood(answer), |guest| {
            guest.pages = 300;
            let mut record = [0; 17];
            record[5..7].copy_from_slice(&[65_536, 16 << 20]);
            let list = guest.image.words(&record.repeat(1000));
            guest.answers([list, 1000]);
        }),
        case("message of 60 MB", Stage::Validate, flood(answer), |guest| {
            guest.pages = 960;
            let mut record = [0; 17];
            record[5..7].copy_from_slice(&[65_536, 60_000_000]);
            let list = guest.image.words(&record);
            guest.answers([list, 1]);
        }),
        case("log lines without end", Stage::Validate, flood("may log 65536 bytes"), |guest| {
            let [at, length] = guest.image.text(&"again ".repeat(200));
            guest.validate = format!(
                "(loop $again
                (call $log (i32.const 2) (i32.const {at}) (i32.const {length})) (br $again))
                unreachable"
            );
        }),
        case("empty log lines without end", Stage::Validate, flood("may log"), |guest| {
            guest.validate = "(loop $again
                (call $log (i32.const 2) (i32.const 1024) (i32.const 0)) (br $again)) unreachable"
                .into();
        }),
        case("log line of 16 MB", Stage::Validate, flood(answer), |guest| {
            guest.pages = 300;
            guest.validate = "(call $log (i32.const 2) (i32.const 1024) (i32.const 16777216))
                unreachable"
                .into();
        }),
    ]
}

fn foreign() -> Vec<Case> {
    let stage = Stage::Compile;
    let malformed = |words| ("validator-malformed", words);
    let text =
        |name, failure, text: &str| bytes(name, stage, failure, wat::parse_str(text).unwrap());
    let honest = Guest::default().build();
    let environment = r#"(component (import "wasi:cli/environment@0.2.3" (instance
        (export "get-arguments" (func (result (list string)))))))"#;
    vec![
        text(
            "import of `wasi:cli`",
            ("validator-import-denied", "`wasi:cli/environment@0.2.3`"),
            environment,
        ),
        text("empty component", ("validator-contract", "does not export"), "(component)"),
        bytes(
            "another version of the contract",
            stage,
            ("validator-api-version", "speaks `olive:plugin` 7.0.0"),
            Guest { wit: wit().replace("@0.1.1", "@7.0.0"), ..Guest::default() }.build(),
        ),
        bytes(
            "`validate` of another type",
            Stage::Describe,
            ("validator-contract", "expected"),
            Guest {
                wit: wit().replace(
                    "result<list<diagnostic>, plugin-error>",
                    "result<list<string>, plugin-error>",
                ),
                ..Guest::default()
            }
            .build(),
        ),
        text("core module", malformed("`olive plugin build` makes"), "(module)"),
        bytes(
            "component cut short",
            stage,
            malformed("unexpected end"),
            honest[..honest.len() / 2].to_vec(),
        ),
        bytes("no bytes at all", stage, malformed("unexpected end"), Vec::new()),
        bytes("random bytes", stage, malformed("magic"), noise(100_000)),
        bytes("component with 100 bytes of noise", stage, malformed("offset"), spoiled(honest)),
    ]
}

/// Bytes that follow no form, the same ones each time.
fn noise(count: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    std::iter::repeat_with(next).take(count).collect()
}

fn spoiled(mut wasm: Vec<u8>) -> Vec<u8> {
    let middle = wasm.len() / 2;
    for (byte, noise) in wasm[middle..middle + 100].iter_mut().zip(noise(100)) {
        *byte ^= noise;
    }
    wasm
}
