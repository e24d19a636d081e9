//! Settings that exclude or need each other.

use olive_schemas::data::{ChatTemplate, DatasetType, PackingStrategy, PreProcess};

use crate::error::TextError;

/// Finds settings that exclude each other, or lack one that they need.
pub(super) fn settings(settings: &PreProcess) -> Result<(), TextError> {
    match problem(settings) {
        Some(problem) => Err(TextError::settings(problem)),
        None => Ok(()),
    }
}

fn problem(settings: &PreProcess) -> Option<String> {
    let has_chat = !matches!(settings.chat_template, None | Some(ChatTemplate::Own(false)));
    let fixed = if settings.max_seq_len < 2 {
        "`max_seq_len` must be at least 2: a label needs a token before it"
    } else if settings.processing_batch_size == 0 {
        "`processing_batch_size` must be at least 1"
    } else if settings.assistant_only_loss && !has_chat {
        "`assistant_only_loss` needs a `chat_template`"
    } else if settings.dataset_type == DatasetType::Pair {
        return pair(settings);
    } else {
        return strategy(settings);
    };
    Some(fixed.to_owned())
}

fn pair(settings: &PreProcess) -> Option<String> {
    if settings.source_max_len.is_none() || settings.target_max_len.is_none() {
        return Some("`dataset_type` `pair` needs `source_max_len` and `target_max_len`".into());
    }
    padding(settings, "`dataset_type` `pair`")
}

fn strategy(settings: &PreProcess) -> Option<String> {
    let name = match settings.strategy {
        PackingStrategy::Join => return None,
        PackingStrategy::JoinSlidingWindow => {
            let step = settings.stride.unwrap_or(0);
            let length = settings.max_seq_len;
            let is_wrong = !(1..=length).contains(&step);
            return is_wrong.then(|| {
                format!("`join-sliding-window` needs a `stride` from 1 to `max_seq_len`, {length}")
            });
        }
        PackingStrategy::JoinRandom => return random(settings, "`join-random`"),
        PackingStrategy::LineByLine => "`line-by-line`",
        PackingStrategy::LineByLineRandom => "`line-by-line-random`",
        PackingStrategy::Pack => "`pack`",
    };
    let draws = settings.strategy == PackingStrategy::LineByLineRandom;
    let drawn = if draws { random(settings, name) } else { None };
    drawn.or_else(|| padding(settings, name))
}

fn random(settings: &PreProcess, name: &str) -> Option<String> {
    let lacks = settings.max_samples.is_none() || settings.random_seed.is_none();
    lacks.then(|| format!("{name} needs `max_samples` and `random_seed`"))
}

fn padding(settings: &PreProcess, name: &str) -> Option<String> {
    if settings.drop_short_sequences && settings.pad_to_max_len {
        return Some(
            "`drop_short_sequences` and `pad_to_max_len` exclude each other: set one to false"
                .to_owned(),
        );
    }
    let trains_padding = settings.pad_to_max_len && !settings.use_attention_mask;
    trains_padding.then(|| {
        format!(
            "{name} with `pad_to_max_len` needs `use_attention_mask`: padding would be trained on"
        )
    })
}
