//! The pass `SplitModel`: one graph as several that follow each other.
//!
//! In: a folder with an ONNX model. Out: a folder with `split_0.onnx`, `split_1.onnx` and so on, each
//! with the weights that it takes, and what lay beside the graph but for `genai_config.json`, which
//! names a graph that is no more. What one graph makes and a later one takes is an output of the
//! first and an input of the second, by the same name; so run in order, they compute what the
//! whole did. The model says their names in its attribute `model_component_names`; a pass on ONNX
//! graphs that follows works on each.

mod assign;
mod cut;

use std::collections::BTreeMap;

use olive_kit_onnx::Model as Graph;
use olive_plugin_api::{Diagnostic, Model, ModelKind, Pass, PluginError, StepContext};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::error::RewriteError;
use crate::rewrite::{COMPONENTS, Folder};

/// Splits a graph into several that follow each other.
#[derive(Debug, Default)]
pub struct SplitModel;

olive_kit_onnx::settings_with_external_data! {
    /// Settings of the `SplitModel` pass: one graph as several that follow each other.
    ///
    /// With `external_data_name`, each split's file has the split's name before it.
    pub struct SplitModelConfig {
        /// Number of the split for nodes whose names begin so; those of the model when left out.
        ///
        /// Names of modules, such as `model.layers.0`, with numbers from 0 on; or a text such as
        /// `model.layers.0=0;model.layers.1=1`. Nodes that no name fits go with those they take
        /// from or give to. Models have them in their metadata `split_assignments`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub split_assignments: Option<Assignments>,
    }
}

/// Which modules go to which split.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Assignments {
    /// Numbers of splits by names of modules.
    Named(BTreeMap<String, usize>),
    /// The same as a text: `name=number`, with `;` between.
    Text(String),
}

impl Assignments {
    /// Numbers of splits by names of modules; they begin at 0 and none is left out.
    ///
    /// # Errors
    /// What is wrong with them.
    fn numbers(&self) -> Result<BTreeMap<String, usize>, String> {
        let numbers = match self {
            Self::Named(numbers) => numbers.clone(),
            Self::Text(text) => parse(text)?,
        };
        let used: std::collections::BTreeSet<usize> = numbers.values().copied().collect();
        match used.iter().enumerate().find(|&(index, &number)| index != number) {
            Some((missing, _)) => Err(format!("no name is assigned to split {missing}")),
            None if used.is_empty() => Err("no name is assigned to a split".to_owned()),
            None => Ok(numbers),
        }
    }
}

fn parse(text: &str) -> Result<BTreeMap<String, usize>, String> {
    let parts = text.split(';').map(|part| {
        let pair = part.split_once('=').filter(|(name, _)| !name.is_empty());
        let number = |(name, number): (&str, &str)| Some((name.to_owned(), number.parse().ok()?));
        pair.and_then(number).ok_or_else(|| format!("`{part}` is not of the form `name=number`"))
    });
    parts.collect()
}

impl Pass for SplitModel {
    type Config = SplitModelConfig;

    const NAME: &'static str = "SplitModel";
    const SUMMARY: &'static str = "Split an ONNX graph into several that follow each other.";
    const THREADS_CHANGE_RESULT: bool = false;

    fn accepts() -> &'static [ModelKind] {
        &[ModelKind::Onnx]
    }

    fn produces() -> ModelKind {
        ModelKind::Onnx
    }

    fn prepare(
        &self,
        _input: &Model,
        config: &SplitModelConfig,
        _ctx: &StepContext<'_>,
    ) -> Result<Vec<Diagnostic>, PluginError> {
        let problem = config.split_assignments.as_ref().and_then(|given| given.numbers().err());
        let problem =
            problem.map(|problem| Diagnostic::error("assignments", "/split_assignments", problem));
        Ok(problem.into_iter().collect())
    }

    fn run(
        &self,
        input: &Model,
        config: &SplitModelConfig,
        ctx: &StepContext<'_>,
    ) -> Result<Model, PluginError> {
        let mut folder = Folder::open(input)?;
        let graph = match folder.graphs.pop() {
            Some((_, graph)) if folder.graphs.is_empty() => graph,
            _ => return Err(unfit("the model is split already".to_owned()).into()),
        };
        let assignments = assignments(config, &graph)?;
        let splits = cut::cut(graph, &assignments)?;
        let names: Vec<String> =
            splits.iter().map(|(number, _)| format!("split_{number}")).collect();
        let files = names.iter().map(|name| format!("{name}.onnx"));
        folder.graphs = files.zip(splits.into_iter().map(|(_, graph)| graph)).collect();
        folder.leave("genai_config.json");
        let mut model = folder.write(input, Some(&config.policy()), ctx)?;
        model.onnx_file_name = None;
        model.model_attributes.insert(COMPONENTS.to_owned(), json!(names));
        Ok(model)
    }
}

/// What the settings assign, or else the model.
fn assignments(
    config: &SplitModelConfig,
    model: &Graph,
) -> Result<BTreeMap<String, usize>, RewriteError> {
    if let Some(given) = &config.split_assignments {
        return given.numbers().map_err(unfit);
    }
    let mut metadata = model.header.metadata_props.iter();
    let own = metadata.find(|entry| entry.key() == "split_assignments");
    let own = own.ok_or_else(|| {
        unfit("set `split_assignments`; the model has none in its metadata".to_owned())
    })?;
    Assignments::Text(own.value().to_owned()).numbers().map_err(unfit)
}

fn unfit(problem: String) -> RewriteError {
    RewriteError::Unfit { edit: "SplitModel", problem }
}

#[cfg(test)]
mod tests {
    use super::Assignments;

    #[test]
    fn assignments_are_read_or_what_is_wrong_is_said() {
        let rows = [
            ("a=0;b=1;c=0", Ok(3)),
            ("a=0;b", Err("`b` is not of the form `name=number`")),
            ("a=0;=1", Err("`=1` is not of the form `name=number`")),
            ("a=0;b=x", Err("`b=x` is not of the form `name=number`")),
            ("a=0;b=2", Err("no name is assigned to split 1")),
            ("a=1", Err("no name is assigned to split 0")),
        ];
        for (text, expected) in rows {
            let numbers = Assignments::Text(text.to_owned()).numbers();
            let found =
                numbers.as_ref().map(std::collections::BTreeMap::len).map_err(String::as_str);
            assert_eq!(found, expected, "{text}");
        }
        let none = Assignments::Named(std::collections::BTreeMap::new()).numbers();
        assert_eq!(none.unwrap_err(), "no name is assigned to a split");
    }
}
