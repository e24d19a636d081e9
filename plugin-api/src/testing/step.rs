//! Requests with folders that go with the test.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

use olive_schemas::data::DataConfig;
use olive_schemas::model::{Model, ModelKind};
use olive_schemas::packaging::Package;
use olive_schemas::step::{Accelerator, StepKind, StepRequest};
use serde_json::Value;

use crate::evaluator::Evaluator;
use crate::generator::Generator;
use crate::graph_editor::GraphEditor;
use crate::packager::{Packager, package_of};
use crate::pass::Pass;
use crate::previewer::Previewer;
use crate::source::Source;
use crate::system::System;

/// A step with an output and a scratch folder of its own, which are deleted when it is dropped.
#[derive(Debug)]
pub struct TestStep {
    /// What the plugin is asked for; change it as a test needs.
    pub request: StepRequest,
    folder: PathBuf,
}

impl TestStep {
    /// A step that runs the pass `P`.
    ///
    /// # Panics
    /// When the temporary folder cannot be written to.
    pub fn pass<P: Pass>(input: Model, config: Value) -> Self {
        Self::new(StepKind::Pass, P::NAME, input, config)
    }

    /// A step that runs the evaluator `E`; `config` spells an `EvaluatorConfig`.
    ///
    /// # Panics
    /// When the temporary folder cannot be written to.
    pub fn evaluator<E: Evaluator>(input: Model, config: Value) -> Self {
        Self::new(StepKind::Evaluate, E::NAME, input, config)
    }

    /// A step that runs the generator `G`; `config` spells a `GenerateConfig`.
    ///
    /// # Panics
    /// When the temporary folder cannot be written to.
    pub fn generator<G: Generator>(input: Model, config: Value) -> Self {
        Self::new(StepKind::Generate, G::NAME, input, config)
    }

    /// A step that shows data with the previewer `P`; `config` spells a `PreviewConfig`.
    ///
    /// # Panics
    /// When the temporary folder cannot be written to.
    pub fn previewer<P: Previewer>(input: Model, config: Value) -> Self {
        Self::new(StepKind::Preview, P::NAME, input, config)
    }

    /// A step that shows a graph with the editor `E`.
    ///
    /// # Panics
    /// When the temporary folder cannot be written to.
    pub fn graph_view<E: GraphEditor>(input: Model) -> Self {
        Self::new(StepKind::GraphView, E::NAME, input, Value::Null)
    }

    /// A step that edits a graph with the editor `E`; `config` spells `GraphEdits`.
    ///
    /// # Panics
    /// When the temporary folder cannot be written to.
    pub fn graph_edit<E: GraphEditor>(input: Model, config: Value) -> Self {
        Self::new(StepKind::GraphEdit, E::NAME, input, config)
    }

    /// A step that fetches with the source `S`; `reference` spells its [`Source::Config`].
    ///
    /// # Panics
    /// When the temporary folder cannot be written to.
    pub fn source<S: Source>(reference: Value) -> Self {
        Self::new(StepKind::Source, S::NAME, Model::new(ModelKind::Hf, ""), reference)
    }

    /// A step that packs `model` alone with the packager `P`; `config` spells its
    /// [`Packager::Config`].
    ///
    /// # Panics
    /// When the temporary folder cannot be written to, or the model's not read.
    pub fn packager<P: Packager>(model: Model, config: Value) -> Self {
        let package = match package_of(&model, &Accelerator::default()) {
            Ok(package) => package,
            Err(error) => panic!("cannot read `{}`: {error}", model.model_path.display()),
        };
        Self::new(StepKind::Package, P::NAME, model, config).with_package(package)
    }

    /// A step for calls of the system `S`, whose context is made of [`Self::request`].
    ///
    /// # Panics
    /// When the temporary folder cannot be written to.
    pub fn system<S: System>(config: Value) -> Self {
        Self::new(StepKind::System, S::NAME, Model::new(ModelKind::Hf, ""), config)
    }

    /// The same step with a data config that its config can name.
    #[must_use]
    pub fn with_data(mut self, data: DataConfig) -> Self {
        self.request.data_configs.insert(data.name.clone(), data);
        self
    }

    /// The same step with `package` to pack.
    #[must_use]
    pub fn with_package(mut self, package: Package) -> Self {
        self.request.package = Some(Box::new(package));
        self
    }

    /// The same step with a folder for checkpoints, as another attempt at it would find it.
    #[must_use]
    pub fn with_checkpoints(mut self, folder: &Path) -> Self {
        self.request.checkpoint_dir = Some(folder.to_owned());
        self
    }

    /// Where the result goes.
    pub fn output_dir(&self) -> &Path {
        &self.request.output_dir
    }

    fn new(kind: StepKind, name: &str, input: Model, config: Value) -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = env::temp_dir().join(format!("olive-step-{}-{count}", process::id()));
        let (output_dir, scratch_dir) = (folder.join("output"), folder.join("scratch"));
        for dir in [&output_dir, &scratch_dir] {
            if let Err(error) = fs::create_dir_all(dir) {
                panic!("cannot make `{}`: {error}", dir.display());
            }
        }
        let request = StepRequest {
            kind,
            name: name.to_owned(),
            config,
            input,
            is_input_final: true,
            data_configs: BTreeMap::new(),
            output_dir,
            scratch_dir,
            checkpoint_dir: None,
            shared_dir: None,
            ranks: 1,
            threads: 2,
            accelerator: Accelerator::default(),
            execution_provider_library: None,
            package: None,
        };
        Self { request, folder }
    }
}

impl Drop for TestStep {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}
