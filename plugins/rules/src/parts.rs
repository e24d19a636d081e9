//! The parts of a workflow that rules read: chains of passes, data configs, evaluators.

use olive_validator_api::{Document, PlannedStep, escaped, switch, text};
use serde_json::{Map, Value};

/// Built-in passes that train an adapter.
const TRAINERS: [&str; 6] = ["LoRA", "QLoRA", "DoRA", "LoftQ", "LoHa", "LoKr"];

/// The passes of each build, in the order they run; one chain where there are no builds.
pub(crate) fn chains(document: &Document) -> Vec<&[PlannedStep]> {
    document.steps.chunk_by(|a, b| a.build == b.build).collect()
}

/// Whether the step's pass is `kind`, in any case.
pub(crate) fn is(step: &PlannedStep, kind: &str) -> bool {
    step.kind.eq_ignore_ascii_case(kind)
}

/// Whether the step trains an adapter.
pub(crate) fn trains(step: &PlannedStep) -> bool {
    step.adapter.as_deref() == Some("adds") || is_tuner(step)
}

/// Whether the step's pass is a built-in one that trains an adapter.
pub(crate) fn is_tuner(step: &PlannedStep) -> bool {
    TRAINERS.iter().any(|kind| is(step, kind))
}

/// Whether the step merges an adapter into the weights.
pub(crate) fn merges(step: &PlannedStep) -> bool {
    step.adapter.as_deref() == Some("merges") || is(step, "MergeAdapterWeights")
}

/// Whether the step makes an ONNX graph from weights.
pub(crate) fn builds_graph(step: &PlannedStep) -> bool {
    is(step, "ModelBuilder") && switch(&step.config, "metadata_only") != Some(true)
}

/// Whether the steps leave names and shapes of the model's layers as they are.
pub(crate) fn keep_layers(steps: &[PlannedStep]) -> bool {
    steps.iter().all(|step| trains(step) || merges(step))
}

/// Every step that trains an adapter, once, however many builds have it.
pub(crate) fn trainers(document: &Document) -> Vec<&PlannedStep> {
    let mut found: Vec<&PlannedStep> = Vec::new();
    for step in document.steps.iter().filter(|step| trains(step)) {
        if found.iter().all(|known| known.pointer != step.pointer) {
            found.push(step);
        }
    }
    found
}

/// The pass as a sentence names it: `` pass `tune` (LoRA) ``.
pub(crate) fn told(step: &PlannedStep) -> String {
    format!("pass `{}` ({})", step.name, step.kind)
}

/// The pass for the middle of a sentence: `` `tune` (LoRA) ``.
pub(crate) fn named(step: &PlannedStep) -> String {
    format!("`{}` ({})", step.name, step.kind)
}

/// A data config of the workflow.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Data<'a> {
    /// Its place in the list.
    index: usize,
    config: &'a Value,
}

impl<'a> Data<'a> {
    /// The data config called `name`.
    pub(crate) fn named(document: &'a Document, name: &str) -> Option<Self> {
        Self::all(document).find(|data| data.name() == name)
    }

    /// Every data config.
    pub(crate) fn all(document: &'a Document) -> impl Iterator<Item = Self> {
        let configs = document.workflow.get("data_configs").and_then(Value::as_array);
        let configs = configs.map_or(&[][..], Vec::as_slice);
        configs.iter().enumerate().map(|(index, config)| Self { index, config })
    }

    pub(crate) fn name(&self) -> &'a str {
        self.config.get("name").and_then(Value::as_str).unwrap_or_default()
    }

    /// Pointer of the data config.
    pub(crate) fn pointer(&self) -> String {
        format!("/data_configs/{}", self.index)
    }

    /// Which rows are read.
    pub(crate) fn rows(&self) -> Option<&'a Value> {
        self.config.get("load_dataset_config")
    }

    /// How rows become text, when something is said about it.
    pub(crate) fn pre_process(&self) -> Option<&'a Map<String, Value>> {
        self.config.get("pre_process_data_config")?.as_object()
    }

    /// A setting of how rows become text.
    pub(crate) fn setting(&self, key: &str) -> Option<&'a Value> {
        self.pre_process()?.get(key).filter(|value| !value.is_null())
    }

    /// How rows become blocks: `join` when nothing is said.
    pub(crate) fn strategy(&self) -> &'a str {
        self.pre_process().and_then(|config| text(config, "strategy")).unwrap_or("join")
    }

    /// Length of a block in tokens.
    pub(crate) fn block_tokens(&self) -> u64 {
        self.setting("max_seq_len").and_then(Value::as_u64).unwrap_or(1024)
    }

    /// Whether a function of the user or of a plugin makes the text, so that nothing is known.
    pub(crate) fn is_foreign(&self) -> bool {
        let has = |key: &str| self.config.get(key).is_some_and(|value| !value.is_null());
        has("user_script")
            || self.setting("type").is_some()
            || ["chat_template", "message_col", "text_formatting_func"]
                .iter()
                .any(|key| self.setting(key).is_some_and(|value| *value != Value::Bool(false)))
    }
}

/// A metric of an evaluator that measures some model.
#[derive(Debug, Clone)]
pub(crate) struct Metric<'a> {
    /// Its pointer.
    pub(crate) pointer: String,
    metric: &'a Value,
}

impl<'a> Metric<'a> {
    pub(crate) fn name(&self) -> &'a str {
        self.text("name").unwrap_or_default()
    }

    pub(crate) fn kind(&self) -> &'a str {
        self.text("type").unwrap_or_default()
    }

    /// Name of the data config it reads.
    pub(crate) fn data_config(&self) -> Option<&'a str> {
        self.text("data_config")
    }

    /// Its figures.
    pub(crate) fn sub_types(&self) -> &'a [Value] {
        self.metric.get("sub_types").and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// Whether it reports the figure called `name`.
    pub(crate) fn has(&self, name: &str) -> bool {
        let is_it = |sub: &Value| sub.get("name").and_then(Value::as_str) == Some(name);
        self.sub_types().iter().any(is_it)
    }

    /// A number of its `user_config`.
    pub(crate) fn count(&self, key: &str, default: u64) -> u64 {
        let written = self.metric.get("user_config").and_then(|config| config.get(key));
        written.and_then(Value::as_u64).unwrap_or(default)
    }

    fn text(&self, key: &str) -> Option<&'a str> {
        self.metric.get(key)?.as_str()
    }
}

/// The evaluators of the workflow with their names.
pub(crate) fn evaluators(document: &Document) -> impl Iterator<Item = (&str, &Value)> {
    let map = document.workflow.get("evaluators").and_then(Value::as_object);
    map.into_iter().flatten().map(|(name, evaluator)| (name.as_str(), evaluator))
}

/// The metrics of `evaluator`, the one called `name`.
pub(crate) fn metrics<'a>(name: &'a str, evaluator: &'a Value) -> Vec<Metric<'a>> {
    let list = evaluator.get("metrics").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let pointer = format!("/evaluators/{}/metrics", escaped(name));
    let metric = |(index, metric): (usize, &'a Value)| Metric {
        pointer: format!("{pointer}/{index}"),
        metric,
    };
    list.iter().enumerate().map(metric).collect()
}

/// The metrics of all evaluators that measure some model.
pub(crate) fn measured(document: &Document) -> Vec<Metric<'_>> {
    let used = evaluators(document).filter(|(name, _)| is_used(document, name));
    used.flat_map(|(name, evaluator)| metrics(name, evaluator)).collect()
}

/// Whether `evaluator`, the one called `name`, runs the model and not only looks at its files.
pub(crate) fn measures_model(name: &str, evaluator: &Value) -> bool {
    metrics(name, evaluator).iter().any(|metric| metric.kind() != "size_on_disk")
}

/// Whether the engine, a build or a pass names the evaluator `name`.
pub(crate) fn is_used(document: &Document, name: &str) -> bool {
    let names = |owner: &Value| owner.get("evaluator").and_then(Value::as_str) == Some(name);
    let sections = ["passes", "builds"].into_iter().filter_map(|key| document.workflow.get(key));
    let owners = sections.filter_map(Value::as_object).flat_map(Map::values);
    document.workflow.get("engine").is_some_and(names)
        || owners.flat_map(alternatives).any(names)
        || document.steps.iter().any(|step| step.evaluator.as_deref() == Some(name))
}

/// The alternatives of a pass, or the one thing itself.
fn alternatives(value: &Value) -> &[Value] {
    value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice)
}
