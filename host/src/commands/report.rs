//! `olive report`.

use super::say;
use crate::cli::report::{ReportArgs, ReportFormat};
use crate::error::Error;
use crate::report::{self, Form, PAGE, read};

/// Tells a run anew: to a file, to standard output, or as the page in the folder of the run.
pub(super) fn run(args: &ReportArgs) -> Result<(), Error> {
    let footprint = read::read(&args.dir)?;
    let form = match args.format {
        Some(ReportFormat::Html) | None => Form::Html,
        Some(ReportFormat::Md) => Form::Markdown,
        Some(ReportFormat::Json) => Form::Json,
        Some(ReportFormat::Csv) => Form::Csv,
    };
    let page = || {
        let folder = if args.dir.is_dir() { Some(args.dir.as_path()) } else { args.dir.parent() };
        folder.map(|folder| folder.join(PAGE))
    };
    let file = args.output.clone().or_else(|| page().filter(|_| args.format.is_none()));
    match file {
        Some(file) => {
            report::write_form(&footprint, form, &file)?;
            say(&format!("report: {}\n", file.display()));
        }
        None => say(&report::render(&footprint, form)),
    }
    Ok(())
}
