//! Chores of this repository as one cargo command: `cargo xtask demo`, `test`, `dist`, `fetch`,
//! `wasm`, `schemas`, `wrap`, `bench`, `fuzz`.
//!
//! Each chore is one module with one entry point. Chores start cargo, Python's package client and
//! the built `olive` program as child processes; nothing here links a crate of the workspace.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "chores talk to the person at the terminal"
)]

mod bench;
mod command;
mod demo;
mod dist;
mod error;
mod fetch;
mod fuzz;
mod recipe;
mod release;
mod schemas;
mod test;
mod wasm;
mod workspace;
mod wrap;

use std::error::Error;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::error::ChoreError;

/// Chores of this repository.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Debug, Subcommand)]
enum Chore {
    /// Build, fetch a small model, and run the recipe of examples/phrase-tone on it.
    Demo(demo::DemoArgs),
    /// Run every test and check; the last line counts them.
    Test {
        /// Run only the tests whose names contain one of these, and no other check.
        #[arg(last = true)]
        filters: Vec<String>,
    },
    /// Build archives that run from anywhere, and the built-in plugins as signed packs.
    Dist(dist::DistArgs),
    /// Fetch what tests and the demo need into the user's cache.
    Fetch {
        /// What to fetch.
        #[arg(value_enum, default_value_t = fetch::What::All)]
        what: fetch::What,
    },
    /// Build the components among the plugins, beside the program.
    Wasm {
        /// Beside the optimized program.
        #[arg(long)]
        release: bool,
    },
    /// Make the published schemas and docs/options.md again.
    Schemas,
    /// Make a pack of an execution provider that others ship.
    Wrap(wrap::WrapArgs),
    /// Measure time and memory of the built program.
    Bench(bench::BenchArgs),
    /// Give readers bytes that libFuzzer makes up, until one breaks or the time is over.
    Fuzz(fuzz::FuzzArgs),
}

fn main() -> ExitCode {
    match run(Cli::parse().chore) {
        Ok(()) => ExitCode::SUCCESS,
        // The closing line of the tests has said it.
        Err(ChoreError::NotPassed) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {}", error::chain(&error as &dyn Error));
            ExitCode::FAILURE
        }
    }
}

fn run(chore: Chore) -> Result<(), ChoreError> {
    match chore {
        Chore::Demo(args) => demo::run(&args),
        Chore::Test { filters } => test::run(&filters),
        Chore::Dist(args) => dist::run(&args),
        Chore::Fetch { what } => fetch::run(what),
        Chore::Wasm { release } => wasm::run(release),
        Chore::Schemas => schemas::run(),
        Chore::Wrap(args) => wrap::run(&args),
        Chore::Bench(args) => bench::run(&args),
        Chore::Fuzz(args) => fuzz::run(&args),
    }
}
