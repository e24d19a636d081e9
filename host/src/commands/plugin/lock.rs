//! `olive plugin lock`.

use std::path::Path;

use olive_packs::installed::Installed;
use olive_packs::{PackError, lock};
use serde_json::json;

use super::super::{absolute, say};
use crate::cli::packs::LockArgs;
use crate::error::Error;
use crate::host::colors_errors;
use crate::install::{InstallContext, project};

/// Exit code when the packs are not those of the lock file.
const DRIFT: u8 = 12;

/// Writes or checks the lock file; the program's exit code.
pub(super) fn run(args: &LockArgs) -> Result<u8, Error> {
    let folder = absolute(&args.dir)?;
    let context = InstallContext::of_user()?;
    let (installed, stores) = project::installed(&folder, &context);
    if args.check {
        let locked = project::read(&folder)?;
        let drift = lock::drift(&locked, &installed, &stores);
        return Ok(tell_drift(&folder, locked.packs.len(), drift, args.json));
    }
    write(&folder, installed, args.json)
}

fn write(folder: &Path, installed: Installed, is_json: bool) -> Result<u8, Error> {
    let locked = project::lock(folder, &installed);
    lock::write(folder, &locked)?;
    let path = folder.join(lock::FILE_NAME);
    let left_out = installed.broken.into_iter().map(|broken| broken.error);
    for error in left_out.chain(installed.problems) {
        tell(error, is_json);
    }
    say(&if is_json {
        let packs: Vec<_> = locked.packs.iter().map(|pack| &pack.name).collect();
        format!("{}\n", json!({"event": "locked", "path": path, "packs": packs}))
    } else {
        format!("wrote {}: {}\n", path.display(), packs(locked.packs.len()))
    });
    Ok(0)
}

/// Tells each difference; the program's exit code.
fn tell_drift(folder: &Path, count: usize, drift: Vec<PackError>, is_json: bool) -> u8 {
    let path = folder.join(lock::FILE_NAME);
    if drift.is_empty() {
        say(&if is_json {
            format!("{}\n", json!({"event": "fits", "path": path}))
        } else {
            format!("{} fits: {}\n", path.display(), packs(count))
        });
        return 0;
    }
    for error in drift {
        tell(error, is_json);
    }
    DRIFT
}

fn tell(error: PackError, is_json: bool) {
    let error = Error::from(error);
    if is_json { error.show_json() } else { error.show(colors_errors()) }
}

fn packs(count: usize) -> String {
    if count == 1 { "1 pack".to_owned() } else { format!("{count} packs") }
}
