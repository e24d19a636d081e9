//! Cases that steps are tried with: those of the author, and ours where there are none.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use olive_schemas::conformance::{CaseInput, ConformanceCase};
use olive_schemas::data::DataConfig;
use olive_schemas::descriptor::{
    CustomMetrics, EvaluatorDescriptor, PackagerDescriptor, PassDescriptor, PluginDescriptor,
};
use olive_schemas::metric::MetricKind;
use olive_schemas::model::ModelKind;
use olive_schemas::step::{Accelerator, StepKind};
use serde_json::{Map, Value, json};

use super::schema::{example_configs, is_reference, missing};
use super::specimen;
use super::trial::{Input, Task};
use super::world::{World, copy};
use crate::config::references::{SHARED_DIR, marked};
use crate::model::recognize;
use crate::plan::absolute_paths;

/// Threads that steps may use, unless a check is about them.
pub(super) const THREADS: usize = 2;

/// A task and how it must end.
pub(super) struct Case {
    /// Its name in the report: `LoRA/first`.
    pub(super) name: String,
    pub(super) task: Task,
    /// Code of the error it must end with.
    pub(super) expect: Option<String>,
    /// Whether it is our guess: a plugin may refuse it.
    pub(super) is_guess: bool,
}

/// A case that cannot be set up.
pub(super) struct Unready {
    pub(super) name: String,
    pub(super) why: String,
    /// Whether it is our guess.
    pub(super) is_guess: bool,
}

/// The cases about this plugin that `written` says, with paths from `folder`, then ours for what it
/// leaves out.
pub(super) fn all(
    descriptor: &PluginDescriptor,
    written: &[ConformanceCase],
    folder: &Path,
    world: &World,
) -> Vec<Result<Case, Unready>> {
    let mut cases = Vec::new();
    for (index, case) in written.iter().enumerate() {
        let Some((kind, entry)) = subject(case) else { continue };
        if !entries(descriptor).contains(&(kind, entry)) {
            continue;
        }
        let name = name(case, entry, index);
        let task = task(case, kind, entry, descriptor, folder, world);
        let expect = case.expect.code().map(str::to_owned);
        cases.push(match task {
            Ok(task) => Ok(Case { name, task, expect, is_guess: false }),
            Err(why) => Err(Unready { name, why, is_guess: false }),
        });
    }
    for (kind, entry) in entries(descriptor) {
        let is_written = written.iter().any(|case| subject(case) == Some((kind, entry)));
        let examples = examples(kind, entry, descriptor);
        for (index, config) in examples.iter().enumerate() {
            let guess = guess(kind, entry, descriptor, Some(config), world);
            cases.push(named(guess, format!("{entry}/example-{index}")));
        }
        if !is_written && examples.is_empty() {
            let guess = guess(kind, entry, descriptor, None, world);
            cases.push(named(guess, format!("{entry}/specimen")));
        }
    }
    cases
}

/// Names of the cases that are about nothing of `known`.
pub(super) fn strays(written: &[ConformanceCase], known: &[(StepKind, String)]) -> Vec<String> {
    let cases = written.iter().enumerate();
    let stray = cases.filter_map(|(index, case)| {
        let (kind, entry) = subject(case)?;
        let is_known = known.iter().any(|(of, name)| (*of, &**name) == (kind, entry));
        (!is_known).then(|| name(case, entry, index))
    });
    stray.collect()
}

/// Name of a case in the report.
pub(super) fn name(case: &ConformanceCase, entry: &str, index: usize) -> String {
    let label = case.name.clone().unwrap_or_else(|| index.to_string());
    format!("{entry}/{label}")
}

/// Everything that can be run, by kind and name.
pub(super) fn entries(descriptor: &PluginDescriptor) -> Vec<(StepKind, &str)> {
    let PluginDescriptor { passes, evaluators, generators, sources, .. } = descriptor;
    let PluginDescriptor { previewers, packagers, .. } = descriptor;
    let passes = passes.iter().map(|pass| (StepKind::Pass, pass.name.as_str()));
    let evaluators = evaluators.iter().map(|one| (StepKind::Evaluate, one.name.as_str()));
    let generators = generators.iter().map(|one| (StepKind::Generate, one.name.as_str()));
    let sources = sources.iter().map(|one| (StepKind::Source, one.name.as_str()));
    let previewers = previewers.iter().map(|one| (StepKind::Preview, one.name.as_str()));
    let packagers = packagers.iter().map(|one| (StepKind::Package, one.name.as_str()));
    let models = passes.chain(evaluators).chain(generators);
    models.chain(sources).chain(previewers).chain(packagers).collect()
}

/// Kinds of model that an entry takes; none for a source.
pub(super) fn accepts<'a>(
    descriptor: &'a PluginDescriptor,
    kind: StepKind,
    entry: &str,
) -> &'a [ModelKind] {
    let found = match kind {
        StepKind::Pass => pass(descriptor, entry).map(|pass| &pass.accepts),
        StepKind::Evaluate => evaluator(descriptor, entry).map(|one| &one.accepts),
        StepKind::Generate => {
            let mut generators = descriptor.generators.iter();
            generators.find(|one| one.name == entry).map(|one| &one.accepts)
        }
        StepKind::Preview => {
            let mut previewers = descriptor.previewers.iter();
            previewers.find(|one| one.name == entry).map(|one| &one.accepts)
        }
        StepKind::Package => packager(descriptor, entry).map(|one| &one.accepts),
        StepKind::Source | StepKind::System | StepKind::GraphView | StepKind::GraphEdit => None,
    };
    found.map(Vec::as_slice).unwrap_or_default()
}

/// The pass called `name`.
pub(super) fn pass<'a>(descriptor: &'a PluginDescriptor, name: &str) -> Option<&'a PassDescriptor> {
    descriptor.passes.iter().find(|pass| pass.name == name)
}

/// The schema of an entry's settings, when it has one of its own.
pub(super) fn schema<'a>(
    descriptor: &'a PluginDescriptor,
    kind: StepKind,
    entry: &str,
) -> Option<&'a Value> {
    match kind {
        StepKind::Pass => pass(descriptor, entry).map(|pass| &pass.schema),
        StepKind::Source => {
            let mut sources = descriptor.sources.iter();
            sources.find(|source| source.name == entry).map(|source| &source.schema)
        }
        StepKind::Package => packager(descriptor, entry).map(|one| &one.schema),
        StepKind::Evaluate
        | StepKind::Generate
        | StepKind::Preview
        | StepKind::System
        | StepKind::GraphView
        | StepKind::GraphEdit => None,
    }
}

fn packager<'a>(descriptor: &'a PluginDescriptor, name: &str) -> Option<&'a PackagerDescriptor> {
    descriptor.packagers.iter().find(|packager| packager.name == name)
}

fn evaluator<'a>(descriptor: &'a PluginDescriptor, name: &str) -> Option<&'a EvaluatorDescriptor> {
    descriptor.evaluators.iter().find(|evaluator| evaluator.name == name)
}

fn subject(case: &ConformanceCase) -> Option<(StepKind, &str)> {
    let kinds = [
        (StepKind::Pass, &case.pass),
        (StepKind::Evaluate, &case.evaluator),
        (StepKind::Generate, &case.generator),
        (StepKind::Source, &case.source),
        (StepKind::System, &case.system),
        (StepKind::Preview, &case.previewer),
        (StepKind::Package, &case.packager),
    ];
    kinds.into_iter().find_map(|(kind, name)| Some((kind, name.as_deref()?)))
}

fn named(task: Result<Task, String>, name: String) -> Result<Case, Unready> {
    match task {
        Ok(task) => Ok(Case { name, task, expect: None, is_guess: true }),
        Err(why) => Err(Unready { name, why, is_guess: true }),
    }
}

fn task(
    case: &ConformanceCase,
    kind: StepKind,
    entry: &str,
    descriptor: &PluginDescriptor,
    folder: &Path,
    world: &World,
) -> Result<Task, String> {
    let mut config = Value::Object(case.config.clone());
    if let Some(schema) = schema(descriptor, kind, entry) {
        absolute_paths(&mut config, schema, "input", folder);
    }
    let input = match &case.input {
        Some(CaseInput::Path(path)) => {
            Input::Model(recognize(&folder.join(path)).map_err(|error| error.to_string())?)
        }
        Some(CaseInput::Model(model)) => {
            let mut model = model.clone();
            model.model_path = folder.join(&model.model_path);
            model.adapter_path = model.adapter_path.map(|path| folder.join(path));
            Input::Model(model)
        }
        None => specimen_for(descriptor, kind, entry),
    };
    let data_configs = case.data_configs.iter().map(|data| {
        let copied = with_copies(data, folder, world);
        copied.map(|data| (data.name.clone(), data)).map_err(|error| error.to_string())
    });
    let accelerator = case.accelerator.clone();
    let data_configs = data_configs.collect::<Result<_, _>>()?;
    let shares = shares(descriptor, kind, entry);
    let entry = entry.to_owned();
    let (threads, kept) = (THREADS, None);
    Ok(Task { kind, entry, config, input, data_configs, accelerator, threads, shares, kept })
}

/// The data config with its files copied to where they are watched.
fn with_copies(data: &DataConfig, folder: &Path, world: &World) -> io::Result<DataConfig> {
    let mut data = data.clone();
    for file in &mut data.load_dataset_config.data_files {
        let target = world.data_folder()?.join(file.file_name().unwrap_or("rows".as_ref()));
        copy(&folder.join(&file), &target)?;
        *file = target;
    }
    Ok(data)
}

/// Whether a source shares a folder with other programs.
fn shares(descriptor: &PluginDescriptor, kind: StepKind, entry: &str) -> bool {
    let schema = schema(descriptor, kind, entry).filter(|_| kind == StepKind::Source);
    schema.is_some_and(|schema| schema.get(SHARED_DIR).is_some())
}

fn specimen_for(descriptor: &PluginDescriptor, kind: StepKind, entry: &str) -> Input {
    Input::Specimen(accepts(descriptor, kind, entry).first().copied().unwrap_or(ModelKind::Hf))
}

fn examples(kind: StepKind, entry: &str, descriptor: &PluginDescriptor) -> Vec<Value> {
    schema(descriptor, kind, entry).map(example_configs).unwrap_or_default()
}

/// A task of ours: the example, or as few settings as possible, on a specimen.
fn guess(
    kind: StepKind,
    entry: &str,
    descriptor: &PluginDescriptor,
    example: Option<&Value>,
    world: &World,
) -> Result<Task, String> {
    let data = specimen::data(&world.data_folder().map_err(|error| error.to_string())?);
    let data = data.map_err(|error| error.to_string())?;
    let config = match (kind, example) {
        (_, Some(example)) => example.clone(),
        (StepKind::Evaluate, None) => {
            let Some(evaluator) = evaluator(descriptor, entry) else { return Err(String::new()) };
            match &evaluator.custom {
                Some(custom) if evaluator.metrics.is_empty() => {
                    own_metric(&evaluator.name, custom)?
                }
                _ => evaluation(&evaluator.metrics),
            }
        }
        (StepKind::Generate, None) => json!({"prompt": "small models", "max_new_tokens": 4}),
        (StepKind::Preview, None) => {
            json!({"data_config": specimen::DATA, "rows": 1, "blocks": 1})
        }
        (
            StepKind::Pass
            | StepKind::Source
            | StepKind::Package
            | StepKind::System
            | StepKind::GraphView
            | StepKind::GraphEdit,
            None,
        ) => Value::Object(least(schema(descriptor, kind, entry))?),
    };
    // An example may name data of its author's; it gets ours.
    let mut data_configs = BTreeMap::from([(data.name.clone(), data.clone())]);
    if let Some(schema) = schema(descriptor, kind, entry) {
        let mark = crate::config::references::REFERENCE;
        for place in marked(&config, schema, mark, "data_config") {
            let name = config.pointer(&place).and_then(Value::as_str).unwrap_or_default();
            data_configs.insert(name.to_owned(), DataConfig { name: name.into(), ..data.clone() });
        }
    }
    Ok(Task {
        kind,
        entry: entry.to_owned(),
        config,
        input: specimen_for(descriptor, kind, entry),
        data_configs,
        accelerator: Accelerator::default(),
        threads: THREADS,
        shares: shares(descriptor, kind, entry),
        kept: None,
    })
}

/// As few settings as the schema allows; the names of data configs are known.
fn least(schema: Option<&Value>) -> Result<Map<String, Value>, String> {
    let mut config = Map::new();
    let Some(schema) = schema else { return Ok(config) };
    for key in missing(&config, schema) {
        if !is_reference(schema, &key, "data_config") {
            return Err(format!("`{key}` is required: give a case in `conformance.json`"));
        }
        config.insert(key, specimen::DATA.into());
    }
    Ok(config)
}

/// An evaluator config with one metric, of type `custom`, with every figure of the `evaluator`.
fn own_metric(evaluator: &str, custom: &CustomMetrics) -> Result<Value, String> {
    let figures = custom.figures.iter().map(|figure| json!({"name": figure.name}));
    let figures: Vec<Value> = figures.collect();
    if figures.is_empty() {
        return Err("it takes any figure: give a case in `conformance.json`".into());
    }
    let settings = least(Some(&custom.schema))?;
    Ok(json!({"metrics": [{
        "name": "custom",
        "type": "custom",
        "sub_types": figures,
        "user_config": {"evaluator": evaluator, "settings": settings, "limit": 2}
    }]}))
}

/// An evaluator config with one figure of every metric.
fn evaluation(metrics: &[MetricKind]) -> Value {
    let metric = |kind: &MetricKind| {
        let needs_data = *kind == MetricKind::Accuracy;
        let sub_metric = kind.sub_metrics().first().copied().unwrap_or_default();
        json!({
            "name": kind.name(),
            "type": kind.name(),
            "sub_types": [{"name": sub_metric}],
            "data_config": needs_data.then_some(specimen::DATA),
            "user_config": {
                "limit": 2, "max_new_tokens": 2, "prompt_tokens": 8, "warmup_num": 1,
                "repeat_test_num": 1
            }
        })
    };
    json!({"metrics": metrics.iter().map(metric).collect::<Vec<_>>()})
}
