//! What authors of sandboxed components write against: of validators, and of passes on ONNX graphs.
//!
//! The crate has the name of what came first; a component may have passes only ([`GraphPass`],
//! [`export_graph_passes!`]), a validator only, or both.
//!
//! A validator is a WebAssembly component that looks at a checked workflow and says what a schema
//! cannot. Its author writes one type and its rules as plain functions, which `cargo test` runs
//! natively; `olive plugin build` makes the component.
//!
//! ```
//! use olive_validator_api::{Context, Diagnostic, Document, Rule, Validator, export_validator};
//! use olive_validator_api::{integer, setting};
//! use schemars::JsonSchema;
//! use serde::Deserialize;
//!
//! /// Settings under `validators.config.acme-rules`.
//! #[derive(Deserialize, JsonSchema)]
//! #[serde(deny_unknown_fields, default)]
//! pub struct AcmeConfig {
//!     /// Largest rank that our devices take.
//!     pub max_rank: i64,
//! }
//!
//! impl Default for AcmeConfig {
//!     fn default() -> Self {
//!         Self { max_rank: 64 }
//!     }
//! }
//!
//! pub struct AcmeRules;
//!
//! impl Validator for AcmeRules {
//!     type Config = AcmeConfig;
//!     const ID: &'static str = "acme-rules";
//!     const SUMMARY: &'static str = "Limits of the devices of Acme.";
//!
//!     fn rules() -> Vec<Rule> {
//!         let summary = "An adapter has a larger rank than the devices take".to_owned();
//!         vec![Rule { code: "rank-too-large".to_owned(), summary, url: None }]
//!     }
//!
//!     fn validate(document: &Document, config: &AcmeConfig, _: &Context) -> Vec<Diagnostic> {
//!         let mut found = Vec::new();
//!         for step in &document.steps {
//!             let rank = integer(&step.config, "r").unwrap_or_default();
//!             if rank > config.max_rank {
//!                 let message = format!("rank {rank} is larger than {}", config.max_rank);
//!                 found.push(Diagnostic::error("rank-too-large", setting(step, "r"), message));
//!             }
//!         }
//!         found
//!     }
//! }
//!
//! export_validator! { AcmeRules }
//! # fn main() {}
//! ```
//!
//! A graph pass is shown an ONNX graph without its weights and answers what to change; the page of
//! [`GraphPass`] has a whole one.
//!
//! In reading order: why there may be no answer ([`Refusal`]), what the host tells about a call
//! ([`Context`]), the traits of validators, of which [`Validator`] is the only one that is needed,
//! the trait of graph passes, reading settings ([`text`], [`integer`], …), both asked in JSON
//! ([`call`]), and the macros.

mod refusal;
mod context;
mod validator;
mod graph_pass;
mod document;
pub mod call;
mod export;
#[cfg(target_family = "wasm")]
#[doc(hidden)]
pub mod guest;

pub use context::Context;
pub use document::{at, escaped, integer, number, setting, switch, text};
pub use graph_pass::GraphPass;
pub use olive_schemas::diagnostic::{Applicability, Diagnostic, Fix, Related, Severity};
pub use olive_schemas::graph;
pub use olive_schemas::model::ModelKind;
pub use olive_schemas::step::{Accelerator, Device};
pub use olive_schemas::validation::{
    Completion, Cost, Document, ModelDescription, PlannedStep, Rule, TensorGroup,
};
pub use refusal::Refusal;
pub use validator::{Completer, Migrator, Planner, Validator};
