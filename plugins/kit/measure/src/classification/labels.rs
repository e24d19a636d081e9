//! The labels of a classification, and which one each row has.

use std::collections::BTreeMap;

use olive_kit_text::{Example, Place};

use crate::error::MeasureError;

/// Labels that data may have of its own; more are no labels but texts.
const LARGEST: usize = 100;

/// The labels of a classification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labels(Vec<String>);

impl Labels {
    /// The labels that a config names.
    pub fn named(labels: &[String]) -> Self {
        Self(labels.to_vec())
    }

    /// The distinct answers of `examples`, sorted, as scikit-learn's `LabelEncoder` numbers them.
    ///
    /// # Errors
    /// When there are fewer than two, or more than anybody would call labels.
    pub fn of(metric: &str, examples: &[Example]) -> Result<Self, MeasureError> {
        let answers = examples.iter().map(|example| (example.answer.trim(), &example.answer));
        let distinct: BTreeMap<&str, &String> = answers.rev().collect();
        let count = distinct.len();
        if (2..=LARGEST).contains(&count) {
            return Ok(Self(distinct.into_values().cloned().collect()));
        }
        Err(MeasureError::AnswersAreNoLabels { metric: metric.to_owned(), count, limit: LARGEST })
    }

    /// The labels, in the order of their numbers.
    pub fn as_slice(&self) -> &[String] {
        &self.0
    }

    /// The number of the label that each of `examples` has, white space around it left aside.
    ///
    /// # Errors
    /// When an answer is none of the labels; `place` tells where a row stands.
    pub fn of_rows(
        &self,
        metric: &str,
        examples: &[Example],
        place: impl Fn(usize) -> Option<Place>,
    ) -> Result<Vec<usize>, MeasureError> {
        let number = |(row, example): (usize, &Example)| {
            let answer = example.answer.trim();
            self.0.iter().position(|label| label.trim() == answer).ok_or_else(|| {
                let known: Vec<_> = self.0.iter().map(|label| format!("`{label}`")).collect();
                MeasureError::NotALabel {
                    metric: metric.to_owned(),
                    answer: answer.to_owned(),
                    place: place(row).map(|place| place.to_string()).unwrap_or_default(),
                    known: known.join(", "),
                }
            })
        };
        examples.iter().enumerate().map(number).collect()
    }
}
