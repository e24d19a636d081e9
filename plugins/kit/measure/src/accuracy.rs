//! Metrics of quality: which of their figures are measured together, and on what of the data.

use olive_kit_text::delimited;
use olive_schemas::metric::{Metric, SubMetric};

use crate::classification::{Labels, classify, figure};
use crate::comparison::{Predicted, kl_divergence, token_match};
use crate::data::Dataset;
use crate::error::{MeasureError, ModelError};
use crate::exact_match::exact_match;
use crate::ground::Ground;
use crate::likelihood::Continuation;
use crate::model::LanguageModel;
use crate::multiple_choice::{Normalization, asking, choose, share, told};
use crate::perplexity::perplexity;
use crate::uncertainty::Figure;

/// Makes the reference model of a metric ready to run.
pub(crate) type OpenReference<'a> = dyn FnMut() -> Result<Box<dyn LanguageModel>, ModelError> + 'a;

/// What figures have in common that one walk over the data gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Walk {
    ExactMatch,
    Perplexity,
    Classification,
    MultipleChoice,
    TokenMatch,
    KlDivergence,
}

/// The figures of `metric`, one for each of its sub-types.
///
/// # Errors
/// When the data does not fit a figure, or the model fails.
pub(crate) fn accuracy(
    metric: &Metric,
    data: &Dataset<'_>,
    ground: &mut Ground<'_, '_>,
    open_reference: &mut OpenReference<'_>,
) -> Result<Vec<Figure>, MeasureError> {
    let mut figures = vec![Figure::plain(0.0); metric.sub_types.len()];
    let mut walks: Vec<Walk> = Vec::new();
    for walk in metric.sub_types.iter().map(Walk::of) {
        if !walks.contains(&walk) {
            walks.push(walk);
        }
    }
    for walk in walks {
        let all = metric.sub_types.iter().enumerate();
        let (places, subs): (Vec<_>, Vec<&SubMetric>) =
            all.filter(|(_, sub)| Walk::of(sub) == walk).unzip();
        ground.sub_types = subs.iter().map(|sub| sub.name.clone()).collect();
        let found = walk.figures(metric, &subs, data, ground, open_reference)?;
        for (place, figure) in places.into_iter().zip(found) {
            figures[place] = figure;
        }
    }
    Ok(figures)
}

impl Walk {
    fn of(sub: &SubMetric) -> Self {
        match sub.name.as_str() {
            "perplexity" => Self::Perplexity,
            "acc" | "acc_norm" | "acc_bytes" => Self::MultipleChoice,
            "token_match" => Self::TokenMatch,
            "kl_divergence" => Self::KlDivergence,
            _ if sub.is_of_classification() => Self::Classification,
            _ => Self::ExactMatch,
        }
    }

    /// The figures `subs` of this walk.
    fn figures(
        self,
        metric: &Metric,
        subs: &[&SubMetric],
        data: &Dataset<'_>,
        ground: &mut Ground<'_, '_>,
        open_reference: &mut OpenReference<'_>,
    ) -> Result<Vec<Figure>, MeasureError> {
        let settings = &metric.user_config;
        let (tokenizer, limit) = (ground.tokenizer, settings.max_new_tokens);
        let same = |figure| vec![figure; subs.len()];
        Ok(match self {
            Self::ExactMatch => same(exact_match(ground, &data.examples(tokenizer)?, limit)?),
            Self::Perplexity => same(perplexity(ground, &data.texts(tokenizer)?)?),
            Self::Classification => classification(metric, subs, data, ground)?,
            Self::MultipleChoice => {
                let told = told(settings);
                let asking = asking(settings, &told);
                let questions = data.questions(tokenizer, &asking)?;
                let found = choose(ground, &questions, asking.choice_delimiter())?;
                let figure =
                    |sub: &&SubMetric| share(&questions, &found, Normalization::of(&sub.name));
                subs.iter().map(figure).collect()
            }
            Self::TokenMatch => {
                let mut reference = open_reference().map_err(MeasureError::Reference)?;
                let prompts = data.prompts(tokenizer)?;
                same(token_match(ground, &mut *reference, &prompts, limit)?)
            }
            Self::KlDivergence => {
                let mut reference = open_reference().map_err(MeasureError::Reference)?;
                let texts = predicted(metric, data, ground)?;
                same(kl_divergence(ground, &mut *reference, &texts)?)
            }
        })
    }
}

fn classification(
    metric: &Metric,
    subs: &[&SubMetric],
    data: &Dataset<'_>,
    ground: &mut Ground<'_, '_>,
) -> Result<Vec<Figure>, MeasureError> {
    let settings = &metric.user_config;
    let examples = data.examples(ground.tokenizer)?;
    let labels = if settings.labels.is_empty() {
        Labels::of(&metric.name, &data.all_examples(ground.tokenizer)?)?
    } else {
        Labels::named(&settings.labels)
    };
    let targets = labels.of_rows(&metric.name, &examples, |row| data.place(row))?;
    let delimiter = settings.target_delimiter.as_deref();
    let predictions = classify(ground, &examples, targets, labels.as_slice(), delimiter)?;
    subs.iter().map(|sub| figure(&metric.name, sub, &predictions)).collect()
}

/// What is predicted of each row: its answer, or all but the first token of its text where it is no
/// prompt with an answer.
fn predicted(
    metric: &Metric,
    data: &Dataset<'_>,
    ground: &Ground<'_, '_>,
) -> Result<Vec<Predicted>, MeasureError> {
    let tokenizer = ground.tokenizer;
    if !data.has_prompts() {
        let texts = data.texts(tokenizer)?.into_iter().enumerate().map(|(index, answer)| {
            let tokens = tokenizer.encode_plain(&answer)?;
            if tokens.len() < 2 {
                return Err(MeasureError::Empty { what: ground.row(index) });
            }
            let tokens = Continuation { tokens, given: 1 };
            Ok(Predicted { prompt: String::new(), tokens, answer })
        });
        return texts.collect();
    }
    let delimiter = metric.user_config.target_delimiter.as_deref();
    let examples = data.examples(tokenizer)?.into_iter().enumerate();
    let predicted = examples.map(|(index, example)| {
        let answer = delimited(&example.prompt, &example.answer, delimiter);
        let tokens = Continuation::new(tokenizer, &example.prompt, &answer, &ground.row(index))?;
        Ok(Predicted { prompt: example.prompt, tokens, answer })
    });
    predicted.collect()
}
