//! A validator or a graph pass asked as the host asks it, in JSON.
//!
//! The exports of a component are a mechanical translation of these functions; tests may call them
//! natively. A panic is not caught: it ends the component's instance.

mod passes;

pub use passes::{Entry, edit, passes, transform};

use olive_schemas::diagnostic::Diagnostic;
use olive_schemas::graph::GRAPH_VERSION;
use olive_schemas::types::schema_of;
use olive_schemas::validation::{Completion, Cost, DOCUMENT_VERSION, Document};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::context::Context;
use crate::refusal::Refusal;
use crate::validator::{Completer, Migrator, Planner, Validator};

/// What a component is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DocumentKind {
    /// A workflow: a [`Document`], or one that is not checked yet.
    Workflow,
    /// An ONNX graph: a [`GraphView`](olive_schemas::graph::GraphView).
    Graph,
}

impl DocumentKind {
    /// As the host calls it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Workflow => "workflow",
            Self::Graph => "graph",
        }
    }

    /// Versions of such documents that this crate reads, as a semver range: `^0.1`.
    pub fn range(self) -> String {
        let version = match self {
            Self::Workflow => DOCUMENT_VERSION,
            Self::Graph => GRAPH_VERSION,
        };
        format!("^{}", version.rsplit_once('.').map_or(version, |(minor, _)| minor))
    }
}

/// What a validator says of itself beside name, version and summary: a JSON object with `rules`.
pub fn extra<V: Validator>() -> String {
    json!({"rules": V::rules()}).to_string()
}

/// JSON schema (draft-07) of a validator's settings.
pub fn config_schema<V: Validator>() -> String {
    schema_of::<V::Config>().to_string()
}

/// What is wrong with the checked workflow in the [`Document`] that `document` spells.
///
/// ```
/// use olive_validator_api::{Context, Diagnostic, Document, Rule, Validator, call, setting};
///
/// #[derive(Default, serde::Deserialize, schemars::JsonSchema)]
/// #[serde(deny_unknown_fields)]
/// struct NoConfig {}
///
/// struct Small;
///
/// impl Validator for Small {
///     type Config = NoConfig;
///     const ID: &'static str = "small";
///     const SUMMARY: &'static str = "Keep workflows small.";
///
///     fn rules() -> Vec<Rule> {
///         vec![Rule { code: "long".into(), summary: "a third pass".into(), url: None }]
///     }
///
///     fn validate(document: &Document, _: &NoConfig, _: &Context) -> Vec<Diagnostic> {
///         let third = document.steps.get(2);
///         let told = third.map(|step| Diagnostic::error("long", setting(step, "type"), "a third"));
///         told.into_iter().collect()
///     }
/// }
///
/// let step = |name: &str| {
///     let pointer = format!("/passes/{name}");
///     serde_json::json!({"name": name, "pointer": pointer, "type": "Prune", "config": {}})
/// };
/// let steps = ["a", "b", "c"].map(step);
/// let document = serde_json::json!({"workflow": {}, "steps": steps}).to_string();
/// let found = call::validate::<Small>(&document, &Context::default()).unwrap();
/// assert_eq!(found[0].pointer, "/passes/c/type");
/// ```
///
/// # Errors
/// [`Refusal::InvalidInput`] when `document` or the settings in it do not parse.
pub fn validate<V: Validator>(document: &str, ctx: &Context) -> Result<Vec<Diagnostic>, Refusal> {
    let document: Document = parse("the document", document)?;
    let config = serde_json::from_value(Value::Object(document.config.clone()))
        .map_err(|error| Refusal::InvalidInput(format!("settings of `{}`: {error}", V::ID)))?;
    Ok(V::validate(&document, &config, ctx))
}

/// Notes about old forms in the unchecked workflow that `workflow` spells.
///
/// # Errors
/// [`Refusal::InvalidInput`] when `workflow` does not parse.
pub fn migrate<M: Migrator>(workflow: &str, ctx: &Context) -> Result<Vec<Diagnostic>, Refusal> {
    Ok(M::migrate(&parse("the workflow", workflow)?, ctx))
}

/// Values that may stand at the JSON pointer `at` of the workflow that `workflow` spells.
///
/// # Errors
/// [`Refusal::InvalidInput`] when `workflow` does not parse.
pub fn complete<C: Completer>(
    workflow: &str,
    at: &str,
    ctx: &Context,
) -> Result<Vec<Completion>, Refusal> {
    Ok(C::complete(&parse("the workflow", workflow)?, at, ctx))
}

/// What each step of the [`Document`] that `document` spells will need.
///
/// # Errors
/// [`Refusal::InvalidInput`] when `document` does not parse.
pub fn estimate<P: Planner>(document: &str, ctx: &Context) -> Result<Vec<Option<Cost>>, Refusal> {
    Ok(P::estimate(&parse("the document", document)?, ctx))
}

/// The context of a call about a document that is called `kind`, with `facts` as JSON.
///
/// # Errors
/// [`Refusal::UnsupportedDocument`] for another kind than `expected`, [`Refusal::InvalidInput`] when
/// `facts` is no JSON object.
pub fn context(
    expected: DocumentKind,
    kind: &str,
    locale: Option<String>,
    strict: bool,
    facts: &str,
) -> Result<Context, Refusal> {
    if kind != expected.word() {
        return Err(Refusal::UnsupportedDocument(format!(
            "documents are of kind `{}`, not `{kind}`",
            expected.word()
        )));
    }
    let facts: Map<String, Value> = parse("the facts", facts)?;
    Ok(Context { locale, strict, facts })
}

fn parse<T: DeserializeOwned>(what: &str, text: &str) -> Result<T, Refusal> {
    serde_json::from_str(text).map_err(|error| Refusal::InvalidInput(format!("{what}: {error}")))
}

#[cfg(test)]
mod tests {
    use super::{DocumentKind, config_schema, context, extra, validate};
    use crate::{Context, Diagnostic, Document, Refusal, Rule, Validator};
    use serde_json::{Value, json};

    #[derive(Default, serde::Deserialize, schemars::JsonSchema)]
    #[serde(deny_unknown_fields, default)]
    struct Limit {
        /// Most passes that a workflow may have.
        passes: usize,
    }

    struct FewPasses;

    impl Validator for FewPasses {
        type Config = Limit;
        const ID: &'static str = "few-passes";
        const SUMMARY: &'static str = "Limits the passes.";

        fn rules() -> Vec<Rule> {
            vec![Rule { code: "too-many".into(), summary: "More than allowed".into(), url: None }]
        }

        fn validate(document: &Document, config: &Limit, _: &Context) -> Vec<Diagnostic> {
            let count = document.steps.len();
            let message = format!("{count} passes are more than {}", config.passes);
            let found = Diagnostic::error("too-many", "/passes", message);
            Vec::from_iter((count > config.passes).then_some(found))
        }
    }

    fn check_validate(document: &Value, answer: &Result<Vec<&str>, &str>) {
        let found = validate::<FewPasses>(&document.to_string(), &Context::default());
        let found = found.map(|all| all.into_iter().map(|one| one.message).collect::<Vec<_>>());
        match (found, answer) {
            (Ok(found), Ok(expected)) => assert_eq!(&found, expected),
            (Err(Refusal::InvalidInput(why)), Err(expected)) => {
                assert!(why.starts_with(expected), "{why}");
            }
            (found, _) => panic!("{found:?} instead of {answer:?}"),
        }
    }

    #[test]
    fn settings_reach_the_rules_and_wrong_ones_are_refused() {
        let steps = json!([{"name": "a", "pointer": "/passes/a", "type": "A", "config": {}}]);
        let document = |config: Value| json!({"workflow": {}, "steps": steps, "config": config});
        check_validate(&document(json!({"passes": 1})), &Ok(vec![]));
        check_validate(&document(json!({})), &Ok(vec!["1 passes are more than 0"]));
        check_validate(&document(json!({"pass": 1})), &Err("settings of `few-passes`: unknown"));
        check_validate(&json!({"steps": []}), &Err("the document: missing field `workflow`"));
    }

    #[test]
    fn documents_of_other_kinds_are_refused() {
        let refused = context(DocumentKind::Workflow, "graph", None, false, "{}");
        assert!(
            matches!(refused, Err(Refusal::UnsupportedDocument(why)) if why.contains("`graph`"))
        );
        let facts = r#"{"olive_version": "1.0.0"}"#;
        let strict = context(DocumentKind::Graph, "graph", Some("de".into()), true, facts);
        assert_eq!(strict.unwrap().facts["olive_version"], "1.0.0");
    }

    #[test]
    fn a_validator_describes_itself() {
        assert_eq!(DocumentKind::Workflow.range(), "^0.1");
        let extra: Value = serde_json::from_str(&extra::<FewPasses>()).unwrap();
        assert_eq!(extra["rules"][0]["code"], "too-many");
        let schema: Value = serde_json::from_str(&config_schema::<FewPasses>()).unwrap();
        assert_eq!(schema["$schema"], "http://json-schema.org/draft-07/schema#");
        assert_eq!(schema["additionalProperties"], false);
    }
}
