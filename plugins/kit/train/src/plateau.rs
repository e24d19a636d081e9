//! A rate that falls when the evaluation loss gets no better: torch's `ReduceLROnPlateau`.

use serde::{Deserialize, Serialize};

/// Settings of a rate that follows the evaluation loss.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PlateauSettings {
    /// Factor on the rate.
    pub factor: f64,
    /// Evaluations in a row that may be no better.
    pub patience: usize,
    /// Smallest difference that counts as better.
    pub threshold: f64,
    /// What the threshold is measured in.
    pub threshold_mode: ThresholdMode,
    /// Evaluations after a fall that do not count.
    pub cooldown: usize,
    /// Smallest rate.
    pub min_lr: f64,
    /// Smallest change of the rate that is made.
    pub epsilon: f64,
    /// Whether larger is better.
    pub greater_is_better: bool,
}

/// What a threshold is measured in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ThresholdMode {
    /// Parts of the best value.
    Relative,
    /// The values' own unit.
    Absolute,
}

/// Where such a rate stands.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Plateau {
    rate: f64,
    best: Option<f64>,
    num_bad: usize,
    cooldown_left: usize,
}

impl Default for PlateauSettings {
    fn default() -> Self {
        Self {
            factor: 0.1,
            patience: 10,
            threshold: 1e-4,
            threshold_mode: ThresholdMode::Relative,
            cooldown: 0,
            min_lr: 0.0,
            epsilon: 1e-8,
            greater_is_better: false,
        }
    }
}

impl PlateauSettings {
    fn is_better(&self, value: f64, best: f64) -> bool {
        let margin = match self.threshold_mode {
            ThresholdMode::Relative => best * self.threshold,
            ThresholdMode::Absolute => self.threshold,
        };
        if self.greater_is_better { value > best + margin } else { value < best - margin }
    }
}

impl Plateau {
    pub(crate) fn new(rate: f64) -> Self {
        Self { rate, best: None, num_bad: 0, cooldown_left: 0 }
    }

    pub(crate) fn rate(&self) -> f64 {
        self.rate
    }

    /// Takes an evaluation.
    pub(crate) fn evaluated(&mut self, loss: f64, settings: &PlateauSettings) {
        if self.best.is_none_or(|best| settings.is_better(loss, best)) {
            self.best = Some(loss);
            self.num_bad = 0;
        } else {
            self.num_bad += 1;
        }
        if self.cooldown_left > 0 {
            self.cooldown_left -= 1;
            self.num_bad = 0;
        }
        if self.num_bad > settings.patience {
            let rate = (self.rate * settings.factor).max(settings.min_lr);
            if self.rate - rate > settings.epsilon {
                self.rate = rate;
            }
            self.cooldown_left = settings.cooldown;
            self.num_bad = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Fixture {
        learning_rate: f64,
        plateaus: Vec<Case>,
    }

    #[derive(Deserialize)]
    struct Case {
        settings: PlateauSettings,
        losses: Vec<f64>,
        rates: Vec<f64>,
    }

    #[test]
    fn rates_fall_when_torch_lets_them_fall() {
        let text = include_str!("../tests/fixtures/schedules.json");
        let Fixture { learning_rate, plateaus } = serde_json::from_str(text).unwrap();
        assert_eq!(plateaus.len(), 4);
        for Case { settings, losses, rates } in plateaus {
            let mut plateau = Plateau::new(learning_rate);
            for (loss, expected) in losses.into_iter().zip(rates) {
                plateau.evaluated(loss, &settings);
                let difference = (plateau.rate() - expected).abs() / learning_rate;
                assert!(difference <= 1e-14, "{settings:?}: {} {expected}", plateau.rate());
            }
        }
    }
}
