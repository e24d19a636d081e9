//! `olive import`: one pass that takes files of a format, and its result in a folder.

use std::path::Path;

use olive_schemas::model::{Model, ModelKind};
use serde_json::{Map, Value};

use super::{absolute, host, threads};
use crate::cli::ImportArgs;
use crate::config::schema::{quoted, violations};
use crate::engine::{self, RunContext};
use crate::error::Error;
use crate::host::Host;
use crate::model::ModelError;
use crate::output;
use crate::plan;
use crate::plugin::PassEntry;
use crate::store::Store;

pub(super) fn run(args: &ImportArgs) -> Result<(), Error> {
    let kind = format(&args.format)?;
    let file =
        args.file.canonicalize().map_err(|_| ModelError::Missing { path: args.file.clone() })?;
    let host = host(&args.common)?;
    let pass = importer(&host, kind)?;
    let config = settings(args, &pass.descriptor.schema)?;
    let output_dir = absolute(&args.output)?;
    let cache = cache_beside(&output_dir)?;
    output::check_writable(&output_dir)?;
    let model = Model::new(kind, file);
    let plan =
        plan::single_pass(pass, model, &config, threads(&args.threads), cache.path(), output_dir)?;
    let view = host.view(1);
    let store = Store::new(&plan.cache_dir);
    let context = RunContext {
        store: &store,
        view: &view,
        is_cancelled: &|| host.cancel.is_cancelled(),
        told: Vec::new(),
        settled: Vec::new(),
        batches: None,
    };
    let mut footprint = engine::execute(&plan, &context);
    if let Some((title, error)) = engine::failure(&footprint) {
        return Err(Error::Step { title, error });
    }
    if let Some(folder) = &plan.output_dir {
        output::place(&mut footprint, &store, folder)?;
    }
    view.run_ended(&footprint);
    Ok(())
}

/// The kind of model whose files have the format `name`: `gguf` is `GgufModel`.
fn format(name: &str) -> Result<ModelKind, Error> {
    let format_of = |kind: ModelKind| kind.name().trim_end_matches("Model").to_lowercase();
    let found = ModelKind::ALL.into_iter().find(|kind| format_of(*kind) == name.to_lowercase());
    found.ok_or_else(|| {
        let known = ModelKind::ALL.map(format_of);
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        Error::Usage(format!("format `{name}` is not one of {}", quoted(&known)))
    })
}

/// The pass that turns models of `kind` into a folder that other passes take.
fn importer(host: &Host, kind: ModelKind) -> Result<PassEntry<'_>, Error> {
    let fits = |pass: &PassEntry<'_>| {
        pass.descriptor.accepts == [kind] && pass.descriptor.produces != kind
    };
    let found: Vec<PassEntry<'_>> = host.catalog.passes().filter(fits).collect();
    match found.as_slice() {
        [pass] => Ok(*pass),
        [] => {
            let what = format!("no installed plugin imports models of type {kind}");
            Err(host.catalog.absent(what).into())
        }
        several => {
            let names: Vec<&str> = several.iter().map(|p| p.descriptor.name.as_str()).collect();
            let message =
                format!("several passes import {kind}: {}; run one by a config", quoted(&names));
            Err(Error::Usage(message))
        }
    }
}

/// The settings of the command line, checked against the pass's schema.
fn settings(args: &ImportArgs, schema: &Value) -> Result<Value, Error> {
    let mut config = Map::new();
    let layout = args.layout.as_ref().map(|layout| format!("layout={layout}"));
    for setting in args.set.iter().chain(&layout) {
        let Some((key, text)) = setting.split_once('=') else {
            return Err(Error::Usage(format!("setting `{setting}` is not KEY=VALUE")));
        };
        let value = serde_json::from_str(text).unwrap_or_else(|_| Value::from(text));
        config.insert(key.to_owned(), value);
    }
    let config = Value::Object(config);
    let problems = violations(&config, schema);
    if problems.is_empty() {
        return Ok(config);
    }
    let told: Vec<String> = problems
        .into_iter()
        .map(|problem| {
            let help = problem.diagnostic.help.map(|help| format!(" ({help})"));
            let place = problem.diagnostic.pointer.trim_start_matches('/').to_owned();
            let place = if place.is_empty() { "settings".into() } else { place };
            format!("{place}: {}{}", problem.diagnostic.message, help.unwrap_or_default())
        })
        .collect();
    Err(Error::Usage(told.join("; ")))
}

/// A cache for this one step, on the file system of the output folder, so that files move by link.
fn cache_beside(output_dir: &Path) -> Result<tempfile::TempDir, Error> {
    let failed = |error: std::io::Error| {
        Error::Usage(format!("cannot write beside `{}`: {error}", output_dir.display()))
    };
    let parent = output_dir.parent().unwrap_or(output_dir);
    std::fs::create_dir_all(parent).map_err(failed)?;
    tempfile::Builder::new().prefix(".olive-import-").tempdir_in(parent).map_err(failed)
}

#[cfg(test)]
mod tests {
    use olive_schemas::model::ModelKind;

    use super::format;

    #[test]
    fn formats_are_the_beginnings_of_model_types() {
        assert_eq!(format("gguf").ok(), Some(ModelKind::Gguf));
        assert_eq!(format("ONNX").ok(), Some(ModelKind::Onnx));
        let message = format("pickle").unwrap_err().to_string();
        assert_eq!(message, "format `pickle` is not one of `hf`, `onnx`, `gguf`");
    }
}
