//! Timing: latency and throughput with the statistics of Olive.

use std::time::Instant;

use olive_kit_text::Tokenizer;
use olive_schemas::metric::MetricSettings;

use crate::data::Dataset;
use crate::error::MeasureError;
use crate::generate::{check_vocabulary, most_likely};
use crate::model::{LanguageModel, check_length};
use crate::progress::{Observer, Progress, tell};

/// Milliseconds of one forward pass over a prompt of `prompt_tokens` tokens with an empty cache.
///
/// `warmup_num` passes come first, then `repeat_test_num` timed ones.
///
/// # Errors
/// When the prompt does not fit the model or the model fails.
pub(crate) fn latencies_ms(
    model: &mut dyn LanguageModel,
    prompt: &[u32],
    settings: &MetricSettings,
    observer: &mut Observer<'_>,
) -> Result<Vec<f64>, MeasureError> {
    check_length(model, prompt.len(), || "the latency prompt".into())?;
    repeat(settings, observer, || {
        model.reset();
        let start = Instant::now();
        most_likely(model, prompt)?;
        Ok(milliseconds_since(start))
    })
}

/// Milliseconds of generating `max_new_tokens` tokens after a prompt of `prompt_tokens` tokens.
///
/// The pass over the prompt, which gives the first token, is not part of the time: each of the
/// `max_new_tokens` timed steps puts one token in and gets one out. An end-of-sequence token does
/// not stop a run.
///
/// # Errors
/// When prompt and generated tokens do not fit the model or the model fails.
pub(crate) fn generation_ms(
    model: &mut dyn LanguageModel,
    prompt: &[u32],
    settings: &MetricSettings,
    observer: &mut Observer<'_>,
) -> Result<Vec<f64>, MeasureError> {
    check_length(model, prompt.len(), || "the throughput prompt".into())?;
    let positions = prompt.len() + settings.max_new_tokens;
    check_length(model, positions, || "the throughput prompt with its answer".into())?;
    repeat(settings, observer, || {
        model.reset();
        let mut next = most_likely(model, prompt)?;
        let start = Instant::now();
        for _ in 0..settings.max_new_tokens {
            next = most_likely(model, &[next])?;
        }
        Ok(milliseconds_since(start))
    })
}

/// The prompt that timing runs on: exactly `prompt_tokens` tokens.
///
/// With data, the texts of its rows one after the other, from the start again when they end;
/// without, arbitrary ids, as neither model computes faster on one token than on another.
///
/// # Errors
/// When the data has no tokens or not the model's.
pub(crate) fn timing_prompt(
    model: &dyn LanguageModel,
    tokenizer: &Tokenizer,
    data: Option<&Dataset<'_>>,
    prompt_tokens: usize,
) -> Result<Vec<u32>, MeasureError> {
    let Some(data) = data else {
        let vocab_size = u32::try_from(model.vocab_size()).unwrap_or(u32::MAX);
        return Ok((0..).map(|index: u32| index % vocab_size).take(prompt_tokens).collect());
    };
    let mut tokens = Vec::new();
    for text in data.texts(tokenizer)? {
        tokens.extend(tokenizer.encode_plain(&text)?);
        if tokens.len() >= prompt_tokens {
            break;
        }
    }
    if tokens.is_empty() {
        return Err(MeasureError::Empty { what: format!("data config `{}`", data.name()) });
    }
    check_vocabulary(model, &tokens)?;
    Ok(tokens.into_iter().cycle().take(prompt_tokens).collect())
}

fn repeat(
    settings: &MetricSettings,
    observer: &mut Observer<'_>,
    mut run: impl FnMut() -> Result<f64, MeasureError>,
) -> Result<Vec<f64>, MeasureError> {
    let total = settings.warmup_num + settings.repeat_test_num;
    let mut samples = Vec::with_capacity(total);
    for done in 1..=total {
        samples.push(run()?);
        tell(observer, Progress { unit: "run", done, total, figures: &[] })?;
    }
    Ok(samples.split_off(settings.warmup_num))
}

fn milliseconds_since(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use olive_schemas::metric::MetricSettings;

    use super::{generation_ms, latencies_ms, timing_prompt};
    use crate::error::MeasureError;
    use crate::progress::Progress;
    use crate::toy::{Parrot, tokenizer};

    fn settings() -> MetricSettings {
        MetricSettings {
            max_new_tokens: 4,
            prompt_tokens: 8,
            warmup_num: 2,
            repeat_test_num: 3,
            ..MetricSettings::default()
        }
    }

    #[test]
    fn only_the_runs_after_the_warm_up_count() {
        let mut model = Parrot::new(Vec::new());
        let prompt = timing_prompt(&model, &tokenizer(), None, 8).unwrap();
        let mut told = Vec::new();
        let observer = &mut |progress: Progress<'_>| {
            told.push((progress.done, progress.total));
            ControlFlow::Continue(())
        };
        let samples = latencies_ms(&mut model, &prompt, &settings(), observer).unwrap();
        assert_eq!(samples.len(), 3);
        assert!(samples.iter().all(|&sample| sample > 0.0));
        assert_eq!(told, [(1, 5), (2, 5), (3, 5), (4, 5), (5, 5)]);
    }

    #[test]
    fn an_end_of_sequence_token_does_not_stop_the_clock() {
        let mut model = Parrot::new(Vec::new());
        let prompt = vec![7; 8];
        let go_on = &mut |_: Progress<'_>| ControlFlow::Continue(());
        generation_ms(&mut model, &prompt, &settings(), go_on).unwrap();
        assert_eq!(model.cached(), 12);
    }

    #[test]
    fn what_does_not_fit_is_refused_and_a_break_cancels() {
        let mut model = Parrot::new(Vec::new());
        let go_on = &mut |_: Progress<'_>| ControlFlow::Continue(());
        let error = generation_ms(&mut model, &[7; 125], &settings(), go_on).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the throughput prompt with its answer takes 129 positions; the model has 128"
        );
        let stop = &mut |_: Progress<'_>| ControlFlow::Break(());
        let result = latencies_ms(&mut model, &[7; 8], &settings(), stop);
        assert!(matches!(result, Err(MeasureError::Cancelled)));
    }
}
