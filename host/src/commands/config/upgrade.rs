//! `olive config upgrade`.

use serde_json::json;

use super::commit::{accept, diff};
use super::open;
use crate::cli::config::UpgradeArgs;
use crate::commands::{host, say};
use crate::config::upgrade::modernize;
use crate::edit::{file, rewrite::rewrite};
use crate::error::Error;

pub(super) fn run(args: &UpgradeArgs) -> Result<(), Error> {
    let host = host(&args.common)?;
    let (source, mut tree) = open(&args.file)?;
    let notes = modernize(&mut tree, &host.catalog);
    let text = rewrite(&source, &tree)?;
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
        format!("{name}: is written as of today already\n")
    } else {
        format!("{name}: upgraded\n")
    });
    Ok(())
}
