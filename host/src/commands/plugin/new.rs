//! `olive plugin new`.

use std::fmt::Write as _;
use std::path::Path;

use clap::ValueEnum;
use olive_workshop::new::name::Name;
use olive_workshop::new::template::Template;
use olive_workshop::new::{self, NewError};

use super::super::say;
use crate::cli::plugin::NewArgs;
use crate::error::Error;

/// Makes a folder with a new plugin, and tells what to do with it.
pub(super) fn run(args: &NewArgs) -> Result<(), Error> {
    let name = Name::parse(&args.name).map_err(|error| told(error.into()))?;
    let template = Template::find(&word(&args.kind), &word(&args.lang)).map_err(told)?;
    let folder = new::write(&name, template, &args.dir).map_err(told)?;
    say(&next(&folder, template));
    Ok(())
}

/// The word of the command line for `value`.
fn word(value: &impl ValueEnum) -> String {
    value.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

fn told(error: NewError) -> Error {
    match error {
        NewError::Io { path, source } => Error::File { path, source },
        other => Error::Usage(other.to_string()),
    }
}

fn next(folder: &Path, template: &Template) -> String {
    let mut text =
        format!("made {} ({}, {})\n", folder.display(), template.kind, template.language);
    let _ = writeln!(text, "next:\n  cd {}", folder.display());
    template.steps.iter().for_each(|step| text.extend(["  ", step, "\n"]));
    text
}
