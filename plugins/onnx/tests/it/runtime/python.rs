//! The checker of the Python package `onnx`.

use std::ffi::{OsStr, OsString};
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

/// Names a Python with `onnx`.
const VARIABLE: &str = "OLIVE_ORT_PYTHON";

/// The Python that is named; says that there is none.
pub(super) fn python() -> Option<OsString> {
    let python = std::env::var_os(VARIABLE);
    if python.is_none() {
        let told = format!("skipped: {VARIABLE} is not set to a Python with onnx\n");
        // Not by `eprintln!`: the harness hides what passing tests print.
        std::io::stderr().write_all(told.as_bytes()).unwrap();
    }
    python
}

/// Checks each second model of `pairs` whose first is sound itself, and says how many these are.
///
/// The checker knows none of the operators that ONNX Runtime has put among ONNX's own.
pub(super) fn check<'a>(python: &OsStr, pairs: impl Iterator<Item = [&'a Path; 2]>) -> usize {
    const PROGRAM: &str = "
import sys, onnx
count = 0
for original, result in zip(sys.argv[1::2], sys.argv[2::2]):
    try:
        onnx.checker.check_model(original)
    except onnx.checker.ValidationError:
        continue
    onnx.checker.check_model(result)
    count += 1
print(count)
";
    let output =
        Command::new(python).arg("-c").arg(PROGRAM).args(pairs.flatten()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
}
