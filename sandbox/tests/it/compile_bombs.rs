//! Components that are made to keep the compiler busy.
//!
//! What a look at the file can tell is refused before the compiler sees it. The others are compiled
//! in a process with limits, which ends without harm to this one.
//!
//! `cargo test -p olive-sandbox --test it compile_bombs -- --nocapture` prints the figures.

use std::path::Path;
use std::time::{Duration, Instant};

use olive_sandbox::{Failure, Limits, MachineCode, Sandbox, compile, compile_in_child};

use crate::guest::Guest;

/// The program that compiles.
const COMPILER: &str = env!("CARGO_BIN_EXE_olive_compile_component");

fn in_child(args: &[&str], wasm: &[u8], wall: Duration) -> Result<MachineCode, Failure> {
    compile_in_child(Path::new(COMPILER), args, wasm, wall)
}

/// A guest with `fields` beside the honest exports.
fn with(fields: String) -> Vec<u8> {
    Guest { fields, ..Guest::default() }.build()
}

/// One function of many blocks, each of which may jump out.
fn many_blocks(count: usize) -> Vec<u8> {
    let block =
        "(block (br_if 0 (local.get 0)) (local.set 0 (i32.add (local.get 0) (i32.const 1))))";
    with(format!("(func (param i32) {})", block.repeat(count)))
}

fn deep_blocks(depth: usize) -> Vec<u8> {
    let open = "block ".repeat(depth);
    let leave: Vec<_> = (0..depth).map(|outer| format!("local.get 0 br_if {outer}")).collect();
    with(format!("(func (param i32) {open} {} {})", leave.join(" "), "end ".repeat(depth)))
}

fn many_functions(count: usize) -> Vec<u8> {
    with("(func)".repeat(count))
}

fn many_locals(functions: usize) -> Vec<u8> {
    let locals = format!("(func (local {}))", "i64 ".repeat(50_000));
    with(locals.repeat(functions))
}

/// Components that hold two of the next one each.
fn doubling(levels: usize) -> Vec<u8> {
    let twice = "(instance (instantiate 0)) (instance (instantiate 0))";
    let text = (0..levels)
        .fold("(component)".to_owned(), |inside, _| format!("(component {inside} {twice})"));
    wat::parse_str(text).unwrap()
}

#[test]
fn what_a_look_can_tell_never_reaches_the_compiler() {
    for (name, wasm, words) in [
        ("50000 functions", many_functions(50_000), "functions; 50000 are allowed"),
        ("3000 blocks inside each other", deep_blocks(3000), "2001 blocks inside each other"),
        ("a body of 4 MB", many_blocks(300_000), "bytes in a function; 1048576 are allowed"),
        ("100 functions of 50000 locals", many_locals(100), "local variables; 4000000 are allowed"),
        ("2^40 instances", doubling(40), "components inside each other; 4 are allowed"),
        ("33 MB", vec![0; 33 << 20], "34603008 bytes; 33554432 are allowed"),
    ] {
        let start = Instant::now();
        let failure = compile(&wasm, &Limits::default()).unwrap_err();
        println!("{name:<32} {:>8.1} ms  {failure}", start.elapsed().as_secs_f64() * 1e3);
        assert_eq!(failure.code(), "validator-too-large", "{name}: {failure}");
        assert!(failure.to_string().contains(words), "{name}: {failure}");
        assert!(start.elapsed() < Duration::from_secs(1), "{name} took {:?}", start.elapsed());
    }
}

#[test]
fn what_is_left_is_compiled_within_limits() {
    for (name, wasm) in [
        ("one function of 60000 blocks", many_blocks(60_000)),
        ("49000 functions", many_functions(49_000)),
        ("1900 blocks inside each other", deep_blocks(1900)),
        ("70 functions of 50000 locals", many_locals(70)),
    ] {
        let start = Instant::now();
        let code = in_child(&[], &wasm, Duration::from_secs(10));
        let end = code.as_ref().map_or_else(ToString::to_string, |code| format!("{code:?}"));
        println!("{name:<32} {:>8.1} ms  {end}", start.elapsed().as_secs_f64() * 1e3);
        assert!(start.elapsed() < Duration::from_secs(11), "{name} took {:?}", start.elapsed());
        if let Err(failure) = code {
            assert_eq!(failure.code(), "validator-compile", "{name}: {failure}");
        }
    }
}

#[test]
fn a_child_compiles_what_this_process_loads() {
    let code = in_child(&[], &Guest::default().build(), Duration::from_secs(30)).unwrap();
    let component = Sandbox::new(Limits::default()).unwrap().load(&code).unwrap();
    assert_eq!(component.describe().unwrap().id, "acme-rules");
}

#[test]
fn a_child_tells_what_is_wrong_with_a_component() {
    let refused = in_child(&[], b"\0asm", Duration::from_secs(30)).unwrap_err();
    assert_eq!(refused, compile(b"\0asm", &Limits::default()).unwrap_err());
}

#[track_caller]
fn check_end(args: &[&str], wall: Duration, words: &str) {
    let failure = in_child(args, &many_blocks(60_000), wall).unwrap_err();
    assert_eq!(failure, Failure::Compile(words.into()));
}

#[test]
fn a_child_that_takes_too_long_is_killed() {
    let start = Instant::now();
    check_end(&[], Duration::from_millis(20), "it took more than 0.02 s");
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[test]
#[cfg(target_os = "linux")]
fn a_child_that_needs_too_much_ends_by_itself() {
    let wall = Duration::from_mins(1);
    check_end(&["100", "60"], wall, "it needed more memory than a compiler may have");
    check_end(&["1536", "0"], wall, "it needed more processor time than a compiler may have");
}

#[test]
fn a_child_that_crashes_is_named() {
    let failure = compile_in_child(Path::new("/no/such/program"), &[], b"", Duration::ZERO);
    let failure = failure.unwrap_err().to_string();
    assert!(failure.contains("`/no/such/program` could not be started"), "{failure}");
}
