//! Validators for tests, written as text.

use std::fmt::Write;

use super::guest::{Finding, Guest, Manifest};

/// What the validator `acme-rules` says of a pass `first` whose score is 0.5.
pub(crate) const TOO_LOW: Finding<'static> = Finding {
    pointer: "/passes/first/score",
    severity: 0,
    code: "too-low",
    message: "`score` is 0.5; 0.7 is the least",
    help: None,
    patch: Some(r#"[{"op": "replace", "path": "/passes/first/score", "value": 0.9}]"#),
    related: Some("/passes/first/type"),
};

/// Looks for a text in another one.
const CONTAINS: &str = "
  (func $contains (param $at i32) (param $len i32) (param $part i32) (param $size i32) (result i32)
    (local $end i32) (local $i i32)
    (local.set $end (i32.sub (i32.add (local.get $at) (local.get $len)) (local.get $size)))
    (block $absent
      (loop $next
        (br_if $absent (i32.gt_s (local.get $at) (local.get $end)))
        (local.set $i (i32.const 0))
        (block $differs
          (loop $same
            (br_if $differs (i32.ne
              (i32.load8_u (i32.add (local.get $at) (local.get $i)))
              (i32.load8_u (i32.add (local.get $part) (local.get $i)))))
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br_if $same (i32.lt_u (local.get $i) (local.get $size))))
          (return (i32.const 1)))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $next)))
    (i32.const 0))";

/// Parameters of `validate` and of what is called as it is.
const PARAMS: &str = "(param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)";

/// The body of a function that answers `then` when its document contains `part`, else `other`.
fn when(guest: &mut Guest, part: &str, then: u32, other: u32) -> String {
    let [at, size] = guest.image.text(part);
    if !guest.fields.contains("$contains") {
        guest.fields.push_str(CONTAINS);
    }
    format!(
        "(if (result i32)
           (call $contains (local.get 0) (local.get 1) (i32.const {at}) (i32.const {size}))
           (then (i32.const {then})) (else (i32.const {other})))"
    )
}

/// `acme-rules`, which tells `finding` while the document contains `part`.
pub(crate) fn telling(finding: Finding<'_>, part: &str) -> Guest {
    let mut guest = Guest::default();
    let findings = guest.image.findings(&[finding]);
    let (told, nothing) = (guest.image.ok(findings), guest.image.ok([0, 0]));
    guest.validate = when(&mut guest, part, told, nothing);
    guest
}

/// `acme-rules`, which tells [`TOO_LOW`].
pub(crate) fn good() -> Vec<u8> {
    telling(TOO_LOW, "\"score\":0.5").build()
}

/// A validator called `id` whose `validate` is `body`.
pub(super) fn doing(id: &str, body: &str) -> Vec<u8> {
    let mut guest = Guest::default();
    guest.manifest(&Manifest { id, ..Manifest::default() });
    body.clone_into(&mut guest.validate);
    guest.build()
}

/// A validator called `id` that finds nothing.
pub(super) fn silent(id: &str) -> Vec<u8> {
    let mut guest = Guest::default();
    guest.manifest(&Manifest { id, ..Manifest::default() });
    guest.build()
}

/// A validator with one optional interface more, whose function has these `params`, an `answer`
/// and `fields`.
fn with(
    mut guest: Guest,
    interface: &'static str,
    function: &str,
    params: &str,
    body: &str,
) -> Vec<u8> {
    guest.manifest(&Manifest { provides: &[interface], ..Manifest::default() });
    let world = "world tested { include validator-plugin; export ";
    writeln!(guest.wit, "\n{world}{interface}; }}").unwrap();
    guest.world = "tested";
    let export = format!("olive:plugin/{interface}@0.1.1#{function}");
    write!(guest.fields, "(func (export \"{export}\") {params} {body})").unwrap();
    guest.build()
}

/// A planner for which every workflow has one step that needs 3 GiB of memory and 1 GiB on disk.
pub(super) fn planner() -> Vec<u8> {
    let mut guest = Guest::default();
    let wide = |bytes: u64| [(bytes & 0xffff_ffff) as u32, (bytes >> 32) as u32];
    let breakdown = guest.image.text(r#"{"weights": 2147483648}"#);
    let cost = [
        [1, 0],
        wide(3 << 30),
        wide(2 << 30),
        wide(1 << 30),
        wide(0.0_f64.to_bits()),
        wide(0.75_f64.to_bits()),
        breakdown,
    ];
    let at = guest.image.words(&cost.concat());
    let body = format!("(i32.const {})", guest.image.ok([at, 1]));
    with(guest, "planner", "estimate", PARAMS, &body)
}

/// A migrator that knows a former value of a setting of `first`.
pub(super) fn migrator() -> Vec<u8> {
    let mut guest = Guest::default();
    let note = Finding {
        pointer: "/passes/first/behavior",
        code: "former-behavior",
        message: "`toil` is called `work` now",
        patch: Some(r#"[{"op": "replace", "path": "/passes/first/behavior", "value": "work"}]"#),
        related: None,
        ..TOO_LOW
    };
    let notes = guest.image.findings(&[note]);
    let (told, nothing) = (guest.image.ok(notes), guest.image.ok([0, 0]));
    let body = when(&mut guest, "\"toil\"", told, nothing);
    with(guest, "migrator", "migrate", PARAMS, &body)
}

/// A completer that offers one value at every place.
pub(super) fn completer() -> Vec<u8> {
    let mut guest = Guest::default();
    let [label, insert, detail] =
        ["the usual", "0.75", "of Acme"].map(|text| guest.image.text(text));
    let words = [&label[..], &insert, &[1], &detail, &[0, 0, 0]].concat();
    let at = guest.image.words(&words);
    let body = format!("(i32.const {})", guest.image.ok([at, 1]));
    let params = PARAMS.replacen("i32", "i32 i32 i32", 1);
    with(guest, "completer", "complete", &params, &body)
}
