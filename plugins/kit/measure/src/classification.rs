//! Classification by a language model: the label that it finds likeliest after the prompt.

mod counts;
mod curve;
mod labels;

use std::collections::BTreeMap;
use std::iter::zip;

use olive_kit_text::{Example, delimited};
use olive_schemas::metric::{Average, ClassificationTask, MetricConfig, SubMetric};

pub use labels::Labels;

use crate::error::MeasureError;
use crate::ground::Ground;
use crate::likelihood::{Continuation, log_likelihoods};
use crate::records::Record;
use crate::uncertainty::Figure;
use counts::Counts;

/// What a model thinks of rows with labels.
#[derive(Debug, Clone, PartialEq)]
pub struct Predictions {
    /// Probabilities of the labels, `[rows, labels]`.
    pub probabilities: Vec<Vec<f64>>,
    /// The right label of each row.
    pub targets: Vec<usize>,
}

/// Asks the model for the label of each of `examples`, whose right ones are `targets`.
///
/// The probability of a label is the softmax over all `labels` of their log-likelihoods after the
/// prompt.
///
/// # Errors
/// When there are no examples, a prompt with a label does not fit the model, or the model fails.
pub fn classify(
    ground: &mut Ground<'_, '_>,
    examples: &[Example],
    targets: Vec<usize>,
    labels: &[String],
    delimiter: Option<&str>,
) -> Result<Predictions, MeasureError> {
    if examples.is_empty() {
        return Err(ground.empty());
    }
    let (mut probabilities, mut correct) = (Vec::new(), 0_usize);
    for (index, (Example { prompt, .. }, &target)) in zip(examples, &targets).enumerate() {
        let place = ground.row(index);
        let choices = labels.iter().map(|label| {
            let text = delimited(prompt, label, delimiter);
            let choice = Continuation::new(ground.tokenizer, prompt, &text, &place)?;
            choice.check(ground.model, &place)?;
            Ok::<_, MeasureError>(choice)
        });
        let choices = choices.collect::<Result<Vec<_>, _>>()?;
        let found = log_likelihoods(ground.model, &choices)?;
        let chances = softmax(&found);
        let best = largest(&chances);
        correct += usize::from(best == target);
        ground.records.push(&Record {
            metric: ground.metric,
            sub_types: &ground.sub_types,
            row: index + 1,
            prompt,
            expected: Some(&labels[target]),
            got: Some(&labels[best]),
            score: f64::from(u8::from(best == target)),
            log_likelihoods: zip(labels.iter().map(String::as_str), found)
                .collect::<BTreeMap<_, _>>(),
        })?;
        probabilities.push(chances);
        let share = correct as f64 / (index + 1) as f64;
        ground.tell(("example", index + 1, examples.len()), &[("accuracy_score", share)])?;
    }
    Ok(Predictions { probabilities, targets })
}

/// The figure `sub` of `predictions`, equal to that of torchmetrics with the same arguments.
///
/// A binary task finds the second label where its probability exceeds `threshold`; a multiclass one
/// finds the likeliest label, or the right one where that is among the `top_k` likeliest. Where
/// nothing is to be divided by, a figure is 0.
///
/// # Errors
/// When a setting does not fit the number of labels.
pub fn figure(
    metric: &str,
    sub: &SubMetric,
    predictions: &Predictions,
) -> Result<Figure, MeasureError> {
    let num_labels = predictions.probabilities.first().map_or(0, Vec::len);
    let MetricConfig { task, num_classes, average, threshold, top_k, .. } = sub.metric_config;
    let misfit = |setting: &'static str, value: String| MeasureError::LabelsMisfit {
        metric: metric.to_owned(),
        setting,
        value,
        num_labels,
    };
    if let Some(classes) = num_classes.filter(|&classes| classes != num_labels) {
        return Err(misfit("num_classes", classes.to_string()));
    }
    if let Some(top_k) = top_k.filter(|&top_k| top_k > num_labels) {
        return Err(misfit("top_k", top_k.to_string()));
    }
    let by_number = || match num_labels {
        2 => ClassificationTask::Binary,
        _ => ClassificationTask::Multiclass,
    };
    let task = task.unwrap_or_else(by_number);
    if task == ClassificationTask::Binary && num_labels != 2 {
        return Err(misfit("task", "binary".into()));
    }
    if sub.name == "auroc" {
        return Ok(Figure::plain(match task {
            ClassificationTask::Binary => curve::area(predictions, 1),
            ClassificationTask::Multiclass => {
                curve::mean_area(predictions, average == Some(Average::Weighted))
            }
        }));
    }
    let found = match task {
        ClassificationTask::Binary => {
            let threshold = threshold.unwrap_or(0.5);
            let found = |chances: &Vec<f64>| usize::from(chances[1] > threshold);
            predictions.probabilities.iter().map(found).collect()
        }
        ClassificationTask::Multiclass => found_among(predictions, top_k.unwrap_or(1)),
    };
    let counts = Counts::new(num_labels, &predictions.targets, &found);
    Ok(match task {
        ClassificationTask::Binary => counts.binary(&sub.name),
        ClassificationTask::Multiclass => {
            counts.multiclass(&sub.name, average.unwrap_or(Average::Micro), top_k.unwrap_or(1))
        }
    })
}

/// The label of each row: the right one where it is among the `top_k` likeliest, else the likeliest.
fn found_among(predictions: &Predictions, top_k: usize) -> Vec<usize> {
    let found = |(chances, &target): (&Vec<f64>, &usize)| {
        let is_before = |(index, &chance): (usize, &f64)| {
            chance > chances[target] || (chance >= chances[target] && index < target)
        };
        let rank = chances.iter().enumerate().filter(|&before| is_before(before)).count();
        if rank < top_k { target } else { largest(chances) }
    };
    zip(&predictions.probabilities, &predictions.targets).map(found).collect()
}

/// Probabilities in proportion to the exponentials of `values`.
pub fn softmax(values: &[f64]) -> Vec<f64> {
    let largest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let weights: Vec<f64> = values.iter().map(|value| (value - largest).exp()).collect();
    let sum: f64 = weights.iter().sum();
    weights.into_iter().map(|weight| weight / sum).collect()
}

/// Place of the largest of `values`, the first of equals.
pub(crate) fn largest(values: &[f64]) -> usize {
    let mut best = 0;
    for (index, value) in values.iter().enumerate() {
        if *value > values[best] {
            best = index;
        }
    }
    best
}
