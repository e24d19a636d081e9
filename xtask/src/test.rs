//! Everything that must hold, in one command, with one closing line.

mod collective;
mod containers;
mod dependencies;
mod slurm;
mod tally;

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::process::Command;

use crate::command;
use crate::error::{ChoreError, chain};
use crate::fetch::{self, client, npm};
use crate::wasm;
use crate::workspace::{Profile, root};
use tally::{Outcome, Tally};

/// Variable through which tests and plugins find ONNX Runtime.
const LIBRARY_VARIABLE: &str = "OLIVE_ONNXRUNTIME_LIB";
/// Variable through which tests find a program that is an OCI registry.
const REGISTRY_VARIABLE: &str = "OLIVE_TEST_REGISTRY";

/// Variable through which tests find the folder that a pack of OpenVINO is made of.
const OPENVINO_VARIABLE: &str = "OLIVE_TEST_OPENVINO";

/// Variable through which tests find onnxruntime-genai for Python.
const GENAI_VARIABLE: &str = "OLIVE_GENAI_PACKAGES";

/// Variable through which tests find the folder with the `node_modules` of a server of blobs.
const AZURITE_VARIABLE: &str = "OLIVE_TEST_AZURITE";

/// Variable through which tests find the folder of a cluster that runs.
const SLURM_VARIABLE: &str = "OLIVE_TEST_SLURM";

/// Variable through which tests find the folder of engines of containers that run.
const CONTAINERS_VARIABLE: &str = "OLIVE_TEST_CONTAINERS";

/// Runs all tests and checks, or only the tests that match one of `filters`.
///
/// The last line printed is `N passed, N failed, N skipped`, over all tests and checks.
pub(crate) fn run(filters: &[String]) -> Result<(), ChoreError> {
    let mut tally = Tally::default();
    let library = fetched(&mut tally, LIBRARY_VARIABLE, "ONNX Runtime", fetch::onnxruntime);
    let registry = fetched(&mut tally, REGISTRY_VARIABLE, "an OCI registry", fetch::registry);
    let openvino = fetched(&mut tally, OPENVINO_VARIABLE, "OpenVINO", fetch::openvino);
    let genai_packages = fetched(&mut tally, GENAI_VARIABLE, "onnxruntime-genai", fetch::genai);
    let azurite = fetched(&mut tally, AZURITE_VARIABLE, "Azurite", fetch::azurite);
    let own_cluster = env::var_os(SLURM_VARIABLE).is_none();
    let cluster = fetched(&mut tally, SLURM_VARIABLE, "Slurm", slurm::up);
    let own_engines = env::var_os(CONTAINERS_VARIABLE).is_none();
    let engines = fetched(&mut tally, CONTAINERS_VARIABLE, "Docker", containers::up);
    if filters.is_empty() {
        check(&mut tally, "formatting", &mut command::cargo(&["fmt", "--all", "--check"]));
    }
    check(&mut tally, "build", &mut command::cargo(&["build", "--workspace"]));
    components(&mut tally);
    let variables = [
        (LIBRARY_VARIABLE, &library),
        (REGISTRY_VARIABLE, &registry),
        (OPENVINO_VARIABLE, &openvino),
        (GENAI_VARIABLE, &genai_packages),
        (AZURITE_VARIABLE, &azurite),
        (SLURM_VARIABLE, &cluster),
        (CONTAINERS_VARIABLE, &engines),
    ];
    tests(&mut tally, filters, &variables);
    if let Some(folder) = cluster.filter(|_| own_cluster)
        && let Err(error) = slurm::down(folder.as_ref())
    {
        println!("Slurm was not taken down: {}", chain(&error));
    }
    if let Some(folder) = engines.filter(|_| own_engines)
        && let Err(error) = containers::down(folder.as_ref())
    {
        println!("Docker was not taken down: {}", chain(&error));
    }
    if filters.is_empty() {
        collective::judge(&mut tally);
        dependencies::judge(&mut tally);
        lints(&mut tally);
        genai(&mut tally, library.as_deref());
        editor(&mut tally);
    }
    println!("{tally}");
    if tally.failed == 0 { Ok(()) } else { Err(ChoreError::NotPassed) }
}

/// What the user names in `variable`, else what is in the cache; without it, tests that need it
/// skip.
fn fetched(
    tally: &mut Tally,
    variable: &str,
    what: &str,
    fetch: fn() -> Result<PathBuf, ChoreError>,
) -> Option<OsString> {
    if let Some(path) = env::var_os(variable) {
        return Some(path);
    }
    match fetch() {
        Ok(path) => Some(path.into()),
        Err(error) => {
            println!("skipped: {what} was not fetched: {}", chain(&error));
            tally.count(Outcome::Skipped);
            None
        }
    }
}

/// The components that tests of the whole program need; those tests skip without them.
fn components(tally: &mut Tally) {
    title("components");
    match wasm::build(Profile::Dev) {
        Ok(0) => tally.count(Outcome::Passed),
        Ok(skipped) => (0..skipped).for_each(|_| tally.count(Outcome::Skipped)),
        Err(error) => {
            println!("failed: {}", chain(&error));
            tally.count(Outcome::Failed);
        }
    }
}

/// `cargo test` of all crates; a compile error counts as one failure.
fn tests(tally: &mut Tally, filters: &[String], variables: &[(&str, &Option<OsString>)]) {
    title("tests");
    let mut cargo = command::cargo(&["test", "--workspace", "--no-fail-fast", "--"]);
    cargo.arg("--show-output").args(filters);
    for (variable, value) in variables {
        cargo.envs(value.as_ref().map(|value| (variable, value)));
    }
    let failed_before = tally.failed;
    let result = command::stream(&mut cargo, |line| tally.read(line));
    if let Err(error) = result {
        println!("failed: {}", chain(&error));
        if tally.failed == failed_before {
            tally.count(Outcome::Failed);
        }
    }
}

fn lints(tally: &mut Tally) {
    let clippy = ["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"];
    check(tally, "clippy", &mut command::cargo(&clippy));
    let mut doc = command::cargo(&["doc", "--workspace", "--no-deps"]);
    check(tally, "documentation", doc.env("RUSTDOCFLAGS", "--deny warnings"));
}

/// Whether ONNX Runtime GenAI loads what our builder writes.
fn genai(tally: &mut Tally, library: Option<&OsStr>) {
    let found = fetch::genai().and_then(|packages| Ok((packages, client::python()?)));
    let (packages, python) = match found {
        Ok(found) => found,
        Err(error) => {
            println!("skipped: onnxruntime-genai cannot be installed: {}", chain(&error));
            return tally.count(Outcome::Skipped);
        }
    };
    let mut script = Command::new(python);
    script.arg("tests/genai/check_genai.py").current_dir(root());
    script.env("PYTHONPATH", packages).env("PYTHONDONTWRITEBYTECODE", "1");
    script.env("OLIVE_PROGRAM", Profile::Dev.program());
    script.envs(library.map(|path| (LIBRARY_VARIABLE, path)));
    check(tally, "onnxruntime-genai", &mut script);
}

/// Whether an editor's language server makes of our schema what `olive check` says.
fn editor(tally: &mut Tally) {
    let found = npm::node().and_then(|node| Ok((node, fetch::language_servers()?)));
    let (node, servers) = match found {
        Ok(found) => found,
        Err(error) => {
            println!("skipped: the JSON language server cannot be installed: {}", chain(&error));
            return tally.count(Outcome::Skipped);
        }
    };
    let mut script = Command::new(node);
    script.arg("tests/editor/check_schema.mjs").arg(servers).current_dir(root());
    check(tally, "editor", script.env("OLIVE_PROGRAM", Profile::Dev.program()));
}

/// Runs one check; a line of it that starts with `skipped:` makes it a skipped one.
fn check(tally: &mut Tally, name: &str, command: &mut Command) {
    title(name);
    let mut outcome = Outcome::Passed;
    let result = command::stream(command, |line| {
        if tally::is_skip(line) {
            outcome = Outcome::Skipped;
        }
    });
    if let Err(error) = result {
        println!("failed: {}", chain(&error));
        outcome = Outcome::Failed;
    }
    tally.count(outcome);
}

fn title(name: &str) {
    println!("\n== {name}");
}
