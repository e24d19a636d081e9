//! The readers of what strangers write, on bytes that libFuzzer makes up.
//!
//! Our crates are compiled once more, by `fuzz/instrument.sh`, with counters that tell libFuzzer
//! which bytes led somewhere new; other crates are those of the ordinary build.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clap::Args;

use crate::command;
use crate::error::ChoreError;
use crate::workspace::{root, target};

/// Where files that are made and read at once are quickest.
const MEMORY_FOLDER: &str = "/dev/shm";

/// What is tried, and for how long.
#[derive(Debug, Args)]
pub(crate) struct FuzzArgs {
    /// One of fuzz/targets; all of them, one after the other, when left out.
    target: Option<String>,
    /// How long each is tried.
    #[arg(long, default_value_t = 60)]
    seconds: u32,
}

/// Builds the targets and runs them; the first crash, hang or flood of memory ends it.
///
/// Without a C++ compiler, which builds libFuzzer, the only line is `skipped: why`.
pub(crate) fn run(args: &FuzzArgs) -> Result<(), ChoreError> {
    let names = match &args.target {
        Some(name) => vec![existing(name)?],
        None => targets()?,
    };
    let compiler = env::var("CXX").unwrap_or_else(|_| "c++".into());
    if !cfg!(unix) || !answers(&compiler) {
        println!("skipped: libFuzzer needs Unix and a C++ compiler, and `{compiler}` is none");
        return Ok(());
    }
    build(&names)?;
    for name in names {
        fuzz(&name, args.seconds)?;
        println!("{name}: nothing found in {} s", args.seconds);
    }
    Ok(())
}

/// Whether a program can be started.
fn answers(program: &str) -> bool {
    let mut command = Command::new(program);
    command.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Names of all targets, sorted.
fn targets() -> Result<Vec<String>, ChoreError> {
    let folder = root().join("fuzz/targets");
    let entries = fs::read_dir(&folder).map_err(ChoreError::file("list", &folder))?;
    let stem = |path: PathBuf| Some(path.file_stem()?.to_string_lossy().into_owned());
    let mut names: Vec<_> = entries.flatten().filter_map(|entry| stem(entry.path())).collect();
    names.sort();
    Ok(names)
}

fn existing(name: &str) -> Result<String, ChoreError> {
    let path = root().join(format!("fuzz/targets/{name}.rs"));
    if path.is_file() {
        Ok(name.to_owned())
    } else {
        Err(ChoreError::Missing { what: "target", path })
    }
}

/// Folder of what this chore makes: programs, new inputs, and those that broke something.
fn made() -> PathBuf {
    target().join("fuzz")
}

fn build(names: &[String]) -> Result<(), ChoreError> {
    // With the features of the whole workspace, crates of others need not be compiled again.
    let mut cargo = command::cargo(&["build", "--workspace", "--features", "olive-fuzz/libfuzzer"]);
    for name in names {
        cargo.args(["--bin", &format!("fuzz_{name}")]);
    }
    cargo.env("RUSTC_WORKSPACE_WRAPPER", root().join("fuzz/instrument.sh"));
    // The libraries of plugins would take the place of those that run without libFuzzer.
    cargo.env("CARGO_TARGET_DIR", made()).env("CARGO_BUILD_BUILD_DIR", target());
    command::run(&mut cargo)
}

fn fuzz(name: &str, seconds: u32) -> Result<(), ChoreError> {
    let found = made().join("corpus").join(name);
    let broke = made().join("broke");
    for folder in [&found, &broke] {
        fs::create_dir_all(folder).map_err(ChoreError::file("make", folder))?;
    }
    let mut libfuzzer = Command::new(made().join("debug").join(format!("fuzz_{name}")));
    libfuzzer.arg(found).arg(root().join("fuzz/corpus").join(name));
    let dictionary = root().join(format!("fuzz/dictionaries/{name}.dict"));
    if dictionary.is_file() {
        libfuzzer.arg(format!("-dict={}", dictionary.display()));
    }
    libfuzzer.arg(format!("-artifact_prefix={}/{name}-", broke.display()));
    libfuzzer.arg(format!("-max_total_time={seconds}"));
    libfuzzer.args(["-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=1"]);
    if env::var_os("TMPDIR").is_none() && Path::new(MEMORY_FOLDER).is_dir() {
        libfuzzer.env("TMPDIR", MEMORY_FOLDER);
    }
    command::run(&mut libfuzzer)
}
