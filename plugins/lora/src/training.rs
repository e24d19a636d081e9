//! One training: everything that fits together, then weights, adapter, loop, files.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use olive_kit_adapters::{AdapterConfig, Adapters, checkpoint_rows};
use olive_kit_checkpoint::Checkpoint;
use olive_kit_collective::Place;
use olive_kit_decoder::Storage;
use olive_kit_train::{
    Checkpoints, Outputs, StepPlan, TrainError, Trained, TrainingData, TrainingSettings, train_in,
};
use olive_plugin_api::{LogLevel, Model, StepContext};

use crate::arguments::{ReportTo, Resume, TrainingArgs};
use crate::config::{AdapterPass, Base, TorchDtype};
use crate::data::{self, TrainingBlocks};
use crate::engine::{self, Loaded};
use crate::error::LoraError;
use crate::folder::folder;
use crate::memory::{self, Memory};
use crate::progress::Progress;
use crate::{adapter, arithmetic, base, checks, loftq, ranks, settings, usage};

/// Folder of the adapter inside the output folder.
const ADAPTER: &str = "adapter";

/// Folder of `TensorBoard`'s event files inside the output folder.
const EVENTS: &str = "runs";

/// Folder of checkpoints inside the scratch folder, where none outlive the step.
const CHECKPOINTS: &str = "checkpoints";

/// A training that fits its model and data.
pub(crate) struct Training<'a> {
    ctx: &'a StepContext<'a>,
    args: TrainingArgs,
    dtype: TorchDtype,
    base: Base,
    storage: Storage,
    config: AdapterConfig,
    blocks: TrainingBlocks,
    settings: TrainingSettings,
    place: Place,
}

impl<'a> Training<'a> {
    /// Settings and data, checked against the model.
    ///
    /// # Errors
    /// The first finding that is an error.
    pub(crate) fn new(
        input: &Model,
        checkpoint: &Checkpoint,
        pass: &impl AdapterPass,
        ctx: &'a StepContext<'a>,
    ) -> Result<Self, LoraError> {
        let common = pass.common();
        let mut early: Vec<_> = checks::before_reading(input).into_iter().collect();
        early.extend(checks::of_base(input, pass.base()));
        early.extend(checks::of_arguments(common));
        early.extend(checks::of_ranks(&common.training_args(), ctx));
        if let Some(problem) = checks::first_error(early) {
            return Err(problem.into());
        }
        let decoder = checkpoint.decoder();
        let config = match adapter::config(pass, decoder) {
            Ok(config) => config,
            Err(mut problems) => return Err(problems.swap_remove(0).into()),
        };
        let args = common.training_args();
        let settings = settings::training(&args, decoder)
            .map_err(|error| checks::of_optimizer(&error, &args))?;
        let blocks = data::load(checkpoint.dir(), common, ctx)?;
        if let Some(problem) = checks::of_settings(&settings, !blocks.eval.is_empty()) {
            return Err(problem.into());
        }
        let (base, dtype) = (pass.base(), common.torch_dtype);
        let storage = base::storage(base, dtype);
        let place = ranks::place(ctx)?;
        Ok(Self { ctx, args, dtype, base, storage, config, blocks, settings, place })
    }

    /// Trains, writes the adapter, and gives the model with it.
    ///
    /// # Errors
    /// When a file cannot be read or written, a number leaves its range, or the step is cancelled.
    pub(crate) fn run(&self, input: &Model, checkpoint: Checkpoint) -> Result<Model, LoraError> {
        let mut output = input.clone();
        let mut adapters = self.new_adapters(&checkpoint)?;
        let checkpoint = match self.base {
            Base::Loftq { iterations, .. } => {
                loftq::start(&checkpoint, &self.config, &mut adapters, iterations, self.ctx)?
            }
            Base::AsStored | Base::FourBit { .. } => checkpoint,
        };
        checkpoint.dir().clone_into(&mut output.model_path);
        let loaded = engine::load(&checkpoint, self.storage, self.dtype, self.ctx)?;
        self.announce(&checkpoint, &adapters, loaded.is_on_gpu);
        let trained = self.train(loaded, &mut adapters, &checkpoint)?;
        self.conclude(&trained);
        let dir = self.ctx.output_dir().join(ADAPTER);
        if self.place.rank == 0 {
            adapters.write(&folder(&dir)?, &self.config)?;
        }
        output.adapter_path = Some(dir);
        base::mark(&mut output, self.base, self.dtype, checkpoint.decoder());
        Ok(output)
    }

    fn new_adapters(&self, checkpoint: &Checkpoint) -> Result<Adapters, LoraError> {
        let decoder = checkpoint.decoder();
        let targets = self.config.resolve(decoder).map_err(|problems| adapter::first(&problems))?;
        let rows = checkpoint_rows(checkpoint);
        Ok(Adapters::new(&self.config, decoder, &targets, self.args.seed, rows)?)
    }

    fn train(
        &self,
        mut loaded: Loaded,
        adapters: &mut Adapters,
        checkpoint: &Checkpoint,
    ) -> Result<Trained, LoraError> {
        let data = TrainingData { train: &self.blocks.train, eval: &self.blocks.eval };
        let write = |adapters: &Adapters, dir: &Path| Ok(adapters.write(dir, &self.config)?);
        let model = self.identity(checkpoint);
        let dir = self.checkpoint_dir();
        let checkpoints = dir.as_deref().map(|dir| Checkpoints {
            dir,
            write_adapter: &write,
            resume: self.resume(),
            accepts_changes: false,
            model: &model,
        });
        let has_events = self.args.report_to.as_ref().is_some_and(ReportTo::has_tensorboard);
        let events = has_events.then(|| self.ctx.output_dir().join(EVENTS));
        let outputs = Outputs { checkpoints, events: events.as_deref() };
        let arithmetic =
            arithmetic::per_token(checkpoint.decoder(), adapters, self.blocks.longest());
        let seconds = (!loaded.is_on_gpu)
            .then(|| arithmetic / olive_kit_kernels::peak(self.storage.precision));
        let mut progress = Progress::new(self.ctx, seconds);
        let patience = Duration::from_secs(self.args.ddp_timeout);
        let backend = self.args.ddp_backend.unwrap_or_default().backend();
        let group = &mut *ranks::join(backend, self.place, patience, self.ctx)?;
        let engine = &mut *loaded.engine;
        let trained =
            train_in(group, engine, adapters, data, &self.settings, &outputs, &mut progress);
        let left = match &trained {
            // In either case all ranks are at the same place.
            Ok(_) | Err(TrainError::Cancelled { .. }) => group.end(),
            Err(_) => Ok(()),
        };
        let trained = trained?;
        left?;
        Ok(trained)
    }

    /// Where checkpoints are kept: a folder that outlives the step, or one that does not where the
    /// best of them is the result.
    fn checkpoint_dir(&self) -> Option<PathBuf> {
        let kept = self.ctx.checkpoint_dir().map(Path::to_owned);
        kept.or_else(|| {
            let scratch = self.ctx.scratch_dir().join(CHECKPOINTS);
            self.settings.load_best_at_end.then_some(scratch)
        })
    }

    fn resume(&self) -> olive_kit_train::Resume<'_> {
        match &self.args.resume_from_checkpoint {
            Some(Resume::Newest(false)) => olive_kit_train::Resume::No,
            None | Some(Resume::Newest(true)) => olive_kit_train::Resume::Newest,
            Some(Resume::Folder(path)) => olive_kit_train::Resume::From(path),
        }
    }

    /// What must be the same of the model to go on from a checkpoint: how weights are held, the
    /// adapter's settings, and names and sizes of the weight files.
    fn identity(&self, checkpoint: &Checkpoint) -> String {
        let size = |path: &Path| fs::metadata(path).map_or(0, |data| data.len());
        let files = checkpoint.weight_files().map(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            format!("{name}: {}", size(path))
        });
        let files: Vec<_> = files.collect();
        format!("{:?}, {}, {}", self.storage, self.config.to_json(), files.join(", "))
    }

    /// Says what is about to be done.
    fn announce(&self, checkpoint: &Checkpoint, adapters: &Adapters, is_on_gpu: bool) {
        let Place { rank, ranks } = self.place;
        let plan = StepPlan::of_ranks(self.blocks.train.len(), &self.settings, ranks);
        let log = |message: String| self.ctx.log(LogLevel::Info, message);
        if ranks > 1 {
            log(format!("rank {rank} of {ranks}: each computes its share of a step"));
        }
        log(self.blocks.summary());
        log(format!(
            "{} values in {} layers are trained, {} steps of {} blocks",
            adapters.num_values(),
            adapters.layers.len(),
            plan.total_steps,
            plan.step_sequences.min(self.blocks.train.len()),
        ));
        if !is_on_gpu {
            log(held(self.storage, self.dtype));
            let memory = self.memory(checkpoint, adapters);
            log(format!("memory needed: {memory}"));
        }
        match (self.ctx.checkpoint_dir(), self.settings.load_best_at_end) {
            (Some(_), _) => {}
            (None, true) => {
                log("checkpoints are kept until the step ends, to choose the best".to_owned());
            }
            (None, false) => {
                log("no checkpoints are kept: a run that is ended starts anew".to_owned());
            }
        }
    }

    fn memory(&self, checkpoint: &Checkpoint, adapters: &Adapters) -> Memory {
        let need = memory::Need {
            storage: self.storage,
            settings: &self.settings,
            adapters,
            longest: self.blocks.longest(),
            num_tokens: self.blocks.num_tokens(),
            evaluates: !self.blocks.eval.is_empty(),
            ranks: self.place.ranks,
        };
        memory::estimate(checkpoint.decoder(), &need)
    }

    /// Says how it ended.
    fn conclude(&self, trained: &Trained) {
        let log = |message: String| self.ctx.log(LogLevel::Info, message);
        if trained.stopped_early {
            log(format!("training ended early, after {} steps", trained.steps));
        }
        if let Some(best) = &trained.best {
            let result = if best.is_loaded { ", which is the result" } else { "" };
            log(format!("best evaluation loss {:.4} after step {}{result}", best.loss, best.step));
        }
        if let Some(peak) = usage::peak() {
            log(format!("memory used at most: {}", memory::told(peak)));
        }
    }
}

/// How weights are held, in a sentence.
fn held(storage: Storage, dtype: TorchDtype) -> String {
    let products = match (storage.precision, dtype) {
        (olive_kit_decoder::Precision::Bf16, _) => "products are of bfloat16, summed in float32",
        (olive_kit_decoder::Precision::F32, TorchDtype::Float16) => {
            "products are of float32, since processors do not multiply float16 faster"
        }
        (olive_kit_decoder::Precision::F32, _) => "products are of float32",
    };
    match storage.four_bit {
        Some(_) => format!("linear layers are held in 4 bits; {products}"),
        None => products.to_owned(),
    }
}
