//! What cannot work, or may surprise, with the model and the data at hand.
//!
//! What settings alone tell, and a schema can say, stands in their schema.

use olive_kit_adapters::QuantizedBase;
use olive_kit_train::{Duration, Interval, ScheduleKind, StepPlan, TrainingSettings};
use olive_plugin_api::{Device, Diagnostic, Model, Severity, StepContext};
use serde_json::Value;

use crate::arguments::{
    DdpBackend, EvalStrategy, LrSchedulerType, OptimArgsError, SaveStrategy, SchedulerKwargs,
    TrainingArgs,
};
use crate::config::{Base, Common};
use crate::data::TrainingBlocks;

const KWARGS: &str = "/training_args/lr_scheduler_kwargs";
const OPTIM_ARGS: &str = "/training_args/optim_args";

/// The first finding that is an error.
pub(crate) fn first_error(found: Vec<Diagnostic>) -> Option<Diagnostic> {
    found.into_iter().find(|found| found.severity == Severity::Error)
}

/// Findings about the kind of model alone.
pub(crate) fn before_reading(input: &Model) -> Option<Diagnostic> {
    input.adapter_path.as_ref()?;
    let message = "the input model already has an adapter";
    let help = "put `MergeAdapterWeights` before this pass";
    Some(Diagnostic::error("adapter-present", "", message).with_help(help))
}

/// Findings about a base that is quantized already, from `config.json` or an earlier pass.
pub(crate) fn of_base(input: &Model, base: Base) -> Option<Diagnostic> {
    let quantizes = base != Base::AsStored;
    let is_marked = QuantizedBase::is_told(&input.model_attributes);
    (quantizes && is_marked).then(|| {
        let message = "the input model is quantized already";
        let help = "use the pass `LoRA`, or start from the model in floats";
        Diagnostic::error("quantized-base", "", message).with_help(help)
    })
}

/// Findings about arguments that do not go together.
pub(crate) fn of_arguments(common: &Common) -> Vec<Diagnostic> {
    let args = common.training_args();
    let mut found: Vec<_> = without_evaluation(common, &args);
    found.extend(of_schedule(&args));
    found.extend(saved_between_evaluations(&args));
    found
}

/// What several processes would sum by, and cannot.
pub(crate) fn of_ranks(args: &TrainingArgs, ctx: &StepContext<'_>) -> Option<Diagnostic> {
    let backend = args.ddp_backend.unwrap_or_default();
    if ctx.ranks() == 1 {
        return None;
    }
    let refused = |message: String, help: &str| {
        let problem = Diagnostic::error("backend", "/training_args/ddp_backend", message);
        Some(problem.with_help(help))
    };
    if !backend.backend().is_built() {
        let name = backend.backend();
        let help = format!(
            "write `gloo`, which every build has, or build the plugin with the feature `{}`",
            name.to_string().to_lowercase()
        );
        return refused(format!("this build of the plugin has no {name}"), &help);
    }
    if backend == DdpBackend::Nccl && ctx.accelerator().device != Device::Gpu {
        let message = "NCCL sums between GPUs, and this step is for none".to_owned();
        return refused(message, "write `gloo`, or `gpu` in the accelerators of the system");
    }
    None
}

/// What an optimizer does not have.
pub(crate) fn of_optimizer(error: &OptimArgsError, args: &TrainingArgs) -> Diagnostic {
    let problem = Diagnostic::error("unknown-setting", OPTIM_ARGS, error.to_string());
    let known = args.optim.own_settings();
    if known.is_empty() {
        return problem.with_help("remove `optim_args`");
    }
    let names: Vec<_> = known.iter().map(|name| format!("`{name}`")).collect();
    problem.with_help(format!("it has {}", names.join(", ")))
}

/// Settings that the trainer refuses, and that no finding before is about.
pub(crate) fn of_settings(settings: &TrainingSettings, has_eval: bool) -> Option<Diagnostic> {
    let problem = settings.problem(has_eval, true)?;
    Some(Diagnostic::error("settings", "/training_args", problem))
}

/// What follows the evaluation loss, and there is none.
fn without_evaluation(common: &Common, args: &TrainingArgs) -> Vec<Diagnostic> {
    let has_data = common.eval_data_config.is_some() || common.eval_dataset_size.is_some();
    if has_data && args.eval_strategy != Some(EvalStrategy::No) {
        return Vec::new();
    }
    let plateau = args.lr_scheduler_type == LrSchedulerType::ReduceLrOnPlateau;
    let needing = [
        ("load_best_model_at_end", args.load_best_model_at_end),
        ("early_stopping_patience", args.early_stopping_patience.is_some()),
        ("save_strategy", args.save_strategy == SaveStrategy::Best),
        ("lr_scheduler_type", plateau),
    ];
    let help = if has_data {
        "set `eval_strategy` to `steps` or `epoch`"
    } else {
        "set `eval_data_config` or `eval_dataset_size`"
    };
    let found = needing.into_iter().filter(|(_, is_wanted)| *is_wanted).map(|(name, _)| {
        let message = format!("`{name}` needs the evaluation loss, which is never computed");
        let pointer = format!("/training_args/{name}");
        Diagnostic::error("needs-evaluation", pointer, message).with_help(help)
    });
    found.collect()
}

/// Settings of a course that it cannot do without, or that exclude each other.
fn of_schedule(args: &TrainingArgs) -> Option<Diagnostic> {
    let kwargs = args.lr_scheduler_kwargs.clone().unwrap_or_default();
    let SchedulerKwargs { min_lr, min_lr_rate, num_decay_steps, .. } = kwargs;
    let needs = |what: &str| {
        let name = serde_json::to_value(args.lr_scheduler_type).unwrap_or(Value::Null);
        let message = format!("`{}` needs {what}", name.as_str().unwrap_or_default());
        Diagnostic::error("missing-setting", "/training_args/lr_scheduler_type", message)
            .with_help(format!("set {what} in `lr_scheduler_kwargs`"))
    };
    match args.lr_scheduler_type {
        LrSchedulerType::CosineWithMinLr | LrSchedulerType::CosineWarmupWithMinLr => {
            match (min_lr, min_lr_rate) {
                (None, None) => Some(needs("`min_lr` or `min_lr_rate`")),
                (Some(_), Some(_)) => {
                    let message = "`min_lr` and `min_lr_rate` exclude each other";
                    let problem = Diagnostic::error("settings", KWARGS, message);
                    Some(problem.with_help("remove one of the two"))
                }
                _ => None,
            }
        }
        LrSchedulerType::WarmupStableDecay if num_decay_steps.is_none() => {
            Some(needs("`num_decay_steps`"))
        }
        _ => None,
    }
}

/// Checkpoints that miss the evaluations they are chosen by; transformers refuses them.
fn saved_between_evaluations(args: &TrainingArgs) -> Option<Diagnostic> {
    let by_steps = matches!(args.eval_strategy, None | Some(EvalStrategy::Steps))
        && args.save_strategy == SaveStrategy::Steps;
    let every = args.eval_steps.unwrap_or(args.logging_steps);
    let times = args.save_steps / every;
    let is_multiple = (times - times.round()).abs() < 1e-6 && times >= 1.0;
    if !args.load_best_model_at_end || !by_steps || is_multiple {
        return None;
    }
    let message = format!(
        "`load_best_model_at_end` chooses among checkpoints, which are written every {} steps, \
         while the evaluation loss is computed every {every}",
        args.save_steps
    );
    let help = "set `save_strategy` to `best`, or `save_steps` to a multiple of `eval_steps`";
    let pointer = "/training_args/load_best_model_at_end";
    let found = Diagnostic::new(Severity::Warning, "best-unsaved", pointer, message);
    Some(found.with_help(help))
}

/// Findings that need the number of blocks, from which the number of steps follows.
pub(crate) fn of_length(
    args: &TrainingArgs,
    blocks: &TrainingBlocks,
    settings: &TrainingSettings,
    ranks: usize,
) -> Vec<Diagnostic> {
    let total = StepPlan::of_ranks(blocks.train.len(), settings, ranks).total_steps;
    let mut found: Vec<_> = evaluated_too_late(args, blocks, settings, total).into_iter().collect();
    if let ScheduleKind::WarmupStableDecay { num_decay_steps, .. } = settings.schedule
        && settings.warmup.steps(total) + num_decay_steps > total
    {
        let message = format!(
            "the warm-up and {num_decay_steps} steps down are more than the {total} of the training"
        );
        let pointer = format!("{KWARGS}/num_decay_steps");
        found.push(Diagnostic::new(Severity::Warning, "no-effect", pointer, message));
    }
    found
}

fn evaluated_too_late(
    args: &TrainingArgs,
    blocks: &TrainingBlocks,
    settings: &TrainingSettings,
    total: usize,
) -> Option<Diagnostic> {
    let (Interval::Steps(every), Duration::Epochs(_)) = (settings.evaluation, settings.duration)
    else {
        return None;
    };
    if blocks.eval.is_empty() || every <= total {
        return None;
    }
    let pointer = match args.eval_steps {
        Some(_) => "/training_args/eval_steps",
        None => "/training_args",
    };
    let message = format!("evaluation never runs: it is due every {every} of {total} steps");
    let help = format!("set `eval_steps` to {total} or less, or remove the evaluation data");
    let found = Diagnostic::new(Severity::Warning, "no-effect", pointer, message);
    Some(found.with_help(help))
}
