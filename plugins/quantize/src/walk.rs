//! One quantization: everything that fits together, then matrix after matrix, then files.

use std::fs;
use std::path::{Path, PathBuf};

use olive_kit_calibrate::{Memory, Observer, Order, stream};
use olive_kit_checkpoint::{Checkpoint, Decoder, Linear};
use olive_kit_solve::output_error;
use olive_plugin_api::{LogLevel, Model, Severity, StepContext};

use crate::calibration::{self, Samples};
use crate::checks;
use crate::config::{Method, Quantizer};
use crate::error::QuantizeError;
use crate::layout::Layout;
use crate::made::Made;
use crate::memory::Need;
use crate::methods::Work;
use crate::methods::table::{Table, inputs_of_logits};
use crate::mixed::MixedPrecision;
use crate::output::{Output, write_configs};
use crate::report::{Report, told};
use crate::targets::{self, Targets};

/// A quantization that fits its model and data.
pub(crate) struct Quantization<'a> {
    ctx: &'a StepContext<'a>,
    checkpoint: &'a Checkpoint,
    method: Method<'a>,
    targets: Targets,
    layout: Option<Layout>,
    samples: Option<Samples>,
}

impl<'a> Quantization<'a> {
    /// Settings and data, checked against the model.
    ///
    /// # Errors
    /// The first finding that is an error.
    pub(crate) fn new(
        input: &Model,
        checkpoint: &'a Checkpoint,
        config: &'a impl Quantizer,
        ctx: &'a StepContext<'a>,
    ) -> Result<Self, QuantizeError> {
        let mut found = checks::before_reading(input);
        found.extend(checks::of_settings(config));
        let mixed = MixedPrecision::of(input)?;
        if mixed.is_some() && config.method().has_grids() {
            let message = "bits and groups are those that the model brings along";
            ctx.log(LogLevel::Info, message);
        }
        let (targets, of_targets) = targets::find(config, checkpoint.decoder(), mixed.as_ref());
        found.extend(of_targets);
        let layout = match &targets {
            Some(targets) => Layout::of(config, checkpoint, targets)?,
            None => None,
        };
        found.extend(checks::of_layout(layout, config, targets.as_ref(), checkpoint.decoder()));
        if let Some(problem) = found.into_iter().find(|it| it.severity == Severity::Error) {
            return Err(problem.into());
        }
        let Some(targets) = targets else {
            unreachable!("what cannot be resolved is an error among the findings")
        };
        let samples = config.data().map(|data| calibration::load(checkpoint.dir(), data, ctx));
        let samples = samples.transpose()?;
        let too_long = samples.as_ref().and_then(|it| it.too_long(checkpoint.decoder()));
        if let Some(problem) = too_long {
            return Err(problem.into());
        }
        Ok(Self { ctx, checkpoint, method: config.method(), targets, layout, samples })
    }

    /// Quantizes and writes the checkpoint.
    ///
    /// # Errors
    /// When a file cannot be read or written, a matrix cannot be quantized, or the step is
    /// cancelled.
    pub(crate) fn run(&self) -> Result<(), QuantizeError> {
        self.announce();
        let (dir, checkpoint, decoder) =
            (self.ctx.output_dir(), self.checkpoint, self.checkpoint.decoder());
        let mut work = Work {
            decoder,
            method: self.method,
            targets: &self.targets,
            scale_type: self.layout.map(|layout| layout.scale_type),
            table: self.table()?,
            made: Made::default(),
            output: Output::create(dir, checkpoint, &self.targets, self.layout)?,
            report: Report::new(self.ctx, decoder.num_layers),
        };
        self.embedding(&mut work)?;
        match &self.samples {
            Some(samples) => self.calibrated(samples, &mut work)?,
            None => self.by_weights(&mut work)?,
        }
        let Work { mut output, mut made, report, .. } = work;
        output.write("", &mut made)?;
        output.finish()?;
        let settings = self.layout.map(|layout| layout.settings(self.method, &self.targets));
        write_configs(checkpoint, settings, self.targets.unties, dir)?;
        report.end(size(checkpoint.weight_files()), size_of_folder(dir));
        Ok(())
    }

    /// The embedding, where GPTQ makes codes that the logits share with it.
    fn table(&self) -> Result<Option<Table>, QuantizeError> {
        let (Some(samples), Method::Gptq(settings), Some(grid)) =
            (&self.samples, self.method, self.targets.embedding)
        else {
            return Ok(None);
        };
        if !self.checkpoint.decoder().ties_embeddings {
            return Ok(None);
        }
        self.ctx.log(LogLevel::Info, "the embedding is solved for the logits, which share it");
        let memory = Memory::new(self.ctx.scratch_dir());
        let (checkpoint, observer) = (self.checkpoint, &mut Stop(self.ctx));
        let inputs = inputs_of_logits(checkpoint, &samples.calibration, &memory, observer)?;
        inputs.map(|inputs| Table::new(settings, grid, inputs)).transpose()
    }

    /// Quantizes the embedding, or has it copied.
    fn embedding(&self, work: &mut Work<'_>) -> Result<(), QuantizeError> {
        if let (Some(grid), Some(_)) = (self.targets.embedding, self.layout) {
            let linear = self.checkpoint.decoder().embedding_table();
            let weight = self.checkpoint.tensor(Decoder::EMBEDDING)?.to_f32();
            let shape = [linear.out_features, linear.in_features];
            let coded = work.of_embedding(&weight, shape, grid)?;
            let made = coded.dequantize();
            let error = match &work.table {
                Some(table) => output_error(&weight, &made, shape[0], shape[1], &table.inputs)
                    .map_err(QuantizeError::of(&linear.name))?,
                None => weight_error(&weight, &made),
            };
            work.report.matrix(&linear.name, error);
            work.report.single(&linear.name);
            work.made.keep_codes(&linear.name, coded);
        }
        Ok(work.output.write(Decoder::EMBEDDING_MODULE, &mut work.made)?)
    }

    /// Walks through the model with the calibration data.
    fn calibrated(&self, samples: &Samples, work: &mut Work<'_>) -> Result<(), QuantizeError> {
        let order = match self.method {
            Method::Gptq(settings) if settings.true_sequential => Order::TrueSequential,
            Method::Gptq(_)
            | Method::Awq(_)
            | Method::Clip(_)
            | Method::Smooth(_)
            | Method::Nearest
            | Method::KQuant => Order::WholeLayer,
        };
        let memory = Memory::new(self.ctx.scratch_dir());
        let (checkpoint, calibration) = (self.checkpoint, &samples.calibration);
        let needed = self.need().on_data(calibration, &memory, order);
        self.ctx.log(LogLevel::Info, format!("memory needed: {}", told(needed)));
        stream(checkpoint, calibration, &memory, order, work, &mut Stop(self.ctx))
    }

    fn need(&self) -> Need<'_> {
        Need { decoder: self.checkpoint.decoder(), method: self.method, targets: &self.targets }
    }

    /// Walks through the weights alone.
    fn by_weights(&self, work: &mut Work<'_>) -> Result<(), QuantizeError> {
        let decoder = self.checkpoint.decoder();
        let needed = self.need().by_weights();
        self.ctx.log(LogLevel::Info, format!("memory needed: {}", told(needed)));
        for index in 0..decoder.num_layers {
            for linear in decoder.linears(index) {
                self.by_weight(&linear, &linear.weight(), work)?;
            }
            work.end_layer(index)?;
        }
        let tensor = decoder.lm_head().weight();
        self.by_weight(&targets::own_head(decoder), &tensor, work)?;
        work.report.single(Decoder::LM_HEAD_MODULE);
        Ok(())
    }

    /// Quantizes one matrix, whose values are those of a tensor.
    fn by_weight(
        &self,
        linear: &Linear,
        tensor: &str,
        work: &mut Work<'_>,
    ) -> Result<(), QuantizeError> {
        let Some(grid) = self.targets.grid(&linear.name) else { return Ok(()) };
        if self.ctx.is_cancelled() {
            return Err(QuantizeError::Cancelled);
        }
        let weight = self.checkpoint.tensor(tensor)?.to_f32();
        let shape = [linear.out_features, linear.in_features];
        let coded = work.without_inputs(&linear.name, &weight, shape, grid)?;
        work.report.matrix(&linear.name, weight_error(&weight, &coded.dequantize()));
        work.made.keep_codes(&linear.name, coded);
        self.checkpoint.release(tensor);
        Ok(())
    }

    /// Says what is about to be done.
    fn announce(&self) {
        let log = |message: String| self.ctx.log(LogLevel::Info, message);
        if let Some(samples) = &self.samples {
            samples.announce(self.ctx);
        }
        let count = self.targets.linears.len();
        match self.layout {
            Some(layout) => {
                let name = layout.format.name();
                log(format!("{count} linear layers are quantized, in the layout `{name}`"));
            }
            None => log(format!("{count} linear layers are changed and stay in floats")),
        }
        if self.targets.unties {
            log("embedding and `lm_head` share a weight: the result has one for each".to_owned());
        }
    }
}

/// Ends a walk when the step is to stop.
pub(crate) struct Stop<'a>(pub(crate) &'a StepContext<'a>);

impl Observer for Stop<'_> {
    fn is_cancelled(&self) -> bool {
        self.0.is_cancelled()
    }
}

/// Error of weights relative to them: that of outputs for inputs that know nothing of each other.
fn weight_error(weight: &[f32], made: &[f32]) -> f64 {
    let squares = |values: &mut dyn Iterator<Item = f32>| {
        values.map(|value| f64::from(value) * f64::from(value)).sum::<f64>()
    };
    let of_weight = squares(&mut weight.iter().copied());
    let of_error = squares(&mut weight.iter().zip(made).map(|(weight, made)| weight - made));
    if of_weight == 0.0 { 0.0 } else { (of_error / of_weight).sqrt() }
}

fn size<'a>(files: impl Iterator<Item = &'a Path>) -> u64 {
    files.map(|path| fs::metadata(path).map_or(0, |data| data.len())).sum()
}

/// Bytes of the weights in a folder.
fn size_of_folder(dir: &Path) -> u64 {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path());
    let weights: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|it| it == "safetensors")).collect();
    size(weights.iter().map(PathBuf::as_path))
}
