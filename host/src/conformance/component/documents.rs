//! Documents that validators are tried with: those of cases, and a few that any must stand.

use std::cell::OnceCell;
use std::fs;
use std::path::Path;

use olive_schemas::model::ModelKind;
use olive_schemas::pointer::escape;
use olive_schemas::step::Accelerator;
use olive_schemas::validation::{Document, ModelDescription, PlannedStep, TensorGroup};
use serde_json::{Map, Value, json};

use crate::config::defaults::fill;
use crate::config::references::ADAPTER;
use crate::home::cache_home;
use crate::plugin::{Catalog, Places};

/// Settings of a pass in a workflow that are not the pass's own.
const NOT_OWN: [&str; 3] = ["type", "host", "evaluator"];

/// Reads documents, and plans the steps of those that leave them out.
#[derive(Default)]
pub(super) struct Planner {
    /// Plugins beside the program, which know the settings of passes.
    catalog: OnceCell<Catalog>,
}

impl Planner {
    /// The document in the file at `path`.
    ///
    /// # Errors
    /// When it cannot be read, in words.
    pub(super) fn read(&self, path: &Path) -> Result<Document, String> {
        let told = |error: String| format!("`{}`: {error}", path.display());
        let text = fs::read_to_string(path).map_err(|error| told(error.to_string()))?;
        let mut document: Document =
            serde_json::from_str(&text).map_err(|error| told(error.to_string()))?;
        if document.steps.is_empty() {
            document.steps = self.steps(&document.workflow);
        }
        Ok(document)
    }

    /// The passes of each build of `workflow` in order, or all of them.
    fn steps(&self, workflow: &Value) -> Vec<PlannedStep> {
        let none = Map::new();
        let section = |key: &str| workflow.get(key).and_then(Value::as_object).unwrap_or(&none);
        let (passes, builds) = (section("passes"), section("builds"));
        let evaluator = workflow.pointer("/engine/evaluator").and_then(Value::as_str);
        let step = |build: Option<&String>, name: &str| {
            let planned = self.step(name, passes.get(name)?)?;
            let evaluator = planned.evaluator.or(evaluator.map(str::to_owned));
            Some(PlannedStep { build: build.cloned(), evaluator, ..planned })
        };
        if builds.is_empty() {
            return passes.keys().filter_map(|name| step(None, name)).collect();
        }
        let mut steps = Vec::new();
        for (build, settings) in builds {
            let names = settings.get("pipeline").and_then(Value::as_array).into_iter().flatten();
            let names = names.filter_map(Value::as_str);
            steps.extend(names.filter_map(|name| step(Some(build), name)));
        }
        steps
    }

    fn step(&self, name: &str, pass: &Value) -> Option<PlannedStep> {
        let written = pass.as_object()?;
        let text = |key: &str| written.get(key).and_then(Value::as_str);
        let kind = text("type")?;
        let mut config = written.clone();
        config.retain(|key, _| !NOT_OWN.contains(&key.as_str()));
        let catalog = self.catalog.get_or_init(|| {
            Catalog::discover(&Places::default(), &cache_home()).unwrap_or_default()
        });
        let known = catalog.pass(kind).map(|known| known.descriptor);
        let mut config = Value::Object(config);
        if let Some(known) = known {
            fill(&mut config, &known.schema);
        }
        let Value::Object(config) = config else { return None };
        let adapter = known.and_then(|known| known.schema.get(ADAPTER)?.as_str());
        Some(PlannedStep {
            build: None,
            name: name.to_owned(),
            pointer: format!("/passes/{}", escape(name)),
            kind: known.map_or(kind, |known| &known.name).to_owned(),
            config,
            produces: known.map(|known| known.produces),
            adapter: adapter.map(str::to_owned),
            evaluator: text("evaluator").map(str::to_owned),
        })
    }
}

/// Documents that any validator must be able to read, by name.
pub(super) fn usual() -> [(&'static str, Document); 4] {
    let bare = Document { workflow: json!({}), model: None, ..minimal() };
    let unknown = Document {
        workflow: json!({
            "input_model": {"type": "HfModel", "model_path": "model"},
            "passes": {"strange": {"type": "OfAnotherPlugin", "list": [1, null, {"deep": [[]]}]}},
            "from_the_future": {"é": "\u{1f980}"}
        }),
        steps: vec![strange_step("strange")],
        ..minimal()
    };
    [("bare", bare), ("minimal", minimal()), ("unknown-pass", unknown), ("large", large())]
}

/// A workflow without passes.
pub(super) fn minimal() -> Document {
    Document {
        workflow: json!({
            "input_model": {"type": "HfModel", "model_path": "model"},
            "passes": {}
        }),
        steps: Vec::new(),
        model: Some(ModelDescription {
            kind: ModelKind::Hf,
            config: Some(json!({"model_type": "llama", "hidden_size": 64})),
            tensors: Vec::new(),
            total_bytes: 0,
        }),
        accelerator: Accelerator::default(),
        accelerator_memory_bytes: Some(8 << 30),
        config: Map::new(),
    }
}

/// Larger than any that people write: a hundred passes, and a model of many kinds of tensors.
pub(super) fn large() -> Document {
    let names: Vec<String> = (0..100).map(|index| format!("pass_{index}")).collect();
    let pass = |name: &String| {
        let setting = |index: u32| (format!("setting_{index}"), json!([index, "text", null]));
        let mut pass: Map<String, Value> = (0..12).map(setting).collect();
        pass.insert("type".into(), "OfAnotherPlugin".into());
        (name.clone(), Value::Object(pass))
    };
    let tensor = |index: u64| TensorGroup {
        name: format!("model.layers.*.part_{index}.weight"),
        count: 80,
        shape: vec![4096, 4096],
        dtype: "BF16".into(),
    };
    let minimal = minimal();
    Document {
        workflow: json!({
            "input_model": {"type": "HfModel", "model_path": "model"},
            "passes": names.iter().map(pass).collect::<Map<String, Value>>(),
        }),
        steps: names.iter().map(|name| strange_step(name)).collect(),
        model: minimal.model.map(|model| ModelDescription {
            tensors: (0..150).map(tensor).collect(),
            total_bytes: 1 << 40,
            ..model
        }),
        ..minimal
    }
}

fn strange_step(name: &str) -> PlannedStep {
    PlannedStep {
        build: None,
        name: name.into(),
        pointer: format!("/passes/{name}"),
        kind: "OfAnotherPlugin".into(),
        config: Map::new(),
        produces: None,
        adapter: None,
        evaluator: None,
    }
}
