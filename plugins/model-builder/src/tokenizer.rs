//! The tokenizer: its special tokens, and its files as ONNX Runtime GenAI wants them.

use std::path::Path;

use olive_kit_checkpoint::files::TOKENIZER_FILES;
use olive_kit_weights::ModelFiles;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::error::BuildError;
use crate::text::{read_json, write_text};

const FILE: &str = "tokenizer.json";
const CONFIG: &str = "tokenizer_config.json";
const SPECIAL_TOKENS: &str = "special_tokens_map.json";
const CHAT_TEMPLATE: &str = "chat_template.jinja";

/// A model folder's tokenizer.
#[derive(Debug)]
pub(crate) struct Tokenizer {
    config: Map<String, Value>,
    special_tokens: Map<String, Value>,
    added_tokens: Vec<AddedToken>,
}

impl Tokenizer {
    /// Reads the tokenizer among the files of a model.
    ///
    /// # Errors
    /// When there is no `tokenizer.json` or a file is damaged.
    pub(crate) fn read(files: &ModelFiles) -> Result<Self, BuildError> {
        let file: Option<TokenizerFile> = read_json(files, FILE)?;
        let file = file.ok_or_else(|| BuildError::TokenizerMissing(files.place().to_owned()))?;
        Ok(Self {
            config: read_json(files, CONFIG)?.unwrap_or_default(),
            special_tokens: read_json(files, SPECIAL_TOKENS)?.unwrap_or_default(),
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

    /// Writes the tokenizer's files, which are among `from`, into the folder `to`.
    ///
    /// `model_max_length` becomes `context_length`, and a chat template moves out of the config into
    /// a file of its own.
    ///
    /// # Errors
    /// When a file cannot be copied or written.
    pub(crate) fn write(
        &self,
        from: &ModelFiles,
        context_length: usize,
        to: &Path,
    ) -> Result<(), BuildError> {
        for name in TOKENIZER_FILES.into_iter().filter(|&name| name != CONFIG) {
            from.copy(name, to)?;
        }
        let mut config = self.config.clone();
        if let Some(Value::String(template)) = config.get("chat_template") {
            if !from.contains(CHAT_TEMPLATE) {
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
