//! `olive run`.

use super::{absolute, folder_of, host_of, plan, recognized, threads};
use crate::cli::RunArgs;
use crate::error::Error;
use crate::flow;
use crate::host::Host;
use crate::plan::{Choices, Purpose};
use crate::plugin::packs::locked;

pub(super) fn run(args: &RunArgs) -> Result<(), Error> {
    if args.dry_run {
        return plan::run(args);
    }
    let choices = choices(args)?;
    let host = host_of(&args.common, args.config.path())?;
    check_lock(args, &host)?;
    flow::run(&host, args.config.path(), &choices)?;
    Ok(())
}

/// Whether the packs are those of the lock file, when the command line wants that.
///
/// # Errors
/// When they are not; all drifts are told.
pub(super) fn check_lock(args: &RunArgs, host: &Host) -> Result<(), Error> {
    if !args.locked {
        return Ok(());
    }
    let mut drifts = locked::drift(&host.catalog, &absolute(folder_of(args.config.path()))?);
    let last = drifts.pop();
    for error in drifts {
        host.tell(&error.into());
    }
    last.map_or(Ok(()), |error| Err(error.into()))
}

/// What the command line decides instead of the config.
pub(super) fn choices(args: &RunArgs) -> Result<Choices, Error> {
    Ok(Choices {
        model: recognized(args.model.as_deref())?,
        output_dir: args.output.as_deref().map(absolute).transpose()?,
        threads: threads(&args.threads),
        threads_elsewhere: threads(&args.threads),
        purpose: Purpose::Run,
        is_forced: args.force,
    })
}
