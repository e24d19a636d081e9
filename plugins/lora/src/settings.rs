//! From what a user wrote to what the trainer is told.

use olive_kit_checkpoint::Decoder;
use olive_kit_train::{
    AdamWSettings, Duration, Evaluation, LoraSettings, ScheduleKind, TrainingSettings, Warmup,
};

use crate::config::LoraConfig;
use crate::training_args::{EvalStrategy, LrSchedulerType, TrainingArgs};

/// Times through the data when nothing is said.
const DEFAULT_EPOCHS: f64 = 3.0;

/// What new adapters are like.
pub(crate) fn lora(config: &LoraConfig) -> LoraSettings {
    LoraSettings {
        rank: config.r,
        scale: config.alpha / config.r as f64,
        dropout: config.lora_dropout,
        seed: config.training_args().seed,
    }
}

/// Settings of a training of `decoder`.
pub(crate) fn training(args: &TrainingArgs, decoder: &Decoder) -> TrainingSettings {
    TrainingSettings {
        seed: args.seed,
        data_seed: data_seed(args),
        train_batch_size: args.per_device_train_batch_size,
        eval_batch_size: args.per_device_eval_batch_size,
        gradient_accumulation_steps: args.gradient_accumulation_steps,
        gradient_checkpointing: args.gradient_checkpointing,
        duration: duration(args),
        learning_rate: args.learning_rate,
        schedule: schedule(args.lr_scheduler_type),
        warmup: warmup(args),
        adamw: AdamWSettings {
            beta1: args.adam_beta1,
            beta2: args.adam_beta2,
            epsilon: args.adam_epsilon,
            weight_decay: args.weight_decay,
        },
        max_grad_norm: args.max_grad_norm,
        group_by_length: args.group_by_length,
        evaluation: evaluation(args),
        pad_token_id: decoder.pad_token_id.or(decoder.bos_token_id).unwrap_or(0),
    }
}

/// Seed of the order of the data and of the evaluation split.
pub(crate) fn data_seed(args: &TrainingArgs) -> u64 {
    args.data_seed.unwrap_or(args.seed)
}

fn duration(args: &TrainingArgs) -> Duration {
    match usize::try_from(args.max_steps) {
        Ok(steps) if steps > 0 => Duration::Steps(steps),
        _ => Duration::Epochs(args.num_train_epochs.unwrap_or(DEFAULT_EPOCHS)),
    }
}

fn warmup(args: &TrainingArgs) -> Warmup {
    match args.warmup_steps {
        0 => Warmup::Ratio(args.warmup_ratio),
        steps => Warmup::Steps(steps),
    }
}

fn evaluation(args: &TrainingArgs) -> Evaluation {
    match args.eval_strategy {
        Some(EvalStrategy::No) => Evaluation::Never,
        Some(EvalStrategy::Epoch) => Evaluation::Epoch,
        None | Some(EvalStrategy::Steps) => {
            Evaluation::Steps(args.eval_steps.unwrap_or(args.logging_steps))
        }
    }
}

fn schedule(kind: LrSchedulerType) -> ScheduleKind {
    match kind {
        LrSchedulerType::Constant => ScheduleKind::Constant,
        LrSchedulerType::ConstantWithWarmup => ScheduleKind::ConstantWithWarmup,
        LrSchedulerType::Linear => ScheduleKind::Linear,
        LrSchedulerType::Cosine => ScheduleKind::Cosine,
    }
}
