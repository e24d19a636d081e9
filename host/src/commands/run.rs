//! `olive run`.

use super::{absolute, host, recognized, threads};
use crate::cli::RunArgs;
use crate::error::Error;
use crate::plan::{Choices, Purpose};

pub(super) fn run(args: &RunArgs) -> Result<(), Error> {
    let choices = choices(args)?;
    crate::run(&host(&args.common)?, &args.config, &choices)?;
    Ok(())
}

/// What the command line decides instead of the config.
pub(super) fn choices(args: &RunArgs) -> Result<Choices, Error> {
    Ok(Choices {
        model: recognized(args.model.as_deref())?,
        output_dir: args.output.as_deref().map(absolute).transpose()?,
        threads: threads(&args.threads),
        purpose: Purpose::Run,
    })
}
