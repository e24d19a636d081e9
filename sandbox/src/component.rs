//! A component, and what can be asked of it; every call runs in a fresh instance.

use olive_schemas::diagnostic::Diagnostic;
use olive_schemas::step::LogLevel;
use olive_schemas::validation::{Completion, Cost, ValidatorDescriptor};
use serde_json::{Map, Value};

use crate::failure::Failure;

/// What the host tells about a call.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Context {
    /// Language of messages (BCP 47), when the user asked for one.
    pub locale: Option<String>,
    /// Whether warnings end the command as errors do.
    pub strict: bool,
    /// Facts such as `olive_version`.
    pub facts: Map<String, Value>,
}

/// A loaded component.
#[derive(Debug)]
pub struct Component {}

impl Component {
    /// The same component, whose log lines go to `sink`; without one they are dropped.
    #[must_use]
    pub fn with_log(self, sink: impl Fn(LogLevel, &str) + Send + Sync + 'static) -> Self {
        let _ = sink;
        self
    }

    /// What the component says about itself, its schema included.
    pub fn describe(&self) -> Result<ValidatorDescriptor, Failure> {
        Err(Failure::Compile("not written yet".into()))
    }

    /// Findings about the [`Document`](olive_schemas::validation::Document) that `document` spells
    /// as JSON, at most [`Limits::findings`](crate::Limits::findings).
    ///
    /// Texts hold no control characters; codes come without the component's id.
    pub fn validate(&self, document: &str, ctx: &Context) -> Result<Vec<Diagnostic>, Failure> {
        let _ = (document, ctx);
        Ok(Vec::new())
    }

    /// Notes with fixes about a workflow in an old form; empty when the component is no migrator.
    pub fn migrate(&self, workflow: &str, ctx: &Context) -> Result<Vec<Diagnostic>, Failure> {
        let _ = (workflow, ctx);
        Ok(Vec::new())
    }

    /// Values for a place of a workflow; empty when the component is no completer.
    pub fn complete(
        &self,
        workflow: &str,
        at: &str,
        ctx: &Context,
    ) -> Result<Vec<Completion>, Failure> {
        let _ = (workflow, at, ctx);
        Ok(Vec::new())
    }

    /// What each step of the document will need; empty when the component is no planner.
    pub fn estimate(&self, document: &str, ctx: &Context) -> Result<Vec<Option<Cost>>, Failure> {
        let _ = (document, ctx);
        Ok(Vec::new())
    }
}
