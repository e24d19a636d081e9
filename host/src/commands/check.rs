//! `olive check`.

use super::{host, say};
use crate::cli::CheckArgs;
use crate::config;
use crate::error::Error;

pub(super) fn run(args: &CheckArgs) -> Result<(), Error> {
    let Some(path) = args.file.as_ref().or(args.config.as_ref()) else {
        return Err(Error::Usage("name a config file".into()));
    };
    let host = host(&args.common)?;
    let source = config::read(path)?;
    let (_, findings) = host.accept(&source, config::examine(&source, &host.catalog))?;
    if !host.is_json && findings.is_empty() {
        say(&format!("`{}`: nothing is wrong\n", path.display()));
    }
    Ok(())
}
