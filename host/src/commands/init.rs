//! `olive init`.

mod editor;
mod starter;

use std::fs;
use std::path::{Path, PathBuf};

use olive_schemas::model::ModelKind;

use super::schema::{pretty, write};
use super::{absolute, host_of, say};
use crate::cli::schema::{Editor, InitArgs};
use crate::config::language;
use crate::error::Error;
use crate::model;
use editor::{advice, vscode_settings};
use starter::Starter;

/// The config's schema, from the config's folder.
const SCHEMA: &str = ".olive/config.schema.json";

/// Settings of Visual Studio Code, from the config's folder.
const SETTINGS: &str = ".vscode/settings.json";

pub(super) fn run(args: &InitArgs) -> Result<(), Error> {
    let file = &args.file;
    if file.symlink_metadata().is_ok() {
        let message = format!("`{}` is there already: nothing was written", file.display());
        return Err(Error::Usage(message));
    }
    let host = host_of(&args.common, file)?;
    let folder = file.parent().unwrap_or(Path::new(""));
    let (kind, model_path) = input_model(args.model.as_deref(), folder)?;
    let starter = Starter::new(&host.catalog, kind, model_path, &args.pass)?;
    let settings = match args.editor {
        Some(Editor::Vscode) => Some(settings(folder)?),
        _ => None,
    };
    let schema = folder.join(SCHEMA);
    write(&schema, &pretty(&language::schema(&host.catalog)))?;
    write(file, &starter.text(SCHEMA))?;
    let mut said = format!("wrote {}\nwrote {}\n", file.display(), schema.display());
    if let Some((path, text)) = settings {
        write(&path, &text)?;
        said.extend(["wrote ", &path.to_string_lossy(), "\n"]);
    }
    say(&said);
    say(&args.editor.map(|editor| advice(editor, SCHEMA)).unwrap_or_default());
    say(&format!("next: olive check {}\n", file.display()));
    Ok(())
}

/// Type and path of the model to start from; the path is right in a config in `folder`.
fn input_model(written: Option<&str>, folder: &Path) -> Result<(ModelKind, String), Error> {
    let Some(written) = written else { return Ok((ModelKind::Hf, "model".into())) };
    let path = Path::new(written);
    if let Ok(found) = model::recognize(path) {
        let is_here = folder.as_os_str().is_empty() || path.is_absolute();
        let path = if is_here { path.to_owned() } else { absolute(path)? };
        return Ok((found.kind, path.to_string_lossy().into_owned()));
    }
    Ok((model::kind_of(path), written.to_owned()))
}

/// Path and new text of the settings of Visual Studio Code for `folder`.
fn settings(folder: &Path) -> Result<(PathBuf, String), Error> {
    let path = folder.join(SETTINGS);
    let before = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(source) => return Err(Error::File { path, source }),
    };
    let after = vscode_settings(&before, SCHEMA)
        .map_err(|why| Error::Usage(format!("`{}` cannot be extended: {why}", path.display())))?;
    Ok((path, after))
}
