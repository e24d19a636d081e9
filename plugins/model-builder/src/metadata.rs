//! The files of ONNX Runtime GenAI beside a graph that is there already, or beside none.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use olive_kit_checkpoint::Description;
use olive_kit_weights::ModelFiles;
use olive_plugin_api::{Diagnostic, Model, model_files};

use crate::build::{copy_configs, num_layers};
use crate::error::BuildError;
use crate::genai_config;
use crate::options::BuildOptions;
use crate::source;
use crate::text::write_text;
use crate::tokenizer::Tokenizer;

/// What can be written of a model without its weights.
pub(crate) struct Metadata {
    description: Description,
    files: ModelFiles,
    tokenizer: Tokenizer,
    genai_config: String,
}

impl Metadata {
    /// Reads the configs and the tokenizer of a model.
    ///
    /// # Errors
    /// When one is missing or damaged, or the model has fewer layers than are asked for.
    pub(crate) fn read(model: &Model, options: &BuildOptions) -> Result<Self, BuildError> {
        let (description, files) = source::describe(model)?;
        let tokenizer = Tokenizer::read(&files)?;
        let num_layers = num_layers(&description.decoder, options)?;
        let genai_config =
            genai_config::render(&description, &files, &tokenizer, num_layers, options)?;
        Ok(Self { description, files, tokenizer, genai_config })
    }

    /// Writes them into the folder `to`.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub(crate) fn write(&self, to: &Path) -> Result<(), BuildError> {
        self.tokenizer.write(&self.files, self.description.decoder.max_positions, to)?;
        copy_configs(&self.files, to)?;
        write_text(&to.join(genai_config::FILE), &self.genai_config)
    }
}

/// Copies the files of an ONNX model into the folder `to`.
///
/// # Errors
/// When one cannot be read or written.
pub(crate) fn copy_files(model: &Model, to: &Path) -> Result<(), BuildError> {
    let dir = &model.model_path;
    let unread = |source| BuildError::Read { path: dir.clone(), source };
    for name in model_files(dir).map_err(unread)? {
        let target = to.join(&name);
        let folder = target.parent().unwrap_or(to);
        let unwritten = |source| BuildError::Write { path: folder.to_owned(), source };
        fs::create_dir_all(folder).map_err(unwritten)?;
        copy(&dir.join(&name), &target)?;
    }
    Ok(())
}

/// Copies the content of a file, without reading all of it at once.
fn copy(from: &Path, to: &PathBuf) -> Result<(), BuildError> {
    let mut source =
        File::open(from).map_err(|source| BuildError::Read { path: from.to_owned(), source })?;
    let target = File::create(to).and_then(|mut target| io::copy(&mut source, &mut target));
    target.map_err(|source| BuildError::Write { path: to.clone(), source })?;
    Ok(())
}

/// The graph file of an ONNX model: the one that is `asked` for, or the model's.
///
/// # Errors
/// When its folder does not have it.
pub(crate) fn graph_file(model: &Model, asked: Option<&str>) -> Result<String, Diagnostic> {
    let named = asked.or(model.onnx_file_name.as_deref());
    let name = named.unwrap_or(&BuildOptions::default().file_name).to_owned();
    if model.model_path.join(&name).is_file() {
        return Ok(name);
    }
    let message = format!("`{}` holds no graph `{name}`", model.model_path.display());
    let pointer = if asked.is_some() { "/extra_options/filename" } else { "/metadata_only" };
    Err(Diagnostic::error("not-found", pointer, message))
}
