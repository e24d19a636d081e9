//! Sums by libraries that most builds do without: MPI and NCCL.

use std::process::Command;

use super::tally::{Outcome, Tally};
use super::{check, title};
use crate::command;
use crate::error::{ChoreError, chain};
use crate::workspace::root;

const CRATE: &str = "olive-kit-collective";

/// Builds with MPI where it is, or root can install it, and has ranks sum; NCCL's part is built
/// everywhere, and tried where there are GPUs.
pub(super) fn judge(tally: &mut Tally) {
    let (features, programs): (_, &[&str]) = match mpi() {
        Ok(()) => ("mpi,nccl", &["mpi", "nccl"]),
        Err(error) => {
            println!("skipped: MPI is not here: {}", chain(&error));
            tally.count(Outcome::Skipped);
            ("nccl", &["nccl"])
        }
    };
    title("sums by MPI and NCCL");
    let mut test = command::cargo(&["test", "-p", CRATE, "--features", features]);
    test.args(programs.iter().flat_map(|program| ["--test", *program]));
    test.args(["--", "--show-output"]);
    let failed_before = tally.failed;
    let result = command::stream(&mut test, |line| tally.read(line));
    if let Err(error) = result {
        println!("failed: {}", chain(&error));
        if tally.failed == failed_before {
            tally.count(Outcome::Failed);
        }
    }
    let mut clippy = command::cargo(&["clippy", "-p", CRATE, "--features", features]);
    clippy.args(["--all-targets", "--", "--deny", "warnings"]);
    check(tally, "clippy of MPI's and NCCL's parts", &mut clippy);
}

/// Looks for MPI; where it is missing, root has it installed from the packages of Debian and its
/// kin.
fn mpi() -> Result<(), ChoreError> {
    let mut script = Command::new("bash");
    script.arg(root().join("tests/engines/mpi.sh"));
    command::output(script.env("MPI_INSTALL", if super::slurm::is_root() { "1" } else { "0" }))
        .map(drop)
}
