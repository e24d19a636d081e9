//! The tokenizer of a model folder.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::Path;

use serde_json::Value as Json;

use crate::error::TextError;

/// The tokenizer of a model folder: `tokenizer.json` with the names of its special tokens.
///
/// It inserts no special tokens, truncates and pads nothing; special tokens written in a text
/// become their ids.
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    /// All special tokens that have a name, such as `bos_token`, by that name.
    special_tokens: BTreeMap<&'static str, String>,
    pads_left: bool,
    chat_template: Option<String>,
}

/// Names of special tokens that have one.
const SPECIAL_TOKENS: [&str; 7] =
    ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];

/// Bytes of text that are encoded at once: until ids are taken out of it, an encoding is a hundred
/// bytes a token.
const PORTION: usize = 1 << 18;

/// Tokens of a text, and the bytes of it that each stands for.
pub(crate) struct Encoded {
    pub(crate) ids: Vec<u32>,
    pub(crate) bytes: Vec<(usize, usize)>,
}

impl Tokenizer {
    /// Opens the tokenizer in `folder`.
    ///
    /// Special tokens are named by `tokenizer_config.json`, or by `special_tokens_map.json` where
    /// that is silent; both files may be missing.
    ///
    /// # Errors
    /// When there is no `tokenizer.json` or a file cannot be understood.
    pub fn open(folder: &Path) -> Result<Self, TextError> {
        let path = folder.join("tokenizer.json");
        let Some(bytes) = read(&path)? else {
            return Err(TextError::NoTokenizer { folder: folder.to_path_buf() });
        };
        let refused = |source| TextError::Tokenizer { path: path.clone(), source };
        let mut inner = tokenizers::Tokenizer::from_bytes(bytes).map_err(refused)?;
        inner.with_truncation(None).map_err(refused)?;
        inner.with_padding(None);
        let configs = [
            json(&folder.join("tokenizer_config.json"))?,
            json(&folder.join("special_tokens_map.json"))?,
        ];
        let named = |key| configs.iter().find_map(|config| written_token(config, key));
        let special_tokens: BTreeMap<_, _> =
            SPECIAL_TOKENS.into_iter().filter_map(|key| Some((key, named(key)?))).collect();
        Ok(Self {
            inner,
            special_tokens,
            pads_left: configs[0].get("padding_side").and_then(Json::as_str) == Some("left"),
            chat_template: chat_template(folder, &configs[0])?,
        })
    }

    /// Token ids of `text`.
    ///
    /// # Errors
    /// When the tokenizer refuses the text.
    pub fn encode_plain(&self, text: &str) -> Result<Vec<u32>, TextError> {
        let encoding = self.inner.encode_fast(text, false);
        encoding
            .map(|encoding| encoding.get_ids().to_vec())
            .map_err(|source| TextError::Tokenize { action: "encode a text", source })
    }

    /// Token ids of each of `texts`, computed in parallel.
    ///
    /// # Errors
    /// When the tokenizer refuses a text.
    pub fn encode_batch(&self, texts: &[String]) -> Result<Vec<Vec<u32>>, TextError> {
        let mut encoded = Vec::with_capacity(texts.len());
        for texts in portions(texts) {
            let texts = texts.iter().map(String::as_str).collect();
            let encodings = self.inner.encode_batch_fast::<&str>(texts, false);
            let encodings = encodings
                .map_err(|source| TextError::Tokenize { action: "encode texts", source })?;
            encoded.extend(encodings.iter().map(|encoding| encoding.get_ids().to_vec()));
        }
        Ok(encoded)
    }

    /// Token ids of each of `texts` with their places, computed in parallel.
    ///
    /// # Errors
    /// When the tokenizer refuses a text.
    pub(crate) fn encode_placed(&self, texts: &[&str]) -> Result<Vec<Encoded>, TextError> {
        let mut encoded = Vec::with_capacity(texts.len());
        for texts in portions(texts) {
            let encodings = self.inner.encode_batch::<&str>(texts.to_vec(), false);
            let encodings = encodings
                .map_err(|source| TextError::Tokenize { action: "encode texts", source })?;
            encoded.extend(encodings.iter().map(|encoding| Encoded {
                ids: encoding.get_ids().to_vec(),
                bytes: encoding.get_offsets().to_vec(),
            }));
        }
        Ok(encoded)
    }

    /// Text of `tokens`, special tokens included.
    ///
    /// # Errors
    /// When the tokenizer's decoder fails.
    pub fn decode_all(&self, tokens: &[u32]) -> Result<String, TextError> {
        let text = self.inner.decode(tokens, false);
        text.map_err(|source| TextError::Tokenize { action: "decode tokens", source })
    }

    /// Text of `tokens`, without special tokens.
    ///
    /// # Errors
    /// When the tokenizer's decoder fails.
    pub fn decode(&self, tokens: &[u32]) -> Result<String, TextError> {
        let text = self.inner.decode(tokens, true);
        text.map_err(|source| TextError::Tokenize { action: "decode tokens", source })
    }

    /// `text` after the bos token and a space, as texts with `add_special_tokens` begin; `text`
    /// itself when the tokenizer has no bos token or the text starts with it.
    pub fn with_bos(&self, text: &str) -> String {
        match self.special_token("bos_token") {
            Some(bos) if !text.starts_with(bos) => format!("{bos} {text}"),
            _ => text.to_owned(),
        }
    }

    /// Id of the token that ends a text.
    pub fn eos_id(&self) -> Option<u32> {
        self.inner.token_to_id(self.special_token("eos_token")?)
    }

    /// Id of the token that fills a block.
    pub fn pad_id(&self) -> Option<u32> {
        self.inner.token_to_id(self.special_token("pad_token")?)
    }

    /// Special tokens that have a name, such as `bos_token`, by that name.
    pub(crate) fn special_tokens(&self) -> &BTreeMap<&'static str, String> {
        &self.special_tokens
    }

    /// Whether the tokenizer's own padding stands before a text.
    pub(crate) fn pads_left(&self) -> bool {
        self.pads_left
    }

    /// The Jinja template that makes text of a chat.
    pub(crate) fn chat_template(&self) -> Option<&str> {
        self.chat_template.as_deref()
    }

    /// The bos token, or `None` in letters, as Python prints what is missing.
    pub(crate) fn bos_text(&self) -> &str {
        self.special_token("bos_token").unwrap_or("None")
    }

    /// The eos token, or `None` in letters.
    pub(crate) fn eos_text(&self) -> &str {
        self.special_token("eos_token").unwrap_or("None")
    }

    fn special_token(&self, name: &str) -> Option<&str> {
        self.special_tokens.get(name).map(String::as_str)
    }
}

impl fmt::Debug for Tokenizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokenizer")
            .field("vocab_size", &self.inner.get_vocab_size(true))
            .field("special_tokens", &self.special_tokens)
            .finish_non_exhaustive()
    }
}

/// `texts` in neighboring portions of about [`PORTION`] bytes.
fn portions<T: AsRef<str>>(texts: &[T]) -> impl Iterator<Item = &[T]> {
    let mut bytes = 0;
    texts.chunk_by(move |text, _| {
        bytes += text.as_ref().len();
        let fits = bytes < PORTION;
        bytes = if fits { bytes } else { 0 };
        fits
    })
}

/// The bytes of a file, unless it does not exist.
fn read(path: &Path) -> Result<Option<Vec<u8>>, TextError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(source) if source.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(TextError::Read { path: path.to_path_buf(), source }),
    }
}

fn json(path: &Path) -> Result<Json, TextError> {
    let Some(bytes) = read(path)? else { return Ok(Json::Null) };
    serde_json::from_slice(&bytes)
        .map_err(|source| TextError::Tokenizer { path: path.to_path_buf(), source: source.into() })
}

/// A special token, written as a string or as an object with `content`.
fn written_token(config: &Json, key: &str) -> Option<String> {
    let token = config.get(key)?;
    let text = token.as_str().or_else(|| token.get("content")?.as_str())?;
    Some(text.to_owned())
}

/// `chat_template.jinja`, else `chat_template` of `tokenizer_config.json`, which is a template or a
/// list of named ones, of which `default` is meant.
fn chat_template(folder: &Path, config: &Json) -> Result<Option<String>, TextError> {
    let path = folder.join("chat_template.jinja");
    if let Some(bytes) = read(&path)? {
        let text = String::from_utf8(bytes);
        return text
            .map(Some)
            .map_err(|source| TextError::Tokenizer { path, source: source.into() });
    }
    let template = config.get("chat_template").and_then(|template| match template {
        Json::Array(named) => named
            .iter()
            .find(|template| template.get("name").is_some_and(|name| name == "default"))?
            .get("template"),
        template => Some(template),
    });
    Ok(template.and_then(Json::as_str).map(str::to_owned))
}
