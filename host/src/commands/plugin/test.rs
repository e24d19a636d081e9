//! `olive plugin test`.
//!
//! The program starts itself once more with another home, temporary and working directory, which
//! the plugin's processes inherit; so whatever a plugin leaves behind is found, and is gone after.

use std::io;
use std::path::Path;
use std::process::ExitStatus;

use serde_json::json;

use super::super::say;
use crate::cancel::{CANCELLED, Cancel};
use crate::cli::plugin::TestArgs;
use crate::conformance::{self, Check, Subject};
use crate::error::Error;
use crate::home::cache_home;
use crate::plugin::{Catalog, Places};

/// Exit code of a plugin that breaks the contract.
const BROKEN: u8 = 12;

/// Tries whether a plugin keeps the contract; the program's exit code.
pub(super) fn run(args: &TestArgs) -> Result<u8, Error> {
    match &args.inside {
        Some(root) => try_inside(args, root),
        None => start_inside(args),
    }
}

/// Starts this program again in folders that are watched and deleted.
fn start_inside(args: &TestArgs) -> Result<u8, Error> {
    let mut apart =
        conformance::apart(&args.paths, args.cases.as_deref(), args.json).map_err(unwatched)?;
    // The child is stopped by the same Ctrl-C; the folder still has to go.
    let _cancel = Cancel::on_signals();
    apart.command.status().map(exit_code).map_err(unwatched)
}

fn exit_code(status: ExitStatus) -> u8 {
    status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(CANCELLED)
}

#[expect(clippy::needless_pass_by_value, reason = "used as a function of an error")]
fn unwatched(error: io::Error) -> Error {
    Error::Usage(format!("no folder to try the plugin in: {error}"))
}

fn try_inside(args: &TestArgs, root: &Path) -> Result<u8, Error> {
    let subject = Subject::find(&args.paths, args.cases.as_deref())
        .map_err(|error| Error::Usage(error.to_string()))?;
    let subject = if subject.has_components() {
        // Packs of the user lie in another home; what is beside the program is enough.
        let catalog = Catalog::discover(&Places::default(), &cache_home())?;
        subject.with_graph_editor(&catalog)
    } else {
        subject
    };
    let mut tell = |check: &Check| {
        if args.json {
            let Check { name, verdict, detail } = check;
            say(&format!("{}\n", json!({"check": name, "verdict": verdict, "detail": detail})));
        } else {
            say(&format!("{check}\n"));
        }
    };
    let tally = conformance::check(&subject, root, &mut tell).map_err(unwatched)?;
    if args.json {
        say(&format!("{}\n", json!({"summary": tally})));
    } else {
        say(&format!("{tally}\n"));
    }
    Ok(if tally.failed > 0 { BROKEN } else { 0 })
}
