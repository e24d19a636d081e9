//! A config that a command makes of its arguments.

use std::path::{Path, PathBuf};

use olive_schemas::pointer::unescape;
use serde_json::{Map, Value};

/// Sections of a config, from the first to the last.
const SECTIONS: [&str; 7] =
    ["$schema", "input_model", "systems", "data_configs", "evaluators", "passes", "engine"];

/// What a part of a config comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The value of an option, by its long name without dashes; of one that is given several times,
    /// the nth from 0.
    Option(String, usize),
    /// A word that belongs to no option.
    Word(String),
}

/// A config that a command makes of its arguments.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    config: Value,
    origins: Vec<(String, Origin)>,
    /// Whether relative paths are to be made absolute: the config goes into another folder.
    moves: bool,
}

impl Draft {
    /// An empty config for the folder `folder`.
    pub fn new(folder: &Path) -> Self {
        let is_here = folder.as_os_str().is_empty() || folder == Path::new(".");
        Self { config: Value::Object(Map::new()), origins: Vec::new(), moves: !is_here }
    }

    /// The config, with its sections in the order in which they are read.
    pub fn config(&self) -> Value {
        let mut sections: Vec<(&String, &Value)> =
            self.config.as_object().into_iter().flatten().collect();
        sections.sort_by_key(|(name, _)| SECTIONS.iter().position(|known| *known == name.as_str()));
        let sections = sections.into_iter().map(|(name, value)| (name.clone(), value.clone()));
        Value::Object(sections.collect())
    }

    /// Pointers of parts, with what they come from.
    pub fn origins(&self) -> &[(String, Origin)] {
        &self.origins
    }

    /// Puts `value` at `pointer`; objects on the way are made.
    pub fn put(&mut self, pointer: &str, value: impl Into<Value>) {
        let mut place = &mut self.config;
        for key in pointer.split('/').skip(1) {
            if !place.is_object() {
                *place = Value::Object(Map::new());
            }
            place = &mut place[unescape(key)];
        }
        *place = value.into();
    }

    /// Puts what the option `name` says at `pointer`.
    pub fn put_from(&mut self, name: &str, pointer: &str, value: impl Into<Value>) {
        self.put(pointer, value);
        self.trace(name, pointer);
    }

    /// Puts what the option `name` says at `pointer`, when it is given.
    pub fn put_if<T: Into<Value>>(&mut self, name: &str, pointer: &str, value: Option<T>) {
        if let Some(value) = value {
            self.put_from(name, pointer, value);
        }
    }

    /// Says that what is at `pointer` comes from the option `name`.
    pub fn trace(&mut self, name: &str, pointer: &str) {
        self.trace_to(Origin::Option(name.to_owned(), 0), pointer);
    }

    /// Says what that is at `pointer` comes from.
    pub fn trace_to(&mut self, origin: Origin, pointer: &str) {
        self.origins.push((pointer.to_owned(), origin));
    }

    /// `path`, which is right from the working folder, as the config has to write it.
    pub fn path(&self, path: &Path) -> String {
        let moved = self.moves.then(|| std::path::absolute(path).ok()).flatten();
        moved.unwrap_or_else(|| PathBuf::from(path)).to_string_lossy().into_owned()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;

    use super::{Draft, Origin};

    #[test]
    fn parts_are_put_where_they_belong_and_know_where_they_come_from() {
        let mut draft = Draft::new(Path::new(""));
        draft.put("/passes/tune/type", "T");
        draft.put_from("lora_r", "/passes/tune/r", 8);
        draft.put_if::<u64>("lora_alpha", "/passes/tune/alpha", None);
        draft.put("/input_model/type", "HfModel");
        let expected = json!({
            "input_model": {"type": "HfModel"}, "passes": {"tune": {"type": "T", "r": 8}}
        });
        assert_eq!(draft.config().to_string(), expected.to_string());
        let origin = Origin::Option("lora_r".into(), 0);
        assert_eq!(draft.origins(), [("/passes/tune/r".to_owned(), origin)]);
    }

    #[test]
    fn paths_stay_right_in_another_folder() {
        assert_eq!(Draft::new(Path::new("")).path(Path::new("model")), "model");
        let moved = Draft::new(Path::new("other")).path(Path::new("model"));
        assert!(Path::new(&moved).is_absolute() && moved.ends_with("model"), "{moved}");
    }
}
