//! `olive lsp`.

use crate::cli::LspArgs;
use crate::error::Error;
use crate::lsp;

/// Serves one client; gives the exit code.
pub(super) fn run(args: &LspArgs) -> Result<u8, Error> {
    Ok(lsp::serve(&args.plugin_dir)?)
}
