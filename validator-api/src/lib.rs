//! What authors of Olive validators write against.
//!
//! A validator is a WebAssembly component that looks at a checked workflow and says what a schema
//! cannot. Its author writes one type and its rules as plain functions, which `cargo test` runs
//! natively; `olive plugin build` makes the component.

mod validator;
mod context;
mod document;

pub use context::Context;
pub use document::{at, integer, number, text};
pub use olive_schemas::diagnostic::{Applicability, Diagnostic, Fix, Related, Severity};
pub use olive_schemas::model::ModelKind;
pub use olive_schemas::step::{Accelerator, Device};
pub use olive_schemas::validation::{
    Completion, Cost, Document, ModelDescription, PlannedStep, Rule, TensorGroup,
};
pub use validator::{Completer, Migrator, Planner, Validator};
