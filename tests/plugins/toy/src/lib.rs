//! A plugin for tests: it behaves, or misbehaves, as it is told.
//!
//! Its models are folders of small files. `score` in such a folder is the accuracy it measures.

pub mod behavior;
pub mod evaluator;
pub mod generator;
pub mod packager;
pub mod passes;
pub mod queue;
pub mod source;
pub mod system;
pub mod training;

use evaluator::ToyEvaluator;
use generator::ToyGenerator;
use olive_plugin_api::export_plugin;
use packager::ToyCrate;
use passes::{Toy, ToyImport, ToyPack};
use queue::ToyQueue;
use source::ToyShelf;
use system::ToyShell;

export_plugin! {
    passes: [Toy, ToyPack, ToyImport],
    evaluators: [ToyEvaluator],
    generators: [ToyGenerator],
    sources: [ToyShelf],
    systems: [ToyShell, ToyQueue],
    packagers: [ToyCrate],
}
