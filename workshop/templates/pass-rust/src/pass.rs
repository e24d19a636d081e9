//! The pass: model folder in, model folder out.

use std::path::{Path, PathBuf};
use std::{fs, io};

use olive_plugin_api::{
    Diagnostic, LogLevel, Model, ModelKind, Pass, PluginError, Severity, StepContext, model_files,
};

use crate::config::AcmePruneConfig;
use crate::weights::WeightFile;

/// Sets weights of small magnitude to zero.
#[derive(Default)]
pub struct AcmePrune;

impl Pass for AcmePrune {
    type Config = AcmePruneConfig;

    const NAME: &'static str = "AcmePrune";
    const SUMMARY: &'static str = "Set weights of small magnitude to zero.";
    const THREADS_CHANGE_RESULT: bool = false;

    fn accepts() -> &'static [ModelKind] {
        &[ModelKind::Hf]
    }

    fn produces() -> ModelKind {
        ModelKind::Hf
    }

    fn prepare(
        &self,
        input: &Model,
        config: &AcmePruneConfig,
        _ctx: &StepContext<'_>,
    ) -> Result<Vec<Diagnostic>, PluginError> {
        // The first look may be at a file that an earlier pass turns into a folder.
        if input.kind != ModelKind::Hf {
            return Ok(Vec::new());
        }
        let files = weight_files(&input.model_path)?;
        let names: Vec<&str> = files
            .iter()
            .flat_map(|(_, file)| file.tensors())
            .map(|t| &*t.name)
            .collect();
        let is_idle = |part: &str| !names.iter().any(|name| name.contains(part));
        let idle = config
            .exclude
            .iter()
            .enumerate()
            .filter(|(_, part)| is_idle(part));
        let told = idle.map(|(place, part)| {
            let message = format!("no tensor of the model has `{part}` in its name");
            Diagnostic::new(
                Severity::Warning,
                "no-effect",
                format!("/exclude/{place}"),
                message,
            )
            .with_help("names are those in the model's safetensors files")
        });
        Ok(told.collect())
    }

    fn run(
        &self,
        input: &Model,
        config: &AcmePruneConfig,
        ctx: &StepContext<'_>,
    ) -> Result<Model, PluginError> {
        let files = weight_files(&input.model_path)?;
        let num_tensors = files
            .iter()
            .map(|(_, file)| file.tensors().len() as u64)
            .sum();
        let (mut done, mut zeroed) = (0, 0);
        for (name, file) in &files {
            zeroed += file.rewrite(&ctx.output_dir().join(name), |tensor, bytes| {
                ctx.check_cancelled()?;
                done += 1;
                ctx.progress("tensor", done, num_tensors, &[]);
                let is_excluded = config.is_excluded(&tensor.name);
                Ok(if is_excluded {
                    0
                } else {
                    tensor.dtype.prune(bytes, config.threshold)
                })
            })?;
        }
        copy_other_files(&input.model_path, ctx.output_dir())?;
        ctx.log(LogLevel::Info, format!("set {zeroed} weights to zero"));

        let mut output = Model {
            model_path: ctx.output_dir().to_owned(),
            ..input.clone()
        };
        output
            .model_attributes
            .insert("acme_prune_zeroed".into(), zeroed.into());
        Ok(output)
    }
}

/// The safetensors files of a model folder with their names, sorted.
fn weight_files(folder: &Path) -> Result<Vec<(PathBuf, WeightFile)>, PluginError> {
    let paths = names(folder)?.into_iter().filter(|name| is_weights(name));
    let open = |name: PathBuf| Ok((name.clone(), WeightFile::open(&folder.join(&name))?));
    let files: Vec<_> = paths.map(open).collect::<Result<_, PluginError>>()?;
    if files.is_empty() {
        let message = format!("model `{}` has no safetensors file", folder.display());
        return Err(PluginError::new("no-weights", message));
    }
    Ok(files)
}

/// Copies configs and tokenizer files.
fn copy_other_files(from: &Path, to: &Path) -> Result<(), PluginError> {
    for name in names(from)?.iter().filter(|name| !is_weights(name)) {
        let path = from.join(name);
        fs::copy(&path, to.join(name)).map_err(|error| cannot("copy", &path, &error))?;
    }
    Ok(())
}

fn is_weights(name: &Path) -> bool {
    name.extension()
        .is_some_and(|suffix| suffix == "safetensors")
}

/// Names of the model's files on top of its folder, sorted.
fn names(folder: &Path) -> Result<Vec<PathBuf>, PluginError> {
    let names = model_files(folder).map_err(|error| cannot("read", folder, &error))?;
    let on_top = names.into_iter().filter(|name| !name.contains('/'));
    Ok(on_top.map(PathBuf::from).collect())
}

/// The error that something cannot be done with a file.
pub(crate) fn cannot(verb: &str, path: &Path, error: &io::Error) -> PluginError {
    let message = format!("cannot {verb} `{}`", path.display());
    PluginError {
        causes: vec![error.to_string()],
        ..PluginError::new("io", message)
    }
}
