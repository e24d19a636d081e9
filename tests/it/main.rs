//! The program from outside: commands, recipes, plugins.

#![allow(
    clippy::needless_pass_by_value,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "tests say what they skip, and end where something is not as it should be"
)]

mod playground;
mod blessed;
mod run;
mod packaging;
mod samples;
mod lending;
mod resume;
mod data_preview;
mod onnx_inspect;
mod graph_io;
mod places;
mod elsewhere;
#[cfg(unix)]
mod containers;
#[cfg(unix)]
mod python_environment;
mod chained;
mod taken_up;
mod slurm;
mod cli;
mod config;
mod formats;
mod edit;
mod upgrade;
mod hostile;
mod hostile_plugins;
mod process_plugins;
mod validators;
mod graph_passes;
mod rules;
mod recipe;
mod real;
mod sources;
mod hub;
#[cfg(unix)]
mod azureml;
mod marks;
mod promises;
mod cases;
mod yaml;
mod corpus;
mod custom_metrics;
mod schema;
mod search;
mod report;
mod shortcuts;
mod init;
mod lsp;
mod wrong_inputs;
mod first_day;
mod conformance;
mod third_party;
mod training;
mod ranks;
mod packs;
mod pages;
mod tidy;
