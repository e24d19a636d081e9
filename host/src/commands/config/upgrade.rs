//! `olive config upgrade`.

use std::io::{self, Write};

use serde_json::json;

use super::commit::{accept, diff};
use super::open;
use crate::cli::config::UpgradeArgs;
use crate::commands::{host_of, say};
use crate::config::upgrade::modernize;
use crate::edit::{file, rewrite::rewrite};
use crate::error::Error;
use crate::validate;

pub(super) fn run(args: &UpgradeArgs) -> Result<(), Error> {
    let host = host_of(&args.common, &args.file)?;
    let (source, mut tree) = open(&args.file)?;
    let mut notes = modernize(&mut tree, &host.catalog);
    let (text, more) = validate::upgrade(&source, rewrite(&source, &tree)?, &host.catalog);
    notes.extend(more);
    notes.sort_by_key(|note| note.range.start);
    host.show(&source, &notes);
    let is_same = text == source.text;
    if !is_same {
        accept(&host, &source, &text, args.force)?;
    }
    let is_written = args.write && !args.dry_run && !is_same;
    if is_written {
        file::write(&source, &text)?;
    }
    let name = source.path.display();
    let nothing = format!("{name}: is written as of today already\n");
    if is_same && !args.write && !host.is_json {
        let _ = io::stderr().write_all(nothing.as_bytes());
    }
    say(&if host.is_json {
        let diff = diff(&source, &text);
        let event = json!({
            "event": "upgraded", "path": source.path, "changed": !is_same, "written": is_written,
            "text": text, "diff": diff,
        });
        format!("{event}\n")
    } else if args.dry_run {
        diff(&source, &text)
    } else if !args.write {
        text
    } else if is_same {
        nothing
    } else {
        format!("{name}: upgraded\n")
    });
    Ok(())
}
