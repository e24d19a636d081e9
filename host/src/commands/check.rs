//! `olive check`.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use olive_schemas::diagnostic::{Diagnostic, Severity};

use super::host;
use crate::cli::{CheckArgs, Format};
use crate::config::{self, Finding, Scope, Source};
use crate::error::{Error, UNREADABLE, WRONG_CONFIG};
use crate::host::{Host, colors_errors};
use crate::render::{self, CheckedFile};

/// Runs the command; gives the exit code.
///
/// A file that cannot be read does not keep others from being checked. Its exit code is that of
/// reading, unless a config that can be read has errors: those are what is asked about.
pub(super) fn run(args: &CheckArgs) -> Result<u8, Error> {
    let host = host(&args.common)?;
    let paths = args.files.iter().chain(&args.config);
    let scope = Scope { is_strict: args.strict, ..Scope::WHOLE };
    let files: Vec<CheckedFile> = paths.map(|path| check(path, &host, scope)).collect();
    // A reader that is gone is no error.
    let _ = show(&files, args.format());
    Ok(exit_code(&files, args.strict))
}

fn check(path: &Path, host: &Host, scope: Scope) -> CheckedFile {
    match config::read(path) {
        Ok(source) => {
            let (_, findings) = config::examine_for(&source, &host.catalog, scope);
            CheckedFile { source, findings, is_readable: true }
        }
        Err(error) => {
            let diagnostic = Diagnostic::error("read", "", error.to_string());
            CheckedFile {
                source: Source { path: path.to_owned(), text: String::new() },
                findings: vec![Finding::new(diagnostic, 0..0)],
                is_readable: false,
            }
        }
    }
}

fn show(files: &[CheckedFile], format: Format) -> io::Result<()> {
    let mut out = BufWriter::new(io::stdout());
    match format {
        Format::Json => render::json::write(files, &mut out)?,
        Format::Sarif => {
            let folder = std::env::current_dir().unwrap_or_default();
            render::sarif::write(files, &folder, &mut out)?;
        }
        Format::Text => {
            render::files(files, &mut io::stderr(), colors_errors())?;
            if files.iter().all(|file| file.findings.is_empty()) {
                out.write_all(praise(files).as_bytes())?;
            }
        }
    }
    out.flush()
}

fn praise(files: &[CheckedFile]) -> String {
    match files {
        [file] => format!("`{}`: nothing is wrong\n", file.source.path.display()),
        _ => format!("{} files: nothing is wrong\n", files.len()),
    }
}

fn exit_code(files: &[CheckedFile], is_strict: bool) -> u8 {
    let is_wrong = |found: &Finding| match found.diagnostic.severity {
        Severity::Error => true,
        Severity::Warning => is_strict,
        Severity::Note => false,
    };
    let mut readable = files.iter().filter(|file| file.is_readable);
    if readable.any(|file| file.findings.iter().any(is_wrong)) {
        WRONG_CONFIG
    } else if files.iter().any(|file| !file.is_readable) {
        UNREADABLE
    } else {
        0
    }
}
