//! What a validator costs a check of a config, once it is compiled.
//!
//! `cargo test -p olive-sandbox --test it price -- --ignored --nocapture` prints the figures.

use std::time::{Duration, Instant};

use olive_sandbox::{Cache, Context, Limits, Sandbox, compile};

use crate::guest::{Finding, Guest, Manifest};

/// Validators of one check.
const VALIDATORS: usize = 20;

#[test]
#[ignore = "measures time, which other tests disturb"]
fn twenty_validators_cost_less_than_fifty_milliseconds() {
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::open(&folder.path().join("components")).unwrap();
    let compile = |wasm: &[u8]| compile(wasm, &Limits::default());
    let warn = |warning: &str| panic!("{warning}");
    let guests: Vec<Vec<u8>> = (0..VALIDATORS).map(validator).collect();
    for wasm in &guests {
        cache.get_or_compile(wasm, &compile, &warn).unwrap();
    }
    let document = format!(r#"{{"workflow": {{"text": "{}"}}}}"#, "x".repeat(50_000));
    let ctx = Context::default();

    let mut times: [Vec<Duration>; 5] = Default::default();
    let all = Instant::now();
    let cache = Cache::open(&folder.path().join("components")).unwrap();
    let sandbox = Sandbox::new(Limits::default()).unwrap();
    for wasm in &guests {
        let step = |times: &mut Vec<Duration>, start: Instant| times.push(start.elapsed());
        let start = Instant::now();
        let code = cache.get_or_compile(wasm, &|_| panic!("it is kept"), &warn).unwrap();
        step(&mut times[0], start);
        let start = Instant::now();
        let component = sandbox.load(&code).unwrap();
        step(&mut times[1], start);
        let start = Instant::now();
        component.describe().unwrap();
        step(&mut times[2], start);
        let start = Instant::now();
        assert_eq!(component.validate(&document, &ctx).unwrap().len(), 1);
        step(&mut times[3], start);
        let start = Instant::now();
        component.validate(&document, &ctx).unwrap();
        step(&mut times[4], start);
    }
    let all = all.elapsed();

    let steps = ["read and check entry", "load", "describe", "first validate", "second validate"];
    let mut each = Duration::ZERO;
    for (step, times) in steps.iter().zip(&mut times) {
        times.sort();
        let (median, most) = (times[VALIDATORS / 2], times[VALIDATORS - 1]);
        println!("{step:<24} median {median:>10.1?}  most {most:>10.1?}");
        each += median;
    }
    println!("one validator {each:.1?}, {VALIDATORS} in all {all:.1?}");
    assert!(each < Duration::from_millis(5), "one took {each:?}");
    assert!(all < Duration::from_millis(50), "all of them took {all:?}");
}

/// A validator with 60 kB of code of its own.
fn validator(number: usize) -> Vec<u8> {
    let mut guest = Guest { pages: 4, ..Guest::default() };
    let id = format!("rules-{number}");
    guest.manifest(&Manifest { id: &id, ..Manifest::default() });
    guest.findings(&[Finding::default()]);
    let add = "(local.set 0 (i32.add (local.get 0) (i32.const 77)))";
    let function = format!("(func (param i32) {})", add.repeat(100));
    guest.fields = function.repeat(75);
    guest.build()
}
