//! Multiple choice by likelihood, as lm-evaluation-harness scores it.

use std::collections::BTreeMap;
use std::iter::zip;

use olive_kit_text::{Asking, Question, Turns, delimited};
use olive_schemas::metric::MetricSettings;

use crate::classification::largest;
use crate::error::MeasureError;
use crate::ground::Ground;
use crate::likelihood::{Continuation, log_likelihoods};
use crate::records::Record;
use crate::uncertainty::Figure;

/// By what the log-likelihood of a choice is divided before choices are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Normalization {
    /// Nothing: `acc`.
    None,
    /// Its characters: `acc_norm`.
    Characters,
    /// Its bytes in UTF-8: `acc_bytes`.
    Bytes,
}

impl Normalization {
    /// That of the figure `name`.
    pub fn of(name: &str) -> Self {
        match name {
            "acc_norm" => Self::Characters,
            "acc_bytes" => Self::Bytes,
            _ => Self::None,
        }
    }

    fn length(self, choice: &str) -> f64 {
        match self {
            Self::None => 1.0,
            Self::Characters => choice.chars().count() as f64,
            Self::Bytes => choice.len() as f64,
        }
    }
}

/// How the questions of multiple choice are put, when the model is `told` something before.
pub fn asking<'a>(settings: &'a MetricSettings, told: &'a str) -> Asking<'a> {
    let is_chat = settings.apply_chat_template;
    let turns =
        if settings.fewshot_as_multiturn.unwrap_or(true) { Turns::Several } else { Turns::One };
    Asking {
        description: told,
        target_delimiter: settings.target_delimiter.as_deref(),
        shot_delimiter: settings.shot_delimiter(),
        num_shots: settings.num_fewshot,
        turns: is_chat.then_some(turns),
    }
}

/// What the model is told before the questions; instruction and description are apart as solved
/// questions are, unless there is white space already.
pub fn told(settings: &MetricSettings) -> String {
    let part = |part: &Option<String>| part.clone().unwrap_or_default();
    let (instruction, description) =
        (part(&settings.system_instruction), part(&settings.description));
    let is_apart = instruction.ends_with(char::is_whitespace)
        || description.starts_with(char::is_whitespace)
        || instruction.is_empty()
        || description.is_empty();
    let delimiter = if is_apart { "" } else { settings.shot_delimiter() };
    instruction + delimiter + &description
}

/// Asks the model each of `questions`; gives the log-likelihoods of their choices.
///
/// # Errors
/// When there are no questions, one with a choice does not fit the model, or the model fails.
pub fn choose(
    ground: &mut Ground<'_, '_>,
    questions: &[Question],
    delimiter: Option<&str>,
) -> Result<Vec<Vec<f64>>, MeasureError> {
    if questions.is_empty() {
        return Err(ground.empty());
    }
    let (mut found, mut correct) = (Vec::new(), 0_usize);
    for (index, question) in questions.iter().enumerate() {
        let place = ground.row(index);
        let Question { prompt, choices, gold } = question;
        let continuations = choices.iter().map(|choice| {
            let text = delimited(prompt, choice, delimiter);
            let continuation = Continuation::new(ground.tokenizer, prompt, &text, &place)?;
            continuation.check(ground.model, &place)?;
            Ok::<_, MeasureError>(continuation)
        });
        let continuations = continuations.collect::<Result<Vec<_>, _>>()?;
        let likelihoods = log_likelihoods(ground.model, &continuations)?;
        let best = chosen(question, &likelihoods, Normalization::None);
        let is_right = gold.contains(&best);
        correct += usize::from(is_right);
        let texts = choices.iter().map(String::as_str);
        ground.records.push(&Record {
            metric: ground.metric,
            sub_types: &ground.sub_types,
            row: index + 1,
            prompt,
            expected: gold.first().map(|&gold| choices[gold].as_str()),
            got: Some(&choices[best]),
            score: f64::from(u8::from(is_right)),
            log_likelihoods: zip(texts, likelihoods.clone()).collect::<BTreeMap<_, _>>(),
        })?;
        found.push(likelihoods);
        let share = correct as f64 / (index + 1) as f64;
        ground.tell(("example", index + 1, questions.len()), &[("acc", share)])?;
    }
    Ok(found)
}

/// Share of `questions` whose likeliest choice is right, by the log-likelihoods of [`choose`].
pub fn share(
    questions: &[Question],
    likelihoods: &[Vec<f64>],
    normalization: Normalization,
) -> Figure {
    let is_right = |(question, likelihoods): &(&Question, &Vec<f64>)| {
        question.gold.contains(&chosen(question, likelihoods, normalization))
    };
    let right = zip(questions, likelihoods).filter(is_right).count();
    Figure::share(right, questions.len())
}

/// The likeliest choice, the first of equals.
fn chosen(question: &Question, likelihoods: &[f64], normalization: Normalization) -> usize {
    let length = |choice: &String| normalization.length(choice);
    let scores = zip(likelihoods, question.choices.iter().map(length));
    largest(&scores.map(|(likelihood, length)| likelihood / length).collect::<Vec<_>>())
}
