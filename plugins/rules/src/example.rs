//! Examples of rules: workflows with the model they start from, as `rules/<code>/` holds them.
//!
//! They are documents without steps, which follow from the workflow. Tests and the page of rules
//! read them; the component does not.

use olive_validator_api::{Document, ModelKind, PlannedStep, at, escaped, text};
use serde_json::{Map, Value, json};

/// Schemas of the built-in passes that examples use.
const SCHEMAS: [&str; 8] = [
    include_str!("../../../schemas/generated/passes/LoRA.schema.json"),
    include_str!("../../../schemas/generated/passes/DoRA.schema.json"),
    include_str!("../../../schemas/generated/passes/QLoRA.schema.json"),
    include_str!("../../../schemas/generated/passes/LoftQ.schema.json"),
    include_str!("../../../schemas/generated/passes/LoHa.schema.json"),
    include_str!("../../../schemas/generated/passes/LoKr.schema.json"),
    include_str!("../../../schemas/generated/passes/MergeAdapterWeights.schema.json"),
    include_str!("../../../schemas/generated/passes/ModelBuilder.schema.json"),
];

/// Settings of a pass in a workflow that are not the pass's own.
const NOT_OWN: [&str; 3] = ["type", "host", "evaluator"];

/// A workflow with what it is about.
#[derive(Debug, Clone, PartialEq)]
pub struct Example {
    /// A [`Document`] without steps; where the finding is expected stands in `at`.
    value: Value,
}

/// Which of a rule's two examples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The rule speaks.
    Bad,
    /// The same, mended.
    Good,
}

impl Example {
    /// The example in `value`: a document without steps.
    pub fn new(value: Value) -> Self {
        Self { value }
    }

    /// One of the examples of the rule `code`.
    ///
    /// # Panics
    /// When it is not there or is no JSON.
    pub fn read(code: &str, kind: Kind) -> Self {
        let name = match kind {
            Kind::Bad => "bad",
            Kind::Good => "good",
        };
        let path = format!("{}/rules/{code}/{name}.json", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        let value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"));
        Self::new(value)
    }

    /// Pointer at which the finding is expected.
    pub fn at(&self) -> &str {
        self.value.get("at").and_then(Value::as_str).unwrap_or_default()
    }

    /// The workflow.
    pub fn workflow(&self) -> &Value {
        &self.value["workflow"]
    }

    /// The same example after a JSON patch of its workflow, of `add`, `replace` and `remove`.
    ///
    /// # Panics
    /// When the patch does not fit.
    #[must_use]
    pub fn with_patch(&self, patch: &Value) -> Self {
        let mut value = self.value.clone();
        for operation in patch.as_array().expect("a patch is a list") {
            apply(&mut value["workflow"], operation);
        }
        Self { value }
    }

    /// The document, its steps planned as the host plans them.
    ///
    /// # Panics
    /// When it is no document.
    pub fn document(&self) -> Document {
        let mut value = self.value.clone();
        if let Some(map) = value.as_object_mut() {
            map.remove("at");
        }
        let mut document: Document =
            serde_json::from_value(value).expect("an example is a document");
        document.steps = steps(&document.workflow);
        document
    }
}

/// The passes of each build in order, or all of them.
fn steps(workflow: &Value) -> Vec<PlannedStep> {
    let evaluator = at(workflow, "/engine/evaluator").and_then(Value::as_str);
    let passes = workflow.get("passes").and_then(Value::as_object).cloned().unwrap_or_default();
    let builds = workflow.get("builds").and_then(Value::as_object).cloned().unwrap_or_default();
    let step = |build: Option<&str>, name: &str| planned(name, passes.get(name)?, build, evaluator);
    if builds.is_empty() {
        return passes.keys().filter_map(|name| step(None, name)).collect();
    }
    let chains = builds.iter().map(|(build, settings)| {
        let names = settings.get("pipeline").and_then(Value::as_array).into_iter().flatten();
        names.filter_map(Value::as_str).filter_map(|name| step(Some(build), name)).collect()
    });
    chains.collect::<Vec<Vec<PlannedStep>>>().concat()
}

fn planned(
    name: &str,
    pass: &Value,
    build: Option<&str>,
    evaluator: Option<&str>,
) -> Option<PlannedStep> {
    let written = pass.as_object()?;
    let kind = text(written, "type")?;
    let mut config: Map<String, Value> = written.clone();
    config.retain(|key, _| !NOT_OWN.contains(&key.as_str()));
    let schema = schema(kind);
    if let Some(schema) = &schema {
        fill(&mut config, schema);
    }
    let produces = schema.as_ref().map(|_| match kind {
        "ModelBuilder" => ModelKind::Onnx,
        _ => ModelKind::Hf,
    });
    let adapter = schema.as_ref().and_then(|schema| schema.get("x-olive-adapter")?.as_str());
    Some(PlannedStep {
        build: build.map(str::to_owned),
        name: name.to_owned(),
        pointer: format!("/passes/{}", escaped(name)),
        kind: kind.to_owned(),
        config,
        produces,
        adapter: adapter.map(str::to_owned),
        evaluator: text(written, "evaluator").or(evaluator).map(str::to_owned),
    })
}

fn schema(kind: &str) -> Option<Value> {
    let schemas = SCHEMAS.iter().filter_map(|text| serde_json::from_str::<Value>(text).ok());
    schemas.into_iter().find(|schema| schema["title"] == kind)
}

/// Adds the defaults of what `config` leaves out, in objects that are written too.
fn fill(config: &mut Map<String, Value>, schema: &Value) {
    let properties = schema.get("properties").and_then(Value::as_object);
    for (key, property) in properties.into_iter().flatten() {
        if let Some(Value::Object(inner)) = config.get_mut(key) {
            fill(inner, property);
        } else if let Some(default) = property.get("default")
            && property.get("deprecated").is_none()
        {
            config.entry(key).or_insert_with(|| default.clone());
        }
    }
}

fn apply(workflow: &mut Value, operation: &Value) {
    let field = |key: &str| operation[key].as_str().unwrap_or_default();
    let path = field("path");
    let (parent, key) = path.rsplit_once('/').expect("a path has a parent");
    let parent = workflow.pointer_mut(parent).unwrap_or_else(|| panic!("nothing is at `{parent}`"));
    let key = key.replace("~1", "/").replace("~0", "~");
    match (parent, field("op")) {
        (Value::Object(map), "add") => {
            map.insert(key, operation["value"].clone());
        }
        (Value::Object(map), "remove") => {
            assert!(map.remove(&key).is_some(), "nothing is at `{path}`");
        }
        (Value::Array(items), operator @ ("replace" | "remove")) => {
            let index: usize = key.parse().expect("an index");
            if operator == "remove" {
                items.remove(index);
            } else {
                items[index] = json!(operation["value"]);
            }
        }
        (parent, operator) => panic!("`{operator}` does not fit {parent}"),
    }
}
