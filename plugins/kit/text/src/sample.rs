//! Rows as text, and that text as tokens.

use std::ops::Range;

use olive_schemas::data::{ChatTemplate, DatasetType, PreProcess};

use crate::chat::Chat;
use crate::error::TextError;
use crate::marked::Marked;
use crate::pair::Pair;
use crate::rows::Row;
use crate::template::{Template, required};
use crate::tokenizer::{Encoded, Tokenizer};
use crate::tokens::Tokens;

/// The text of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Sample {
    /// One text.
    Text(Marked),
    /// An input and its output, which become tokens each on its own.
    Pair {
        /// What is given.
        source: String,
        /// What is to be answered.
        target: String,
    },
}

impl Sample {
    /// The whole text.
    pub(crate) fn into_text(self) -> String {
        match self {
            Self::Text(marked) => marked.text,
            Self::Pair { source, target } => source + &target,
        }
    }

    fn is_empty(&self) -> bool {
        match self {
            Self::Text(marked) => marked.text.is_empty(),
            Self::Pair { source, target } => source.is_empty() && target.is_empty(),
        }
    }
}

/// How the text of a row is made.
pub(crate) struct Renderer<'a> {
    tokenizer: &'a Tokenizer,
    settings: &'a PreProcess,
    form: Form<'a>,
}

enum Form<'a> {
    Chat(Box<Chat<'a>>),
    Pair(Pair<'a>),
    Template(Template),
    /// A prompt and its answer.
    Example(Template, Template),
    Columns(&'a [String]),
}

impl<'a> Renderer<'a> {
    /// What `settings` ask for.
    ///
    /// # Errors
    /// When they ask for nothing, or a template cannot be understood.
    pub(crate) fn new(
        tokenizer: &'a Tokenizer,
        settings: &'a PreProcess,
    ) -> Result<Self, TextError> {
        let form = if settings.dataset_type == DatasetType::Pair {
            Form::Pair(Pair::new(settings)?)
        } else {
            text_form(tokenizer, settings)?
        };
        Ok(Self { tokenizer, settings, form })
    }

    /// The text of `row`; `None` when it is empty, special tokens included.
    ///
    /// # Errors
    /// When the row does not fit the settings.
    pub(crate) fn render(&self, row: &Row) -> Result<Option<Sample>, TextError> {
        let plain = |text| Marked { text, trained: None };
        let sample = match &self.form {
            Form::Chat(chat) => Sample::Text(chat.render(row)?),
            Form::Pair(pair) => {
                let (source, target) = pair.fill(row)?;
                self.bounded_pair(source, target)
            }
            Form::Template(template) => self.bounded(plain(template.fill(row)?)),
            Form::Example(prompt, answer) => {
                let (prompt, answer) = (prompt.fill(row)?, answer.fill(row)?);
                let answer_bytes = prompt.len()..prompt.len() + answer.len();
                let trained = self.settings.completion_only_loss.then(|| vec![answer_bytes]);
                self.bounded(Marked { text: prompt + &answer, trained })
            }
            Form::Columns(columns) => {
                let texts = columns.iter().map(|column| row.text(column));
                self.bounded(plain(texts.collect::<Result<Vec<_>, _>>()?.join(" ")))
            }
        };
        Ok(Some(sample).filter(|sample| !sample.is_empty()))
    }

    /// The text between special tokens when they are added; the last one belongs to what is
    /// trained at the end of the text.
    fn bounded(&self, marked: Marked) -> Sample {
        if !self.settings.add_special_tokens {
            return Sample::Text(marked);
        }
        let Marked { text, trained } = marked;
        let before = format!("{} ", self.tokenizer.bos_text());
        let after = format!(" {}", self.tokenizer.eos_text());
        let moved = |range: Range<usize>| {
            let end = if range.end == text.len() { range.end + after.len() } else { range.end };
            before.len() + range.start..before.len() + end
        };
        let trained = trained.map(|ranges| ranges.into_iter().map(moved).collect());
        Sample::Text(Marked { text: before + &text + &after, trained })
    }

    fn bounded_pair(&self, source: String, target: String) -> Sample {
        if !self.settings.add_special_tokens {
            return Sample::Pair { source, target };
        }
        Sample::Pair {
            source: format!("{} {source}", self.tokenizer.bos_text()),
            target: format!("{target} {}", self.tokenizer.eos_text()),
        }
    }

    /// Tokens of each of `samples`, in their order.
    ///
    /// # Errors
    /// When the tokenizer refuses one.
    pub(crate) fn tokenize(&self, samples: Vec<Sample>) -> Result<Vec<Tokens>, TextError> {
        if matches!(self.form, Form::Pair(_)) {
            return self.tokenize_pairs(samples);
        }
        let is_marked =
            |sample: &Sample| matches!(sample, Sample::Text(Marked { trained: Some(_), .. }));
        if !samples.iter().any(is_marked) {
            let texts: Vec<_> = samples.into_iter().map(Sample::into_text).collect();
            let ids = self.tokenizer.encode_batch(&texts)?;
            return Ok(ids.into_iter().map(|ids| Tokens { ids, trained: None }).collect());
        }
        let marked = samples.iter().filter_map(|sample| match sample {
            Sample::Text(marked) => Some(marked),
            Sample::Pair { .. } => None,
        });
        let marked: Vec<_> = marked.collect();
        let texts: Vec<_> = marked.iter().map(|marked| marked.text.as_str()).collect();
        let encoded = self.tokenizer.encode_placed(&texts)?;
        Ok(encoded
            .into_iter()
            .zip(marked)
            .map(|(encoded, marked)| trained(encoded, marked))
            .collect())
    }

    /// Source and target of a pair become tokens apart, each cut at its own length.
    fn tokenize_pairs(&self, samples: Vec<Sample>) -> Result<Vec<Tokens>, TextError> {
        let (mut sources, mut targets) = (Vec::new(), Vec::new());
        for sample in samples {
            if let Sample::Pair { source, target } = sample {
                sources.push(source);
                targets.push(target);
            }
        }
        let sources = self.tokenizer.encode_batch(&sources)?;
        let targets = self.tokenizer.encode_batch(&targets)?;
        let limit = |limit: Option<usize>| limit.unwrap_or(usize::MAX);
        let pairs = sources.into_iter().zip(targets).map(|(mut source, mut target)| {
            source.truncate(limit(self.settings.source_max_len));
            target.truncate(limit(self.settings.target_max_len));
            let mut tokens = Tokens::default();
            tokens.extend(&source, !self.settings.ignore_source_in_labels);
            tokens.extend(&target, true);
            tokens
        });
        Ok(pairs.collect())
    }
}

fn text_form<'a>(
    tokenizer: &'a Tokenizer,
    settings: &'a PreProcess,
) -> Result<Form<'a>, TextError> {
    let is_chat = settings.chat_template.as_ref().is_some_and(|template| match template {
        ChatTemplate::Own(is_own) => *is_own,
        ChatTemplate::Jinja(template) => !template.is_empty(),
    });
    if is_chat {
        return Ok(Form::Chat(Box::new(Chat::new(tokenizer, settings)?)));
    }
    let example = || {
        let prompt = required(settings.prompt_template.as_deref(), "`prompt_template`")?;
        let answer = required(settings.answer_template.as_deref(), "`answer_template`")?;
        Ok(Form::Example(prompt, answer))
    };
    if settings.completion_only_loss {
        return example();
    }
    match (&settings.text_template, settings.text_cols.as_slice()) {
        (Some(template), _) => Ok(Form::Template(Template::parse(template)?)),
        (None, []) if settings.prompt_template.is_some() && settings.answer_template.is_some() => {
            example()
        }
        (None, []) => Err(TextError::NoTemplate {
            wanted: "`text_template`, `text_cols`, `chat_template` or `prompt_template` with \
                     `answer_template`",
        }),
        (None, columns) => Ok(Form::Columns(columns)),
    }
}

/// A token is trained when any byte it stands for is.
fn trained(encoded: Encoded, marked: &Marked) -> Tokens {
    let trained = marked.trained.as_ref().map(|ranges| {
        let is_trained = |&(start, end): &(usize, usize)| {
            ranges.iter().any(|range| start < range.end && end > range.start)
        };
        encoded.bytes.iter().map(is_trained).collect()
    });
    Tokens { ids: encoded.ids, trained }
}
