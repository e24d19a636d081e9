//! `olive check`.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use olive_packs::home::project_store;
use olive_schemas::diagnostic::{Diagnostic, Severity};

use super::{folder_of, host_of};
use crate::cli::{CheckArgs, Format};
use crate::config::{self, Finding, Scope, Source};
use crate::error::{Error, UNREADABLE, WRONG_CONFIG};
use crate::examine::examine;
use crate::host::{Host, colors_errors};
use crate::render::{self, CheckedFile};

/// Runs the command; gives the exit code.
///
/// A file that cannot be read does not keep others from being checked. Its exit code is that of
/// reading, unless a config that can be read has errors: those are what is asked about.
pub(super) fn run(args: &CheckArgs) -> Result<u8, Error> {
    let mut hosts = Hosts { args, known: BTreeMap::new() };
    let scope = Scope { is_strict: args.strict, ..Scope::WHOLE };
    let mut files = Vec::new();
    for path in args.files.iter().chain(&args.config) {
        files.push(check(path, hosts.of(path)?, scope));
    }
    // A reader that is gone is no error.
    let _ = show(&files, args.format());
    Ok(exit_code(&files, args.strict))
}

/// A host for every project: configs of folders without packs of their own share one.
struct Hosts<'a> {
    args: &'a CheckArgs,
    known: BTreeMap<Option<PathBuf>, Host>,
}

impl Hosts<'_> {
    fn of(&mut self, config: &Path) -> Result<&Host, Error> {
        let folder = folder_of(config);
        let project = project_store(folder).exists().then(|| folder.to_owned());
        match self.known.entry(project) {
            Entry::Occupied(known) => Ok(known.into_mut()),
            Entry::Vacant(new) => Ok(new.insert(host_of(&self.args.common, config)?)),
        }
    }
}

fn check(path: &Path, host: &Host, scope: Scope) -> CheckedFile {
    match config::read(path) {
        Ok(source) => {
            let (_, findings) = examine(&source, &host.catalog, scope);
            CheckedFile { source, findings, is_readable: true }
        }
        Err(error) => {
            let diagnostic = Diagnostic {
                help: error.help(),
                ..Diagnostic::error("read", "", error.to_string())
            };
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

/// Exit code of what was found: of errors, of warnings too when `is_strict`.
pub(super) fn exit_code(files: &[CheckedFile], is_strict: bool) -> u8 {
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
