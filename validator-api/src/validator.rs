//! What a component can do, one trait for each interface of the WIT package.

use olive_schemas::diagnostic::Diagnostic;
use olive_schemas::validation::{Completion, Cost, Document, Rule};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::context::Context;

/// Rules that a schema cannot say.
pub trait Validator {
    /// What a user may set under `validators.config` of a workflow. Every field is documented,
    /// unknown keys are refused.
    type Config: Default + DeserializeOwned + JsonSchema;

    /// Name, lower case with `-`; the host puts it before the codes of findings.
    const ID: &'static str;

    /// One sentence on what the validator does, with a final period.
    const SUMMARY: &'static str;

    /// Every rule, for listings.
    fn rules() -> Vec<Rule>;

    /// What is wrong with a checked workflow.
    ///
    /// Codes come without the validator's name; pointers lead into [`Document::workflow`].
    fn validate(document: &Document, config: &Self::Config, ctx: &Context) -> Vec<Diagnostic>;
}

/// Brings what older versions of a vendor's passes took into today's form.
pub trait Migrator {
    /// A note for each old form in a workflow that is not checked yet, each with one
    /// machine-applicable fix.
    fn migrate(workflow: &Value, ctx: &Context) -> Vec<Diagnostic>;
}

/// Values for editors to offer.
pub trait Completer {
    /// Values that may stand at the JSON pointer `at` of a workflow that may be unfinished.
    fn complete(workflow: &Value, at: &str, ctx: &Context) -> Vec<Completion>;
}

/// What steps will need, from descriptions of models.
pub trait Planner {
    /// One cost for each step of the document; none where it is not known.
    fn estimate(document: &Document, ctx: &Context) -> Vec<Option<Cost>>;
}
