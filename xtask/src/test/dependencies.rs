//! What our dependencies bring in, judged by the programs of others.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::tally::{Outcome, Tally};
use super::{check, title};
use crate::command;
use crate::error::{ChoreError, chain};
use crate::fetch::Tool;
use crate::workspace::root;

/// Whether every dependency is used; whether licenses, origins and versions are what `deny.toml`
/// allows; whether flaws of them are known.
pub(super) fn judge(tally: &mut Tally) {
    if let Some(shear) = program(tally, Tool::CargoShear) {
        let mut shear = invocation(&shear, &["--locked", "--deny-warnings"]);
        check(tally, "unused dependencies", &mut shear);
    }
    if let Some(deny) = program(tally, Tool::CargoDeny) {
        // What `deny.toml` allows and nothing needs any more is a warning.
        let rules = ["--locked", "check", "--deny", "warnings", "bans", "licenses", "sources"];
        check(tally, "licenses, origins and versions", &mut invocation(&deny, &rules));
        advisories(tally, &deny);
    }
}

/// The database of flaws is a repository that some machines cannot reach.
fn advisories(tally: &mut Tally, deny: &Path) {
    match command::output(&mut invocation(deny, &["--locked", "fetch", "db"])) {
        Ok(_) => {
            let mut deny = invocation(deny, &["--locked", "check", "advisories"]);
            check(tally, "advisories", &mut deny);
        }
        Err(error) => {
            title("advisories");
            skip(tally, "the database of advisories cannot be fetched", &error);
        }
    }
}

fn program(tally: &mut Tally, tool: Tool) -> Option<PathBuf> {
    let found = tool.program();
    found.inspect_err(|error| skip(tally, &format!("there is no {}", tool.name()), error)).ok()
}

fn skip(tally: &mut Tally, what: &str, error: &ChoreError) {
    println!("skipped: {what}: {}", chain(error));
    tally.count(Outcome::Skipped);
}

fn invocation(program: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(words).current_dir(root());
    command
}
