//! Timing: runs of a model after a prompt, with a clock on every token.
//!
//! A run is a prompt with an empty cache and the tokens that greedy choice puts after it. What it
//! takes is told apart: the forward pass over the prompt, the choice of the first token, each token
//! after it. An end-of-sequence token does not stop a run, so that all runs do the same.

use std::thread;
use std::time::{Duration, Instant};

use olive_kit_text::Tokenizer;
use olive_schemas::metric::Timing;

use crate::data::Dataset;
use crate::error::MeasureError;
use crate::generate::{argmax, check_vocabulary, most_likely};
use crate::model::{LanguageModel, Positions, check_length};
use crate::progress::{Observer, Progress, tell};

/// Longest time between two looks at whether to stop.
const LOOK: Duration = Duration::from_millis(250);

/// What runs took, all in milliseconds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Timings {
    /// The forward pass over the prompt, a run.
    pub forward_ms: Vec<f64>,
    /// From the prompt to the first token, a run.
    pub first_token_ms: Vec<f64>,
    /// From a token to the next, in the order of runs and tokens.
    pub between_ms: Vec<f64>,
    /// All tokens after the first, a run.
    pub decode_ms: Vec<f64>,
}

impl Timings {
    /// From the prompt to the last token, a run.
    pub fn whole_ms(&self) -> impl Iterator<Item = f64> + '_ {
        self.first_token_ms.iter().zip(&self.decode_ms).map(|(first, rest)| first + rest)
    }

    fn forget(&mut self) {
        *self = Self::default();
    }
}

/// Times runs of `prompt` and `num_tokens` tokens after its first, as often as `timing` says; what
/// the warm-up took is not among the timings.
///
/// # Errors
/// When prompt and tokens do not fit the model, when the model fails, or
/// [`MeasureError::Cancelled`].
pub fn time_runs(
    model: &mut dyn LanguageModel,
    prompt: &[u32],
    num_tokens: usize,
    timing: Timing,
    observer: &mut Observer<'_>,
) -> Result<Timings, MeasureError> {
    check_length(model, prompt.len(), || "the prompt of the timing".into())?;
    let positions = prompt.len() + num_tokens;
    check_length(model, positions, || "the prompt of the timing with its answer".into())?;
    let total = timing.num_warmups + timing.num_repeats;
    let mut timings = Timings::default();
    for done in 1..=total {
        if done == timing.num_warmups + 1 {
            timings.forget();
        }
        time_run(model, prompt, num_tokens, &mut timings)?;
        let progress = Progress { unit: "run", done, total, figures: &[] };
        tell(observer, progress)?;
        rest(Duration::from_secs(timing.rest_sec), progress, observer)?;
    }
    Ok(timings)
}

/// Adds one run to `timings`.
///
/// # Errors
/// When the model fails or gives NaN.
pub fn time_run(
    model: &mut dyn LanguageModel,
    prompt: &[u32],
    num_tokens: usize,
    timings: &mut Timings,
) -> Result<(), MeasureError> {
    model.reset();
    let start = Instant::now();
    let logits = model.forward(prompt, Positions::Last).map_err(MeasureError::Model)?;
    let forward = start.elapsed();
    let mut next = argmax(logits.last()).ok_or(MeasureError::NotANumber)?;
    let first = Instant::now();
    let mut last = first;
    for _ in 0..num_tokens {
        next = most_likely(model, &[next])?;
        let now = Instant::now();
        timings.between_ms.push(milliseconds(now - last));
        last = now;
    }
    timings.forward_ms.push(milliseconds(forward));
    timings.first_token_ms.push(milliseconds(first - start));
    timings.decode_ms.push(milliseconds(last - first));
    Ok(())
}

/// The prompt that timing runs on: exactly `prompt_tokens` tokens.
///
/// With data, the texts of its rows one after the other, from the start again when they end;
/// without, arbitrary ids, as neither model computes faster on one token than on another.
///
/// # Errors
/// When the data has no tokens or not the model's.
pub fn timing_prompt(
    model: &dyn LanguageModel,
    data: Option<(&Tokenizer, &Dataset<'_>)>,
    prompt_tokens: usize,
) -> Result<Vec<u32>, MeasureError> {
    let Some((tokenizer, data)) = data else {
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

/// Lets the machine rest, and asks on the way whether to stop.
fn rest(
    mut left: Duration,
    progress: Progress<'_>,
    observer: &mut Observer<'_>,
) -> Result<(), MeasureError> {
    while !left.is_zero() {
        let pause = left.min(LOOK);
        thread::sleep(pause);
        left -= pause;
        tell(observer, progress)?;
    }
    Ok(())
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use olive_schemas::metric::Timing;

    use super::{Timings, time_runs, timing_prompt};
    use crate::error::MeasureError;
    use crate::progress::Progress;
    use crate::toy::Parrot;

    fn timing() -> Timing {
        Timing { num_warmups: 2, num_repeats: 3, rest_sec: 0 }
    }

    fn time(model: &mut Parrot, prompt: usize, tokens: usize) -> Result<Timings, MeasureError> {
        let prompt = timing_prompt(model, None, prompt).unwrap();
        let go_on = &mut |_: Progress<'_>| ControlFlow::Continue(());
        time_runs(model, &prompt, tokens, timing(), go_on)
    }

    #[test]
    fn only_the_runs_after_the_warm_up_count() {
        let mut model = Parrot::new(Vec::new());
        let mut told = Vec::new();
        let observer = &mut |progress: Progress<'_>| {
            told.push((progress.done, progress.total));
            ControlFlow::Continue(())
        };
        let timings = time_runs(&mut model, &[7; 8], 4, timing(), observer).unwrap();
        let Timings { forward_ms, first_token_ms, between_ms, decode_ms } = timings;
        let counts = [&forward_ms, &first_token_ms, &between_ms, &decode_ms].map(Vec::len);
        assert_eq!(counts, [3, 3, 12, 3]);
        assert_eq!(told, [(1, 5), (2, 5), (3, 5), (4, 5), (5, 5)]);
        assert_eq!(model.num_forwards, 5 * 5, "every run is a prompt and four tokens");
    }

    #[test]
    fn parts_of_a_run_make_the_whole() {
        let timings = time(&mut Parrot::new(Vec::new()), 8, 4).unwrap();
        let whole: Vec<f64> = timings.whole_ms().collect();
        for (run, whole) in whole.iter().enumerate() {
            let parts: f64 = timings.between_ms[4 * run..4 * run + 4].iter().sum();
            assert!((timings.decode_ms[run] - parts).abs() < 1e-9);
            assert!((whole - timings.first_token_ms[run] - parts).abs() < 1e-9);
            assert!(timings.forward_ms[run] <= timings.first_token_ms[run]);
        }
    }

    #[test]
    fn an_end_of_sequence_token_does_not_stop_the_clock() {
        let mut model = Parrot::new(Vec::new());
        time(&mut model, 8, 4).unwrap();
        assert_eq!(model.cached(), 12);
    }

    #[test]
    fn a_rest_follows_every_run_and_can_be_cut_short() {
        let timing = Timing { num_warmups: 0, num_repeats: 1, rest_sec: 3600 };
        let mut looks = 0;
        let observer = &mut |_: Progress<'_>| {
            looks += 1;
            if looks < 3 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        };
        let result = time_runs(&mut Parrot::new(Vec::new()), &[7; 8], 0, timing, observer);
        assert!(matches!(result, Err(MeasureError::Cancelled)));
        assert_eq!(looks, 3, "one after the run, two while it rests");
    }

    #[test]
    fn what_does_not_fit_is_refused_and_a_break_cancels() {
        let mut model = Parrot::new(Vec::new());
        let error = time(&mut model, 125, 4).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the prompt of the timing with its answer takes 129 positions; the model has 128"
        );
        let stop = &mut |_: Progress<'_>| ControlFlow::Break(());
        let result = time_runs(&mut model, &[7; 8], 0, timing(), stop);
        assert!(matches!(result, Err(MeasureError::Cancelled)));
    }
}
