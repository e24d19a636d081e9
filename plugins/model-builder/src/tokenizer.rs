//! The tokenizer: its special tokens, and its files as ONNX Runtime GenAI wants them.

use std::path::{Path, PathBuf};

use olive_kit_checkpoint::files;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::error::BuildError;
use crate::text::{read_json, read_json_or_default, write_text};

const FILE: &str = "tokenizer.json";
const CONFIG: &str = "tokenizer_config.json";
const SPECIAL_TOKENS: &str = "special_tokens_map.json";
const CHAT_TEMPLATE: &str = "chat_template.jinja";

/// A model folder's tokenizer.
#[derive(Debug)]
pub(crate) struct Tokenizer {
    dir: PathBuf,
    config: Map<String, Value>,
    special_tokens: Map<String, Value>,
    added_tokens: Vec<AddedToken>,
}

impl Tokenizer {
    /// Reads the tokenizer of the model in `dir`.
    ///
    /// # Errors
    /// When there is no `tokenizer.json` or a file is damaged.
    pub(crate) fn read(dir: &Path) -> Result<Self, BuildError> {
        let path = dir.join(FILE);
        if !path.is_file() {
            return Err(BuildError::TokenizerMissing(dir.to_owned()));
        }
        let file: TokenizerFile = read_json(&path)?;
        Ok(Self {
            dir: dir.to_owned(),
            config: read_json_or_default(&dir.join(CONFIG))?,
            special_tokens: read_json_or_default(&dir.join(SPECIAL_TOKENS))?,
            added_tokens: file.added_tokens,
        })
    }

    /// The id of the special token under `key`, such as `eos_token`.
    pub(crate) fn special_token_id(&self, key: &str) -> Option<u32> {
        let declared = [&self.config, &self.special_tokens].map(|map| map.get(key).and_then(text));
        let content = declared.into_iter().flatten().next()?;
        let token = self.added_tokens.iter().find(|token| token.content == content);
        token.map(|token| token.id)
    }

    /// Writes the tokenizer's files into `to`.
    ///
    /// `model_max_length` becomes `context_length`, and a chat template moves out of the config into
    /// a file of its own.
    ///
    /// # Errors
    /// When a file cannot be copied or written.
    pub(crate) fn write(&self, context_length: usize, to: &Path) -> Result<(), BuildError> {
        for name in files::TOKENIZER_FILES.into_iter().filter(|&name| name != CONFIG) {
            let path = self.dir.join(name);
            if path.is_file() {
                files::copy(&path, to)?;
            }
        }
        let mut config = self.config.clone();
        if let Some(Value::String(template)) = config.get("chat_template") {
            if !self.dir.join(CHAT_TEMPLATE).is_file() {
                write_text(&to.join(CHAT_TEMPLATE), template)?;
            }
            config.shift_remove("chat_template");
        }
        config.insert("model_max_length".to_owned(), context_length.into());
        config.entry("tokenizer_class").or_insert_with(|| "PreTrainedTokenizerFast".into());
        write_text(&to.join(CONFIG), &format!("{:#}\n", Value::Object(config)))
    }
}

/// The part of `tokenizer.json` that knows special tokens.
#[derive(Debug, Deserialize)]
struct TokenizerFile {
    #[serde(default)]
    added_tokens: Vec<AddedToken>,
}

#[derive(Debug, Deserialize)]
struct AddedToken {
    id: u32,
    content: String,
}

/// A token's text, which may be wrapped in an object.
fn text(token: &Value) -> Option<&str> {
    token.as_str().or_else(|| token.get("content")?.as_str())
}
