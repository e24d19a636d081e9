//! The tokenizer of a model folder.

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
    bos: Option<String>,
    eos: Option<String>,
    pad: Option<String>,
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
        let named = |key| configs.iter().find_map(|config| special_token(config, key));
        let (bos, eos, pad) = (named("bos_token"), named("eos_token"), named("pad_token"));
        Ok(Self { inner, bos, eos, pad })
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
        let texts = texts.iter().map(String::as_str).collect();
        let encodings = self.inner.encode_batch_fast::<&str>(texts, false);
        encodings
            .map(|all| all.iter().map(|encoding| encoding.get_ids().to_vec()).collect())
            .map_err(|source| TextError::Tokenize { action: "encode texts", source })
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
        match &self.bos {
            Some(bos) if !text.starts_with(bos.as_str()) => format!("{bos} {text}"),
            _ => text.to_owned(),
        }
    }

    /// Id of the token that ends a text.
    pub fn eos_id(&self) -> Option<u32> {
        self.inner.token_to_id(self.eos.as_deref()?)
    }

    /// Id of the token that fills a block.
    pub fn pad_id(&self) -> Option<u32> {
        self.inner.token_to_id(self.pad.as_deref()?)
    }

    /// The bos token, or `None` in letters, as Python prints what is missing.
    pub(crate) fn bos_text(&self) -> &str {
        self.bos.as_deref().unwrap_or("None")
    }

    /// The eos token, or `None` in letters.
    pub(crate) fn eos_text(&self) -> &str {
        self.eos.as_deref().unwrap_or("None")
    }
}

impl fmt::Debug for Tokenizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { inner, bos, eos, pad } = self;
        f.debug_struct("Tokenizer")
            .field("vocab_size", &inner.get_vocab_size(true))
            .field("bos", bos)
            .field("eos", eos)
            .field("pad", pad)
            .finish()
    }
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
fn special_token(config: &Json, key: &str) -> Option<String> {
    let token = config.get(key)?;
    let text = token.as_str().or_else(|| token.get("content")?.as_str())?;
    Some(text.to_owned())
}
