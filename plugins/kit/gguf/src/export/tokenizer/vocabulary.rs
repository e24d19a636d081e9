//! Tokens of a BPE tokenizer, one a row of the embedding.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

const NORMAL: i32 = 1;
const UNKNOWN: i32 = 2;
const CONTROL: i32 = 3;
const USER_DEFINED: i32 = 4;
/// A row of the embedding without a token.
const UNUSED: i32 = 5;
const BYTE: i32 = 6;

/// Tokens of a BPE tokenizer.
#[derive(Debug)]
pub(super) struct Vocabulary {
    /// One a row of the embedding.
    pub(super) tokens: Vec<String>,
    /// Kind of each token, as llama.cpp numbers them.
    pub(super) kinds: Vec<i32>,
    /// Pairs that are joined, first ones first, with a space between.
    pub(super) merges: Vec<String>,
    /// Whether bytes that no token has become tokens of their own, such as `<0x0A>`.
    pub(super) has_byte_tokens: bool,
    ids: BTreeMap<String, u32>,
}

impl Vocabulary {
    /// The vocabulary of `tokenizer`, filled up to `num_rows`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn parse(tokenizer: &Map<String, Value>, num_rows: usize) -> Result<Self, String> {
        let model = tokenizer.get("model").unwrap_or(&Value::Null);
        let kind = model.get("type").and_then(Value::as_str).unwrap_or("(none given)");
        if kind != "BPE" {
            return Err(format!("its model is `{kind}`; BPE is written"));
        }
        let vocab = model.get("vocab").and_then(Value::as_object);
        let vocab = vocab.ok_or("its model has no `vocab`")?;
        let has_byte_tokens = model.get("byte_fallback").and_then(Value::as_bool) == Some(true);
        let mut vocabulary = Self::unused(num_rows, has_byte_tokens);
        let unknown = model.get("unk_token").and_then(Value::as_str);
        for (token, id) in vocab {
            let kind = if Some(token.as_str()) == unknown {
                UNKNOWN
            } else if has_byte_tokens && is_byte(token) {
                BYTE
            } else {
                NORMAL
            };
            vocabulary.set(token, id, kind)?;
        }
        let added = tokenizer.get("added_tokens").and_then(Value::as_array);
        for token in added.into_iter().flatten() {
            vocabulary.add(token, unknown)?;
        }
        let merges = model.get("merges").and_then(Value::as_array).into_iter().flatten();
        vocabulary.merges = merges.map(merge).collect::<Option<_>>().ok_or("a merge is no pair")?;
        Ok(vocabulary)
    }

    /// The id of `token`, if there is one.
    pub(super) fn id(&self, token: &str) -> Option<u32> {
        self.ids.get(token).copied()
    }

    /// The token for what has no other.
    pub(super) fn unknown(&self) -> Option<u32> {
        let position = self.kinds.iter().position(|kind| *kind == UNKNOWN)?;
        u32::try_from(position).ok()
    }

    /// Scores by which llama.cpp merges: those of earlier merges are higher, those of tokens that
    /// no merge makes are zero.
    pub(super) fn scores(&self) -> Vec<f32> {
        let mut scores = vec![None; self.tokens.len()];
        let mut rank = 0.0_f32;
        for merge in &self.merges {
            let Some(id) = self.id(&merge.replacen(' ', "", 1)) else { continue };
            let score = &mut scores[id as usize];
            if score.is_none() {
                rank += 1.0;
                *score = Some(-rank);
            }
        }
        scores.into_iter().map(|score| score.unwrap_or(0.0)).collect()
    }

    fn unused(num_rows: usize, has_byte_tokens: bool) -> Self {
        Self {
            tokens: (0..num_rows).map(|id| format!("[PAD{id}]")).collect(),
            kinds: vec![UNUSED; num_rows],
            merges: Vec::new(),
            has_byte_tokens,
            ids: BTreeMap::new(),
        }
    }

    fn set(&mut self, token: &str, id: &Value, kind: i32) -> Result<(), String> {
        let num_rows = self.tokens.len();
        let id = id.as_u64().and_then(|id| u32::try_from(id).ok());
        let id = id.ok_or_else(|| format!("token `{token}` has no id"))?;
        if id as usize >= num_rows {
            let problem = "but the embedding has only";
            return Err(format!("token `{token}` has id {id}, {problem} {num_rows} rows"));
        }
        token.clone_into(&mut self.tokens[id as usize]);
        self.kinds[id as usize] = kind;
        self.ids.insert(token.to_owned(), id);
        Ok(())
    }

    fn add(&mut self, token: &Value, unknown: Option<&str>) -> Result<(), String> {
        let content = token.get("content").and_then(Value::as_str);
        let content = content.ok_or("an entry of `added_tokens` has no `content`")?;
        let is_special = token.get("special").and_then(Value::as_bool) == Some(true);
        let kind = if Some(content) == unknown {
            UNKNOWN
        } else if is_special {
            CONTROL
        } else {
            USER_DEFINED
        };
        self.set(content, token.get("id").unwrap_or(&Value::Null), kind)
    }
}

/// A merge, which newer files write as a list of two.
fn merge(merge: &Value) -> Option<String> {
    match merge {
        Value::String(text) => text.contains(' ').then(|| text.clone()),
        Value::Array(pair) => match pair.as_slice() {
            [Value::String(left), Value::String(right)] => Some(format!("{left} {right}")),
            _ => None,
        },
        _ => None,
    }
}

/// Whether a token stands for a byte: `<0x0A>`.
fn is_byte(token: &str) -> bool {
    let digits = token.strip_prefix("<0x").and_then(|rest| rest.strip_suffix('>'));
    digits.is_some_and(|digits| digits.len() == 2 && u8::from_str_radix(digits, 16).is_ok())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pieces() -> Value {
        json!({
            "added_tokens": [
                {"id": 0, "content": "<unk>", "special": true},
                {"id": 1, "content": "<s>", "special": true},
                {"id": 7, "content": "<tool>", "special": false},
            ],
            "model": {
                "type": "BPE",
                "byte_fallback": true,
                "unk_token": "<unk>",
                "vocab": {"<unk>": 0, "<s>": 1, "<0x0A>": 2, "ab": 3, "abc": 4, "a": 5, "b": 6},
                "merges": [["a", "b"], "ab c"],
            },
        })
    }

    #[test]
    fn kinds_and_scores_are_those_of_sentencepiece() {
        let vocabulary = Vocabulary::parse(pieces().as_object().unwrap(), 9).unwrap();
        let expected =
            [UNKNOWN, CONTROL, BYTE, NORMAL, NORMAL, NORMAL, NORMAL, USER_DEFINED, UNUSED];
        assert_eq!(vocabulary.kinds, expected);
        assert_eq!(vocabulary.scores(), [0.0, 0.0, 0.0, -1.0, -2.0, 0.0, 0.0, 0.0, 0.0]);
        assert_eq!(vocabulary.tokens[8], "[PAD8]");
        assert_eq!((vocabulary.id("<s>"), vocabulary.unknown()), (Some(1), Some(0)));
    }

    #[test]
    fn what_is_no_bpe_vocabulary_is_refused() {
        let rows = [
            ("/model/type", json!("Unigram"), "its model is `Unigram`; BPE is written"),
            ("/model/vocab", json!(3), "its model has no `vocab`"),
            ("/model/vocab/a", json!("x"), "token `a` has no id"),
            ("/model/vocab/a", json!(9), "token `a` has id 9, but the embedding has only 9 rows"),
            ("/model/merges", json!(["ab"]), "a merge is no pair"),
            ("/added_tokens", json!([{"id": 1}]), "an entry of `added_tokens` has no `content`"),
        ];
        for (place, value, problem) in rows {
            let mut tokenizer = pieces();
            *tokenizer.pointer_mut(place).unwrap() = value;
            let found = Vocabulary::parse(tokenizer.as_object().unwrap(), 9);
            assert_eq!(found.unwrap_err(), problem, "{place}");
        }
    }
}
