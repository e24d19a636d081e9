//! From what a user wrote to what the trainer is told.

use olive_kit_checkpoint::Decoder;
use olive_kit_decoder::Precision;
use olive_kit_train::optimizer::{
    Adafactor, Adagrad, AdamW, Lion, OptimizerSettings, RmsProp, Sgd,
};
use olive_kit_train::schedule::{MinLr, Ramp, ScheduleKind};
use olive_kit_train::{
    Duration, EarlyStopping, Interval, Order, PlateauSettings, Saving, ThresholdMode,
    TrainingSettings, Warmup,
};

use crate::arguments::{
    self, Curve, EvalStrategy, LoggingStrategy, LrSchedulerType, Optim, OptimArgs, OptimArgsError,
    SamplingStrategy, SaveStrategy, SchedulerKwargs, TrainingArgs,
};
use crate::config::TorchDtype;

/// Times through the data when nothing is said.
const DEFAULT_EPOCHS: f64 = 3.0;

/// Checkpoints that are kept when nothing is said; more are of no use to go on.
const DEFAULT_CHECKPOINTS: usize = 1;

/// What products multiply.
pub(crate) const fn precision(dtype: TorchDtype) -> Precision {
    match dtype {
        TorchDtype::Bfloat16 => Precision::Bf16,
        TorchDtype::Float32 | TorchDtype::Float16 => Precision::F32,
    }
}

/// Settings of a training of `decoder`.
///
/// # Errors
/// When `optim_args` do not fit the optimizer.
pub(crate) fn training(
    args: &TrainingArgs,
    decoder: &Decoder,
) -> Result<TrainingSettings, OptimArgsError> {
    let own = args.optim_args.clone().unwrap_or_default();
    own.check(args.optim)?;
    Ok(TrainingSettings {
        seed: args.seed,
        data_seed: data_seed(args),
        train_batch_size: args.per_device_train_batch_size,
        eval_batch_size: args.per_device_eval_batch_size,
        gradient_accumulation_steps: args.gradient_accumulation_steps,
        drop_last: args.dataloader_drop_last,
        gradient_checkpointing: args.gradient_checkpointing,
        duration: duration(args),
        learning_rate: args.learning_rate,
        schedule: schedule(args),
        warmup: warmup(args),
        optimizer: optimizer(args, &own)?,
        weight_decay: own.number("weight_decay")?.unwrap_or(args.weight_decay),
        max_grad_norm: args.max_grad_norm,
        label_smoothing: args.label_smoothing_factor,
        neftune_alpha: args.neftune_noise_alpha.unwrap_or(0.0),
        order: order(args),
        evaluation: evaluation(args),
        eval_delay: args.eval_delay,
        eval_on_start: args.eval_on_start,
        logging: logging(args),
        logging_first_step: args.logging_first_step,
        saving: saving(args),
        save_total_limit: Some(args.save_total_limit.unwrap_or(DEFAULT_CHECKPOINTS)),
        load_best_at_end: args.load_best_model_at_end,
        greater_is_better: args.greater_is_better.unwrap_or(false),
        early_stopping: early_stopping(args),
        pad_token_id: decoder.pad_token_id.or(decoder.bos_token_id).unwrap_or(0),
    })
}

/// Seed of the order of the data and of the evaluation split.
pub(crate) fn data_seed(args: &TrainingArgs) -> u64 {
    args.data_seed.unwrap_or(args.seed)
}

fn order(args: &TrainingArgs) -> Order {
    match args.train_sampling_strategy {
        _ if args.group_by_length => Order::ByLength,
        SamplingStrategy::GroupByLength => Order::ByLength,
        SamplingStrategy::Sequential => Order::Sequential,
        SamplingStrategy::Random => Order::Random,
    }
}

fn duration(args: &TrainingArgs) -> Duration {
    match usize::try_from(args.max_steps) {
        Ok(steps) if steps > 0 => Duration::Steps(steps),
        _ => Duration::Epochs(args.num_train_epochs.unwrap_or(DEFAULT_EPOCHS)),
    }
}

fn warmup(args: &TrainingArgs) -> Warmup {
    match interval(args.warmup_steps) {
        Interval::Steps(steps) => Warmup::Steps(steps),
        Interval::Share(share) => Warmup::Ratio(share),
        Interval::Never | Interval::Epoch => Warmup::Ratio(args.warmup_ratio),
    }
}

fn evaluation(args: &TrainingArgs) -> Interval {
    match args.eval_strategy {
        Some(EvalStrategy::No) => Interval::Never,
        Some(EvalStrategy::Epoch) => Interval::Epoch,
        None | Some(EvalStrategy::Steps) => interval(args.eval_steps.unwrap_or(args.logging_steps)),
    }
}

fn logging(args: &TrainingArgs) -> Interval {
    match args.logging_strategy {
        LoggingStrategy::No => Interval::Never,
        LoggingStrategy::Epoch => Interval::Epoch,
        LoggingStrategy::Steps => interval(args.logging_steps),
    }
}

fn saving(args: &TrainingArgs) -> Saving {
    match args.save_strategy {
        SaveStrategy::No => Saving::Every(Interval::Never),
        SaveStrategy::Steps => Saving::Every(interval(args.save_steps)),
        SaveStrategy::Epoch => Saving::Every(Interval::Epoch),
        SaveStrategy::Best => Saving::Best,
    }
}

fn early_stopping(args: &TrainingArgs) -> Option<EarlyStopping> {
    let threshold = args.early_stopping_threshold;
    args.early_stopping_patience.map(|patience| EarlyStopping { patience, threshold })
}

/// A share below 1, or a number of steps.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a whole number of 1 or more; out of range saturates"
)]
fn interval(steps: f64) -> Interval {
    if steps <= 0.0 {
        Interval::Never
    } else if steps < 1.0 {
        Interval::Share(steps)
    } else {
        Interval::Steps(steps as usize)
    }
}

fn optimizer(args: &TrainingArgs, own: &OptimArgs) -> Result<OptimizerSettings, OptimArgsError> {
    let (beta1, beta2) = (args.adam_beta1, args.adam_beta2);
    let adamw = AdamW { beta1, beta2, epsilon: args.adam_epsilon };
    let lion = Lion { beta1, beta2 };
    Ok(match args.optim {
        Optim::AdamwTorch
        | Optim::AdamwTorchFused
        | Optim::AdamwTorchXla
        | Optim::AdamwTorchNpuFused
        | Optim::AdamwApexFused
        | Optim::AdamwHf
        | Optim::PagedAdamw
        | Optim::PagedAdamw32bit => OptimizerSettings::AdamW(adamw),
        Optim::AdamwBnb8bit | Optim::Adamw8bit | Optim::PagedAdamw8bit => {
            OptimizerSettings::AdamW8Bit(adamw)
        }
        Optim::Lion32bit | Optim::PagedLion32bit => OptimizerSettings::Lion(lion),
        Optim::Lion8bit | Optim::PagedLion8bit => OptimizerSettings::Lion8Bit(lion),
        Optim::Adafactor => OptimizerSettings::Adafactor(Adafactor::default()),
        Optim::Sgd => OptimizerSettings::Sgd(Sgd {
            momentum: own.number("momentum")?.unwrap_or(0.0),
            dampening: own.number("dampening")?.unwrap_or(0.0),
            nesterov: own.switch("nesterov")?.unwrap_or(false),
        }),
        Optim::Adagrad => {
            let usual = Adagrad::default();
            OptimizerSettings::Adagrad(Adagrad {
                lr_decay: own.number("lr_decay")?.unwrap_or(usual.lr_decay),
                epsilon: own.number("eps")?.unwrap_or(usual.epsilon),
            })
        }
        Optim::Rmsprop => {
            let usual = RmsProp::default();
            OptimizerSettings::RmsProp(RmsProp {
                alpha: own.number("alpha")?.unwrap_or(usual.alpha),
                epsilon: own.number("eps")?.unwrap_or(usual.epsilon),
                momentum: own.number("momentum")?.unwrap_or(usual.momentum),
                centered: own.switch("centered")?.unwrap_or(usual.centered),
            })
        }
    })
}

fn schedule(args: &TrainingArgs) -> ScheduleKind {
    let kwargs = args.lr_scheduler_kwargs.clone().unwrap_or_default();
    let waves = kwargs.num_cycles.unwrap_or(0.5);
    match args.lr_scheduler_type {
        LrSchedulerType::Constant => ScheduleKind::Constant,
        LrSchedulerType::ConstantWithWarmup => ScheduleKind::ConstantWithWarmup,
        LrSchedulerType::Linear => ScheduleKind::Linear,
        LrSchedulerType::Cosine => ScheduleKind::Cosine { num_cycles: waves },
        LrSchedulerType::CosineWithRestarts => {
            ScheduleKind::CosineWithRestarts { num_cycles: kwargs.num_cycles.unwrap_or(1.0) }
        }
        LrSchedulerType::CosineWithMinLr => {
            ScheduleKind::CosineWithMinLr { num_cycles: waves, min_lr: min_lr(&kwargs) }
        }
        LrSchedulerType::CosineWarmupWithMinLr => ScheduleKind::CosineWarmupWithMinLr {
            num_cycles: waves,
            min_lr: min_lr(&kwargs),
            warmup_lr_rate: kwargs.warmup_lr_rate,
        },
        LrSchedulerType::Polynomial => ScheduleKind::Polynomial {
            lr_end: kwargs.lr_end.unwrap_or(1e-7),
            power: kwargs.power.unwrap_or(1.0),
        },
        LrSchedulerType::InverseSqrt => {
            ScheduleKind::InverseSqrt { timescale: kwargs.timescale.map(|steps| steps as f64) }
        }
        LrSchedulerType::WarmupStableDecay => ScheduleKind::WarmupStableDecay {
            num_decay_steps: kwargs.num_decay_steps.unwrap_or(0),
            num_stable_steps: kwargs.num_stable_steps,
            warmup: ramp(kwargs.warmup_type.unwrap_or(Curve::Linear)),
            decay: ramp(kwargs.decay_type.unwrap_or(Curve::Cosine)),
            min_lr_ratio: kwargs.min_lr_ratio.unwrap_or(0.0),
            num_cycles: waves,
        },
        LrSchedulerType::ReduceLrOnPlateau => ScheduleKind::ReduceOnPlateau(plateau(args, &kwargs)),
    }
}

fn min_lr(kwargs: &SchedulerKwargs) -> MinLr {
    match (kwargs.min_lr, kwargs.min_lr_rate) {
        (Some(rate), _) => MinLr::Rate(rate),
        (None, share) => MinLr::Share(share.unwrap_or(0.0)),
    }
}

const fn ramp(curve: Curve) -> Ramp {
    match curve {
        Curve::Linear => Ramp::Linear,
        Curve::Cosine => Ramp::Cosine,
        Curve::Sqrt => Ramp::OneMinusSqrt,
    }
}

fn plateau(args: &TrainingArgs, kwargs: &SchedulerKwargs) -> PlateauSettings {
    let usual = PlateauSettings::default();
    PlateauSettings {
        factor: kwargs.factor.unwrap_or(usual.factor),
        patience: kwargs.patience.unwrap_or(usual.patience),
        threshold: kwargs.threshold.unwrap_or(usual.threshold),
        threshold_mode: match kwargs.threshold_mode {
            Some(arguments::ThresholdMode::Abs) => ThresholdMode::Absolute,
            Some(arguments::ThresholdMode::Rel) | None => ThresholdMode::Relative,
        },
        cooldown: kwargs.cooldown.unwrap_or(usual.cooldown),
        min_lr: kwargs.min_lr.unwrap_or(usual.min_lr),
        epsilon: kwargs.eps.unwrap_or(usual.epsilon),
        greater_is_better: args.greater_is_better.unwrap_or(usual.greater_is_better),
    }
}
