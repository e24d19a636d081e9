//! Two ways to run a model, in turns.

use olive_kit_measure::timing::{Timings, time_run};
use olive_kit_measure::{LanguageModel, MeasureError, Observer, Progress, confidence, tell};

use super::config::OrtSessionParamsTuningConfig;

/// How two ways are compared.
pub(super) struct Duel<'a> {
    /// What every run starts with.
    pub(super) prompt: &'a [u32],
    /// How much every run does, and how often.
    pub(super) config: &'a OrtSessionParamsTuningConfig,
}

/// How a duel went.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Outcome {
    /// Milliseconds of a run of the best so far; the median.
    pub(super) best_ms: f64,
    /// Milliseconds of a run of the candidate; the median.
    pub(super) candidate_ms: f64,
    /// What the candidate takes of what the best takes: the geometric mean over the rounds.
    pub(super) ratio: f64,
    /// Lower end of its interval of 95 % confidence.
    pub(super) low: f64,
    /// Its upper end.
    pub(super) high: f64,
}

impl Outcome {
    /// Of rounds in which the best took `best_ms` and the candidate `candidate_ms`.
    fn of(best_ms: &[f64], candidate_ms: &[f64]) -> Self {
        let pairs = best_ms.iter().zip(candidate_ms);
        let logarithms: Vec<f64> = pairs.map(|(best, candidate)| (candidate / best).ln()).collect();
        let mean = confidence::mean(&logarithms);
        let [low, high] =
            mean.uncertainty.map_or([f64::NEG_INFINITY, f64::INFINITY], |it| [it.low, it.high]);
        Self {
            best_ms: confidence::median(best_ms),
            candidate_ms: confidence::median(candidate_ms),
            ratio: mean.value.exp(),
            low: low.exp(),
            high: high.exp(),
        }
    }

    /// Whether the candidate is faster, beyond the noise.
    pub(super) fn is_won(&self) -> bool {
        self.high < 1.0
    }
}

impl Duel<'_> {
    /// Runs `best` and `candidate` in turns; every other round the candidate goes first.
    ///
    /// Each timed run follows one that is not timed: threads of the other session still look for
    /// work for a while after its run, and caches of the processor hold its data.
    pub(super) fn fight(
        &self,
        best: &mut dyn LanguageModel,
        candidate: &mut dyn LanguageModel,
        observer: &mut Observer<'_>,
    ) -> Result<Outcome, MeasureError> {
        for _ in 0..self.config.warmup_num {
            self.run(best, observer)?;
            self.run(candidate, observer)?;
        }
        let (mut best_ms, mut candidate_ms) = (Vec::new(), Vec::new());
        for round in 0..self.config.repeat_test_num {
            if round % 2 == 0 {
                best_ms.push(self.timed(best, observer)?);
                candidate_ms.push(self.timed(candidate, observer)?);
            } else {
                candidate_ms.push(self.timed(candidate, observer)?);
                best_ms.push(self.timed(best, observer)?);
            }
        }
        Ok(Outcome::of(&best_ms, &candidate_ms))
    }

    fn timed(
        &self,
        model: &mut dyn LanguageModel,
        observer: &mut Observer<'_>,
    ) -> Result<f64, MeasureError> {
        self.run(model, observer)?;
        self.run(model, observer)
    }

    /// Milliseconds of a run, from the prompt to the last token.
    fn run(
        &self,
        model: &mut dyn LanguageModel,
        observer: &mut Observer<'_>,
    ) -> Result<f64, MeasureError> {
        let mut timings = Timings::default();
        time_run(model, self.prompt, self.config.max_new_tokens, &mut timings)?;
        tell(observer, Progress { unit: "run", done: 1, total: 1, figures: &[] })?;
        Ok(timings.whole_ms().sum())
    }
}

#[cfg(test)]
mod tests {
    use super::Outcome;

    #[test]
    fn a_machine_that_slows_down_decides_nothing() {
        let best = [10.0, 12.0, 14.0, 16.0, 18.0, 20.0];
        let faster = best.map(|time| time * 0.9);
        let outcome = Outcome::of(&best, &faster);
        assert!(outcome.is_won() && (outcome.ratio - 0.9).abs() < 1e-12, "{outcome:?}");
        assert!(
            (outcome.best_ms - 15.0).abs() < 1e-12 && (outcome.candidate_ms - 13.5).abs() < 1e-12
        );
        assert!(!Outcome::of(&best, &best).is_won(), "what is as fast does not win");
    }

    #[test]
    fn noise_decides_nothing() {
        let best = [10.0, 10.0, 10.0, 10.0];
        let outcome = Outcome::of(&best, &[8.0, 11.0, 9.0, 10.5]);
        assert!(outcome.ratio < 1.0 && !outcome.is_won(), "{outcome:?}");
        assert!(!Outcome::of(&best[..1], &[5.0]).is_won(), "one round is none");
    }
}
