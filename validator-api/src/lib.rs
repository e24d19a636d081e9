//! What authors of Olive validators write against.
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
//! In reading order: the traits, of which [`Validator`] is the only one that is needed, what the
//! host tells about a call ([`Context`]), reading settings ([`text`], [`integer`], …), a validator
//! asked in JSON ([`call`]), and the macro ([`export_validator!`]).

mod validator;
mod context;
mod document;
pub mod call;
mod export;
#[cfg(target_family = "wasm")]
#[doc(hidden)]
pub mod guest;

pub use context::Context;
pub use document::{at, escaped, integer, number, setting, switch, text};
pub use olive_schemas::diagnostic::{Applicability, Diagnostic, Fix, Related, Severity};
pub use olive_schemas::model::ModelKind;
pub use olive_schemas::step::{Accelerator, Device};
pub use olive_schemas::validation::{
    Completion, Cost, Document, ModelDescription, PlannedStep, Rule, TensorGroup,
};
pub use validator::{Completer, Migrator, Planner, Validator};
