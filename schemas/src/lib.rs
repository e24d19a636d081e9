//! Types of everything Olive writes down: what a user writes, what host and plugins say to each
//! other, what a run leaves behind.
//!
//! This crate does no I/O and knows no plugin. In reading order:
//! - what a user writes: [`workflow`], [`search`], [`engine`], [`data`], [`metric`], [`goal`], [`size`], [`types`](mod@types),
//!   [`known_packs`];
//! - what vendors ship: [`pack`];
//! - what crosses the plugin boundary: [`descriptor`], [`advice`], [`shortcut`], [`step`], [`preview`], [`packaging`], [`system`], [`model`],
//!   [`error`];
//! - what sandboxed components see and answer: [`validation`], [`graph`];
//! - what is reported: [`diagnostic`], with places as [`pointer`](mod@pointer)s, [`footprint`] and its [`origin`].
//!
//! A workflow in its normalized form, as the host makes it of every config:
//!
//! ```
//! use olive_schemas::workflow::Workflow;
//! use serde_json::json;
//!
//! let workflow: Workflow = serde_json::from_value(json!({
//!     "input_model": {"type": "HfModel", "model_path": "model"},
//!     "passes": {
//!         "tune": {"type": "LoRA", "r": 16},
//!         "merge": {"type": "MergeAdapterWeights"}
//!     },
//!     "engine": {"output_dir": "output"}
//! }))
//! .unwrap();
//! assert!(workflow.passes.keys().eq(["tune", "merge"]));
//! assert_eq!(workflow.passes["tune"].config["r"], 16);
//! assert_eq!(workflow.accelerator().execution_provider, "CPUExecutionProvider");
//!
//! let unknown = json!({"input_model": {"type": "HfModel"}, "pases": {}});
//! let error = serde_json::from_value::<Workflow>(unknown).unwrap_err();
//! assert!(error.to_string().starts_with("unknown field `pases`"));
//! ```

pub mod workflow;
pub mod types;
pub mod known_packs;
pub mod pack;
pub mod search;
pub mod engine;
pub mod data;
pub mod metric;
pub mod samples;
pub mod harness;
pub mod inference;
pub mod goal;
pub mod model;
pub mod descriptor;
pub mod advice;
pub mod shortcut;
pub mod ids;
pub mod size;
mod ranks;
pub mod step;
pub mod preview;
pub mod packaging;
pub mod system;
pub mod error;
pub mod protocol;
pub mod validation;
pub mod graph;
pub mod conformance;
pub mod diagnostic;
pub mod pointer;
pub mod origin;
pub mod footprint;
