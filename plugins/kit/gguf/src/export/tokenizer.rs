//! llama.cpp's tokenizer metadata from `tokenizer.json` and its companions.
//!
//! Byte-level BPE becomes `gpt2` with its merges, and the way text is split is named. BPE on text
//! with `▁` for spaces and tokens for single bytes, as `SentencePiece` trains it, becomes `llama`: a
//! token scores the higher the earlier it is merged.

mod splits;
mod vocabulary;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use olive_kit_checkpoint::Decoder;
use serde_json::{Map, Value};

use super::figures::refused;
use crate::error::GgufError;
use crate::writer::Entry;
use vocabulary::Vocabulary;

/// The tokenizer of the checkpoint in `dir`, under llama.cpp's keys; `splits` names how text is
/// split before merging, where it is not to be told from the file.
///
/// # Errors
/// When a file is missing or damaged, or the tokenizer is of another kind.
pub(super) fn entries(
    dir: &Path,
    decoder: &Decoder,
    splits: Option<&str>,
) -> Result<Vec<(String, Entry)>, GgufError> {
    let path = dir.join("tokenizer.json");
    let json = required_object(&path)?;
    let settings = object(&dir.join("tokenizer_config.json"))?;
    let vocabulary = Vocabulary::parse(&json, decoder.vocab_size);
    let vocabulary = vocabulary.map_err(|problem| refused(&path, problem))?;
    let mut entries = if vocabulary.has_byte_tokens {
        sentence_pieces(&json, &vocabulary)
    } else {
        byte_level(&path, &json, &vocabulary, splits)?
    };
    entries.push(("tokenizer.ggml.tokens".into(), Entry::Texts(vocabulary.tokens.clone())));
    entries.push(("tokenizer.ggml.token_type".into(), Entry::Integers(vocabulary.kinds.clone())));
    entries.extend(special_ids(&vocabulary, &settings, decoder));
    entries.extend(surroundings(&json, &settings));
    let template = chat_template(dir, &settings)?;
    entries.extend(template.map(|text| ("tokenizer.chat_template".into(), Entry::Text(text))));
    Ok(entries)
}

fn byte_level(
    path: &Path,
    json: &Map<String, Value>,
    vocabulary: &Vocabulary,
    named: Option<&str>,
) -> Result<Vec<(String, Entry)>, GgufError> {
    let known = named.or_else(|| splits::name(json));
    let Some(name) = known else {
        return Err(GgufError::Export {
            path: path.to_owned(),
            problem: "its `pre_tokenizer` is none that llama.cpp is known to have".into(),
            help: Some("set `pre_tokenizer` to llama.cpp's name of it, such as `tekken`"),
        });
    };
    Ok(vec![
        ("tokenizer.ggml.model".into(), Entry::Text("gpt2".into())),
        ("tokenizer.ggml.pre".into(), Entry::Text(name.into())),
        ("tokenizer.ggml.merges".into(), Entry::Texts(vocabulary.merges.clone())),
    ])
}

fn sentence_pieces(json: &Map<String, Value>, vocabulary: &Vocabulary) -> Vec<(String, Entry)> {
    vec![
        ("tokenizer.ggml.model".into(), Entry::Text("llama".into())),
        ("tokenizer.ggml.pre".into(), Entry::Text("default".into())),
        ("tokenizer.ggml.scores".into(), Entry::Numbers(vocabulary.scores())),
        ("tokenizer.ggml.add_space_prefix".into(), Entry::Flag(splits::adds_space(json))),
    ]
}

fn special_ids(
    vocabulary: &Vocabulary,
    settings: &Map<String, Value>,
    decoder: &Decoder,
) -> Vec<(String, Entry)> {
    let named = |key: &str| {
        let token = settings.get(key)?;
        // An object in older files.
        let token = token.as_str().or_else(|| token.get("content")?.as_str())?;
        vocabulary.id(token)
    };
    let ids = [
        ("bos", named("bos_token").or(decoder.bos_token_id)),
        ("eos", named("eos_token").or(decoder.eos_token_ids.first().copied())),
        ("padding", named("pad_token").or(decoder.pad_token_id)),
        ("unknown", named("unk_token").or_else(|| vocabulary.unknown())),
    ];
    let ids = ids.into_iter().filter_map(|(name, id)| Some((name, id?)));
    ids.map(|(name, id)| (format!("tokenizer.ggml.{name}_token_id"), Entry::Count(id))).collect()
}

/// Whether bos and eos are put around a text: what `tokenizer_config.json` says, else what the
/// post-processor does.
fn surroundings(json: &Map<String, Value>, settings: &Map<String, Value>) -> Vec<(String, Entry)> {
    let ends = template_ends(json.get("post_processor").unwrap_or(&Value::Null));
    let flags = [("add_bos_token", ends.0), ("add_eos_token", ends.1)].map(|(key, does)| {
        let said = settings.get(key).and_then(Value::as_bool);
        (format!("tokenizer.ggml.{key}"), Entry::Flag(said.unwrap_or(does)))
    });
    flags.into()
}

/// Whether a special token comes first, and last.
fn template_ends(processor: &Value) -> (bool, bool) {
    if let Some(parts) = processor.get("processors").and_then(Value::as_array) {
        let ends = parts.iter().map(template_ends);
        return ends.fold((false, false), |all, part| (all.0 || part.0, all.1 || part.1));
    }
    let Some(single) = processor.get("single").and_then(Value::as_array) else {
        return (false, false);
    };
    let is_special =
        |part: Option<&Value>| part.is_some_and(|part| part.get("SpecialToken").is_some());
    (is_special(single.first()), is_special(single.last()))
}

fn chat_template(dir: &Path, settings: &Map<String, Value>) -> Result<Option<String>, GgufError> {
    let path = dir.join("chat_template.jinja");
    match fs::read_to_string(&path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Ok(default_template(settings).map(Into::into))
        }
        Err(source) => Err(GgufError::Read { path, source }),
    }
}

/// The chat template of `tokenizer_config.json`: of several, the one that is called `default`.
fn default_template(settings: &Map<String, Value>) -> Option<&str> {
    let is_default = |it: &&Value| it.get("name").is_some_and(|name| name == "default");
    match settings.get("chat_template")? {
        Value::Array(named) => named.iter().find(is_default)?.get("template")?.as_str(),
        template => template.as_str(),
    }
}

fn required_object(path: &Path) -> Result<Map<String, Value>, GgufError> {
    let text = fs::read(path);
    parse(path, &text.map_err(|source| GgufError::Read { path: path.to_owned(), source })?)
}

/// An object, empty where there is no file.
fn object(path: &Path) -> Result<Map<String, Value>, GgufError> {
    match fs::read(path) {
        Ok(text) => parse(path, &text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Map::new()),
        Err(source) => Err(GgufError::Read { path: PathBuf::from(path), source }),
    }
}

fn parse(path: &Path, text: &[u8]) -> Result<Map<String, Value>, GgufError> {
    serde_json::from_slice(text).map_err(|error| refused(path, format!("it is damaged: {error}")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn of_several_chat_templates_the_default_is_written() {
        let tools = json!({"name": "tool_use", "template": "tools"});
        let default = json!({"name": "default", "template": "plain"});
        let rows = [
            (json!("plain"), Some("plain")),
            (json!([tools, default]), Some("plain")),
            (json!([tools]), None),
            (Value::Null, None),
        ];
        for (template, expected) in rows {
            let settings = json!({"chat_template": template});
            assert_eq!(default_template(settings.as_object().unwrap()), expected, "{settings}");
        }
    }
}
