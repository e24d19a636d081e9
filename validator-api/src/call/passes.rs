//! Graph passes asked in JSON.

use olive_schemas::graph::{GraphEdit, GraphView};
use olive_schemas::types::schema_of;
use olive_schemas::validation::GraphPassDescriptor;
use serde_json::Value;

use super::parse;
use crate::context::Context;
use crate::graph_pass::GraphPass;
use crate::refusal::Refusal;

/// A pass among those of a component.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    name: &'static str,
    summary: &'static str,
    schema: fn() -> Value,
    transform: fn(&str, &str, &Context) -> Result<Vec<GraphEdit>, Refusal>,
}

impl Entry {
    /// The pass `P`.
    pub const fn of<P: GraphPass>() -> Self {
        Self {
            name: P::NAME,
            summary: P::SUMMARY,
            schema: schema_of::<P::Config>,
            transform: |graph, config, ctx| {
                edit::<P>(&parse("the graph", graph)?, &parse("the settings", config)?, ctx)
            },
        }
    }
}

/// What the passes say about themselves.
pub fn passes(entries: &[Entry]) -> Vec<GraphPassDescriptor> {
    let describe = |entry: &Entry| GraphPassDescriptor {
        name: entry.name.to_owned(),
        summary: entry.summary.to_owned(),
        schema: (entry.schema)(),
    };
    entries.iter().map(describe).collect()
}

/// The edits, as JSON, that the pass called `name` makes on the [`GraphView`] that `graph` spells
/// with the settings that `config` spells.
///
/// # Errors
/// [`Refusal::InvalidInput`] when there is no such pass, when `graph` or `config` does not parse,
/// and when the pass refuses them.
pub fn transform(
    entries: &[Entry],
    name: &str,
    graph: &str,
    config: &str,
    ctx: &Context,
) -> Result<String, Refusal> {
    let mut meant = entries.iter().filter(|entry| entry.name.eq_ignore_ascii_case(name));
    let entry = meant.next().ok_or_else(|| Refusal::of(format!("there is no pass `{name}`")))?;
    let edits = (entry.transform)(graph, config, ctx)?;
    serde_json::to_string(&edits).map_err(|error| Refusal::of(format!("the edits: {error}")))
}

/// The edits that the pass `P` makes on `view` with the settings that `config` holds.
///
/// # Errors
/// [`Refusal::InvalidInput`] when `config` does not hold settings of `P`, and when the pass refuses
/// them.
pub fn edit<P: GraphPass>(
    view: &GraphView,
    config: &Value,
    ctx: &Context,
) -> Result<Vec<GraphEdit>, Refusal> {
    let config = serde::Deserialize::deserialize(config)
        .map_err(|error| Refusal::of(format!("settings of `{}`: {error}", P::NAME)))?;
    P::edit(view, &config, ctx)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Entry, passes, transform};
    use crate::graph::{GraphEdit, GraphView};
    use crate::{Context, GraphPass, Refusal};

    #[derive(serde::Deserialize, schemars::JsonSchema)]
    #[serde(deny_unknown_fields)]
    struct Stamp {
        /// What to write.
        text: String,
    }

    struct StampProducer;

    impl GraphPass for StampProducer {
        type Config = Stamp;
        const NAME: &'static str = "StampProducer";
        const SUMMARY: &'static str = "Note who made the model.";

        fn edit(view: &GraphView, stamp: &Stamp, _: &Context) -> Result<Vec<GraphEdit>, Refusal> {
            if view.producer.is_empty() {
                return Err(Refusal::of("the model has no producer"));
            }
            let value = Some(format!("{} {}", stamp.text, view.producer));
            Ok(vec![GraphEdit::SetMetadata { key: "maker".into(), value }])
        }
    }

    const ALL: [Entry; 1] = [Entry::of::<StampProducer>()];

    fn check(name: &str, graph: &str, config: &Value, expected: Result<&str, &str>) {
        let config = config.to_string();
        let answer = transform(&ALL, name, graph, &config, &Context::default());
        match (&answer, expected) {
            (Ok(edits), Ok(expected)) => assert_eq!(edits, expected),
            (Err(refusal), Err(start)) => assert!(refusal.why().starts_with(start), "{refusal:?}"),
            _ => panic!("{answer:?} instead of {expected:?}"),
        }
    }

    #[test]
    fn a_pass_answers_edits_or_why_not() {
        let graph = r#"{"producer": "acme 1"}"#;
        let stamped = r#"[{"edit":"set_metadata","key":"maker","value":"by acme 1"}]"#;
        check("StampProducer", graph, &json!({"text": "by"}), Ok(stamped));
        check("stampproducer", graph, &json!({"text": "by"}), Ok(stamped));
        check("Stamp", graph, &json!({"text": "by"}), Err("there is no pass `Stamp`"));
        check("StampProducer", "{}", &json!({"text": "by"}), Err("the model has no producer"));
        check("StampProducer", "[", &json!({"text": "by"}), Err("the graph: EOF"));
        let unknown = "settings of `StampProducer`: unknown field `txt`";
        check("StampProducer", graph, &json!({"txt": "by"}), Err(unknown));
    }

    #[test]
    fn passes_describe_themselves() {
        let told = passes(&ALL);
        assert_eq!((&*told[0].name, &*told[0].summary), ("StampProducer", StampProducer::SUMMARY));
        assert_eq!(told[0].schema["required"], json!(["text"]));
    }
}
