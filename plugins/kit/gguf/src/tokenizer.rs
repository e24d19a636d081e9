//! `tokenizer.json` and its companions from the tokenizer metadata of a GGUF file.
//!
//! Only byte-level BPE (`gpt2` in the metadata) is read: the vocabulary and merges are stored as
//! they are, and the way text is split before merging is known by name.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::error::GgufError;
use crate::gguf::metadata::Metadata;
use crate::gguf::{Gguf, StoredTensor};
use crate::plan::EMBEDDING;

/// Kind of a token that is never made of text, such as `<|im_end|>`.
const CONTROL: i128 = 3;
/// Kind of a token that text matches before it is split.
const USER_DEFINED: i128 = 4;
/// Kind of the token for what has no other.
const UNKNOWN: i128 = 2;

/// A byte-level BPE tokenizer.
#[derive(Debug)]
pub(crate) struct Tokenizer<'a> {
    tokens: Vec<&'a str>,
    /// One a token; empty when the file names none.
    kinds: Vec<i128>,
    merges: Vec<&'a str>,
    splits: Splits,
    bos: Option<u32>,
    eos: Option<u32>,
    pad: Option<u32>,
    unknown: Option<u32>,
    adds_bos: bool,
    adds_eos: bool,
    chat_template: Option<&'a str>,
}

/// How text is split before merging.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Splits {
    /// GPT-2's: words, numbers and signs with the space before them.
    Gpt2,
    /// GPT-2's, after every digit became a piece of its own.
    SingleDigits,
}

impl<'a> Tokenizer<'a> {
    /// Reads the tokenizer of `gguf`.
    ///
    /// # Errors
    /// When it is of another kind, splits text in an unknown way, or contradicts itself.
    pub(crate) fn read(gguf: &'a Gguf) -> Result<Self, GgufError> {
        let metadata = gguf.metadata();
        let kind = metadata.text("tokenizer.ggml.model")?;
        if kind != "gpt2" {
            let problem = format!("unknown tokenizer `{kind}`; known is gpt2 (byte-level BPE)");
            return Err(gguf.error(problem));
        }
        let kinds = metadata.optional_integers("tokenizer.ggml.token_type")?;
        let tokenizer = Self {
            tokens: metadata.texts("tokenizer.ggml.tokens")?,
            kinds: kinds.unwrap_or_default(),
            merges: metadata.texts("tokenizer.ggml.merges")?,
            splits: splits(metadata)?,
            bos: bos(metadata)?,
            eos: eos(metadata)?,
            pad: pad(metadata)?,
            unknown: metadata.token_id("tokenizer.ggml.unknown_token_id")?,
            adds_bos: metadata.flag("tokenizer.ggml.add_bos_token")?,
            adds_eos: metadata.flag("tokenizer.ggml.add_eos_token")?,
            chat_template: metadata.optional_text("tokenizer.chat_template")?,
        };
        let rows = gguf.tensor(EMBEDDING).map_or(usize::MAX, StoredTensor::num_rows);
        match tokenizer.contradiction(rows) {
            Some(problem) => Err(gguf.error(problem)),
            None => Ok(tokenizer),
        }
    }

    /// The content of `tokenizer.json`.
    pub(crate) fn json(&self) -> Map<String, Value> {
        let vocab = self.tokens.iter().zip(0_u32..);
        let vocab: Map<_, _> =
            vocab.map(|(&token, id)| (token.to_owned(), Value::from(id))).collect();
        let mut json = Map::new();
        json.insert("version".into(), "1.0".into());
        json.insert("truncation".into(), Value::Null);
        json.insert("padding".into(), Value::Null);
        json.insert("added_tokens".into(), self.added_tokens());
        json.insert("normalizer".into(), Value::Null);
        json.insert("pre_tokenizer".into(), self.splits.json());
        json.insert("post_processor".into(), self.post_processor());
        json.insert("decoder".into(), byte_level(true));
        let model = json!({
            "type": "BPE",
            "dropout": null,
            "unk_token": null,
            "continuing_subword_prefix": null,
            "end_of_word_suffix": null,
            "fuse_unk": false,
            "byte_fallback": false,
            "ignore_merges": false,
            "vocab": vocab,
            "merges": self.merges,
        });
        json.insert("model".into(), model);
        json
    }

    /// The content of `tokenizer_config.json` of a model for texts of `max_positions` tokens.
    pub(crate) fn settings(&self, max_positions: usize) -> Map<String, Value> {
        let settings = [
            ("add_prefix_space", Some(false.into())),
            ("bos_token", self.text(self.bos)),
            ("chat_template", self.chat_template.map(Value::from)),
            ("clean_up_tokenization_spaces", Some(false.into())),
            ("eos_token", self.text(self.eos)),
            ("model_max_length", Some(max_positions.into())),
            ("pad_token", self.text(self.pad)),
            ("tokenizer_class", Some("PreTrainedTokenizerFast".into())),
            ("unk_token", self.text(self.unknown)),
        ];
        present(settings)
    }

    /// The content of `generation_config.json`.
    pub(crate) fn generation_config(&self) -> Map<String, Value> {
        let id = |id: Option<u32>| id.map(Value::from);
        let settings = [
            ("bos_token_id", id(self.bos)),
            ("eos_token_id", id(self.eos)),
            ("pad_token_id", id(self.pad)),
        ];
        present(settings)
    }

    fn added_tokens(&self) -> Value {
        let kinds = self.tokens.iter().zip(&self.kinds).zip(0_u32..);
        let added = kinds.filter(|((_, kind), _)| [CONTROL, USER_DEFINED, UNKNOWN].contains(kind));
        let added = added.map(|((token, &kind), id)| {
            json!({
                "id": id,
                "content": token,
                "single_word": false,
                "lstrip": false,
                "rstrip": false,
                "normalized": false,
                "special": kind != USER_DEFINED,
            })
        });
        added.collect()
    }

    /// Puts bos and eos around a text where the file says so.
    fn post_processor(&self) -> Value {
        let special = |token: Option<&str>| {
            token.map(|token| json!({"SpecialToken": {"id": token, "type_id": 0}}))
        };
        let bos = self.bos.filter(|_| self.adds_bos).and_then(|id| self.token(id));
        let eos = self.eos.filter(|_| self.adds_eos).and_then(|id| self.token(id));
        if bos.is_none() && eos.is_none() {
            return Value::Null;
        }
        let sequence = |id: &str| json!({"Sequence": {"id": id, "type_id": 0}});
        let around = |id| [special(bos), Some(sequence(id)), special(eos)].into_iter().flatten();
        let ids = [(bos, self.bos), (eos, self.eos)].into_iter();
        let specials = ids.filter_map(|(token, id)| {
            let token = token?;
            Some((token.to_owned(), json!({"id": token, "ids": [id], "tokens": [token]})))
        });
        json!({
            "type": "TemplateProcessing",
            "single": around("A").collect::<Vec<_>>(),
            "pair": around("A").chain(around("B")).collect::<Vec<_>>(),
            "special_tokens": specials.collect::<Map<_, _>>(),
        })
    }

    fn token(&self, id: u32) -> Option<&'a str> {
        self.tokens.get(id as usize).copied()
    }

    fn text(&self, id: Option<u32>) -> Option<Value> {
        id.and_then(|id| self.token(id)).map(Value::from)
    }

    /// The first thing about the tokenizer that cannot be, beside an embedding of so many rows.
    fn contradiction(&self, embedding_rows: usize) -> Option<String> {
        let count = self.tokens.len();
        if count > embedding_rows {
            let problem = format!("but the embedding has only {embedding_rows} rows");
            return Some(format!("there are {count} tokens, {problem}"));
        }
        if !self.kinds.is_empty() && self.kinds.len() != count {
            return Some(format!("there are {count} tokens, but {} token types", self.kinds.len()));
        }
        let mut seen = BTreeSet::new();
        if let Some(twice) = self.tokens.iter().find(|token| !seen.insert(**token)) {
            return Some(format!("token `{twice}` is listed twice"));
        }
        let ids = [self.bos, self.eos, self.pad, self.unknown].into_iter().flatten();
        if let Some(id) = ids.into_iter().find(|id| self.token(*id).is_none()) {
            return Some(format!("token id {id} is named, but there are only {count} tokens"));
        }
        let lost = self.merges.iter().find(|merge| match merge.split_once(' ') {
            Some((left, right)) => !seen.contains(left) || !seen.contains(right),
            None => true,
        });
        lost.map(|merge| format!("merge `{merge}` does not join two tokens"))
    }
}

impl Splits {
    fn json(self) -> Value {
        match self {
            Self::Gpt2 => byte_level(false),
            Self::SingleDigits => json!({
                "type": "Sequence",
                "pretokenizers": [
                    {"type": "Digits", "individual_digits": true},
                    byte_level(false),
                ],
            }),
        }
    }
}

/// Beginning-of-sequence token.
pub(crate) fn bos(metadata: &Metadata) -> Result<Option<u32>, GgufError> {
    metadata.token_id("tokenizer.ggml.bos_token_id")
}

/// End-of-sequence token.
pub(crate) fn eos(metadata: &Metadata) -> Result<Option<u32>, GgufError> {
    metadata.token_id("tokenizer.ggml.eos_token_id")
}

/// Padding token; the end of a sequence pads where there is no other.
pub(crate) fn pad(metadata: &Metadata) -> Result<Option<u32>, GgufError> {
    let pad = metadata.token_id("tokenizer.ggml.padding_token_id")?;
    if pad.is_some() { Ok(pad) } else { eos(metadata) }
}

fn splits(metadata: &Metadata) -> Result<Splits, GgufError> {
    match metadata.text("tokenizer.ggml.pre")? {
        "gpt-2" => Ok(Splits::Gpt2),
        "smollm" => Ok(Splits::SingleDigits),
        other => {
            let problem = format!("unknown pre-tokenizer `{other}`; known are gpt-2, smollm");
            Err(metadata.error(problem))
        }
    }
}

fn byte_level(add_prefix_space: bool) -> Value {
    json!({
        "type": "ByteLevel",
        "add_prefix_space": add_prefix_space,
        "trim_offsets": true,
        "use_regex": true,
    })
}

fn present<const N: usize>(settings: [(&str, Option<Value>); N]) -> Map<String, Value> {
    let settings = settings.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?)));
    settings.collect()
}
