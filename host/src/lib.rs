//! Takes a model from checkpoint, data and config file to a deployable model.
//!
//! The program is a host that loads plugins; it knows no pass by name and links no tensor library.
//! A run goes through stages, one type each:
//!
//! ```text
//! path ─read→ Source ─parse→ Node ─upgrade→ Upgraded ─check→ CheckedWorkflow ─fetch, resolve→ Plan
//!      ─prepare, execute→ Footprint ─place→ files
//! ```
//!
//! [`flow::run`] is all of it. Plugins do their work in worker processes ([`plugin::process`],
//! [`worker`]); what they make is kept in a [`store`] under the key of the step.

pub mod cli;
pub mod commands;
pub mod flow;
pub mod search;
pub mod host;
pub mod home;
pub mod shortcut;
pub mod config;
pub mod edit;
pub mod plugin;
pub mod pack;
pub mod validate;
pub mod examine;
pub mod fetch;
pub mod install;
pub mod plan;
pub mod prepare;
pub mod origin;
pub mod engine;
pub mod forecast;
pub mod steps;
pub mod store;
pub mod output;
pub mod samples;
pub mod packaging;
pub mod report;
pub mod view;
pub mod render;
pub mod lsp;
pub mod conformance;
pub mod model;
pub mod units;
pub mod cancel;
pub mod clock;
pub mod worker;
pub(crate) mod confine;
pub mod error;
