//! The text of a starting config.

use olive_schemas::metric::MetricKind;
use olive_schemas::model::ModelKind;
use serde_json::{Value, json};

use crate::commands::shortcut::find;
use crate::config::language;
use crate::config::references::{PATH, REFERENCE};
use crate::edit::{EditError, pass_name};
use crate::plugin::{Catalog, PassEntry};

/// Name of the data config that passes train on.
const DATA: &str = "train";

/// What a starting config has.
pub(super) struct Starter {
    kind: ModelKind,
    model_path: String,
    passes: Vec<StartingPass>,
    /// Whether the model is measured.
    is_measured: bool,
}

/// A pass and the settings it cannot do without.
struct StartingPass {
    /// Name in the config.
    name: String,
    kind: String,
    summary: String,
    settings: Vec<StartingSetting>,
}

struct StartingSetting {
    key: String,
    value: Value,
    description: String,
    needs_data: bool,
}

impl Starter {
    /// A config for the model at `model_path`, with the passes called `names`, else with those that
    /// lead to ONNX.
    ///
    /// # Errors
    /// When no plugin has one of the passes.
    pub(super) fn new(
        catalog: &Catalog,
        kind: ModelKind,
        model_path: String,
        names: &[String],
    ) -> Result<Self, EditError> {
        let chosen: Vec<PassEntry<'_>> = if names.is_empty() {
            way_to_onnx(catalog, kind)
        } else {
            names.iter().map(|name| find(catalog, name)).collect::<Result<_, _>>()?
        };
        let mut passes: Vec<StartingPass> = Vec::new();
        for pass in &chosen {
            let taken: Vec<&str> = passes.iter().map(|other| other.name.as_str()).collect();
            let name = pass_name(&pass.descriptor.name, &taken);
            passes.push(starting_pass(catalog, *pass, name));
        }
        let measures = catalog.evaluator(kind, &[MetricKind::SizeOnDisk]);
        let is_measured = passes.is_empty() && measures.is_some();
        Ok(Self { kind, model_path, passes, is_measured })
    }

    /// The config's text, whose schema is at `schema`.
    pub(super) fn text(&self, schema: &str) -> String {
        let sections = [
            Some(format!(
                "  // Completion and checks in editors; `olive schema --out {schema}` writes it \
                 anew.\n  \"$schema\": {}",
                json!(schema)
            )),
            Some(self.model()),
            self.data(),
            self.evaluators(),
            Some(self.passes()),
            Some("  // Folder for the result.\n  \"output_dir\": \"output\"".into()),
        ];
        let sections: Vec<String> = sections.into_iter().flatten().collect();
        format!("{{\n{}\n}}\n", sections.join(",\n\n"))
    }

    fn model(&self) -> String {
        let what = match self.kind {
            ModelKind::Hf => "a folder with `config.json`, weights and tokenizer",
            ModelKind::Onnx => "an ONNX file, or the folder it is in",
            ModelKind::Gguf => "a GGUF file",
        };
        format!(
            "  // The model to start from: {what}.\n  \"input_model\": {{\n    \"type\": \"{}\",\n    \
             \"model_path\": {}\n  }}",
            self.kind,
            json!(self.model_path)
        )
    }

    fn data(&self) -> Option<String> {
        let settings = self.passes.iter().flat_map(|pass| &pass.settings);
        settings.into_iter().any(|setting| setting.needs_data).then(|| DATA_CONFIGS.to_owned())
    }

    fn evaluators(&self) -> Option<String> {
        self.is_measured.then(|| EVALUATORS.to_owned())
    }

    fn passes(&self) -> String {
        let passes: Vec<String> = self.passes.iter().map(StartingPass::text).collect();
        let body = match passes.as_slice() {
            [] => "{}".to_owned(),
            passes => format!("{{\n{}\n  }}", passes.join(",\n")),
        };
        format!(
            "  // What to do to it, in this order; `olive plugin list` shows all passes.\n  \
             \"passes\": {body}"
        )
    }
}

impl StartingPass {
    fn text(&self) -> String {
        let kind = format!(
            "      // {}\n      // Its settings: `olive config list-options {}`.\n      \"type\": {}",
            self.summary,
            self.kind,
            json!(self.kind)
        );
        let settings = self.settings.iter().map(|setting| {
            let lines = setting.description.lines().map(|line| format!("      // {line}\n"));
            let StartingSetting { key, value, .. } = setting;
            format!("{}      {}: {value}", lines.collect::<String>(), json!(key))
        });
        let body: Vec<String> = std::iter::once(kind).chain(settings).collect();
        format!("    {}: {{\n{}\n    }}", json!(self.name), body.join(",\n"))
    }
}

const DATA_CONFIGS: &str = r#"  // Rows that passes and metrics refer to by name.
  "data_configs": [
    {
      "name": "train",
      "load_dataset_config": {
        "data_name": "json",
        // One JSON object a line, or one array of objects.
        "data_files": "train.json"
      },
      "pre_process_data_config": {
        // Text of a row, with its columns in braces.
        "text_template": "{text}",
        // Length of a training block in tokens.
        "max_seq_len": 1024
      }
    }
  ]"#;

const EVALUATORS: &str = r#"  // What is measured about the model.
  "evaluators": {
    "measures": {
      "metrics": [
        {"name": "size", "type": "size_on_disk", "sub_types": [{"name": "bytes"}]}
      ]
    }
  },
  "evaluator": "measures""#;

/// The shortest chain of passes from a model of `kind` to an ONNX model; empty when there is none.
fn way_to_onnx(catalog: &Catalog, kind: ModelKind) -> Vec<PassEntry<'_>> {
    let mut chains = vec![(kind, Vec::new())];
    for _ in ModelKind::ALL {
        if let Some((_, chain)) = chains.iter().find(|(kind, _)| *kind == ModelKind::Onnx) {
            return chain.clone();
        }
        let longer = chains.iter().flat_map(|(kind, chain)| {
            let next = catalog.passes().filter(|pass| {
                pass.descriptor.accepts.contains(kind) && pass.descriptor.produces != *kind
            });
            next.map(|pass| {
                let chain = chain.iter().copied().chain([pass]).collect();
                (pass.descriptor.produces, chain)
            })
        });
        chains = longer.collect();
    }
    Vec::new()
}

fn starting_pass(catalog: &Catalog, pass: PassEntry<'_>, name: String) -> StartingPass {
    let kind = &pass.descriptor.name;
    let schema = language::pass_schema(catalog, kind).unwrap_or_default();
    let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
    let settings = required.filter_map(Value::as_str).map(|key| {
        let field = &schema["properties"][key];
        let needs_data = field.get(REFERENCE).is_some_and(|kind| kind == "data_config");
        let value = if needs_data { DATA.into() } else { sample(field) };
        StartingSetting { key: key.to_owned(), value, description: describe(field), needs_data }
    });
    let settings = settings.collect();
    let summary = format!("{}.", pass.descriptor.summary.trim_end_matches('.'));
    StartingPass { name, kind: kind.clone(), summary, settings }
}

/// What `field` is, and its values when they are named.
fn describe(field: &Value) -> String {
    let text = field.get("description").and_then(Value::as_str).unwrap_or_default();
    let text = text.split("\n\n").next().unwrap_or_default().replace('\n', " ");
    let values = field.get("enum").and_then(Value::as_array).into_iter().flatten();
    let values: Vec<String> = values.map(Value::to_string).collect();
    if values.is_empty() { text } else { format!("{text} One of {}.", values.join(", ")) }
}

/// A value that fits `field`, to be replaced by the user.
fn sample(field: &Value) -> Value {
    if let Some(first) = field.get("enum").and_then(|values| values.get(0)) {
        return first.clone();
    }
    let kind = field.get("type").map(|kind| kind.get(0).unwrap_or(kind));
    match kind.and_then(Value::as_str) {
        Some("boolean") => false.into(),
        Some("integer" | "number") => field.get("minimum").cloned().unwrap_or_else(|| 1.into()),
        Some("array") => json!([]),
        Some("object") => json!({}),
        _ if field.get(PATH).is_some() => "path".into(),
        _ => "".into(),
    }
}
