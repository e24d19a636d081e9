//! One setting changed after the other, to see that each makes a difference.

use std::collections::BTreeMap;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::Path;

use serde_json::{Map, Value};

use super::Setting;

/// What a setting needs beside it to mean something, such as `eval_steps` an evaluation.
#[derive(Debug, Clone, PartialEq)]
pub struct Companion {
    /// Pointer (RFC 6901) to the setting.
    pub pointer: String,
    /// What the config has beside it: a merge patch (RFC 7386), in which `null` takes away.
    pub others: Value,
    /// A value to try, where the schema does not tell one that fits the config.
    pub value: Option<Value>,
}

impl Companion {
    /// The setting at `pointer` together with `others`.
    pub fn with(pointer: impl Into<String>, others: Value) -> Self {
        Self { pointer: pointer.into(), others, value: None }
    }

    /// The setting at `pointer` changed to `value`.
    pub fn value(pointer: impl Into<String>, value: Value) -> Self {
        Self::with(pointer, Value::Object(Map::new())).to(value)
    }

    /// The same with a value to try.
    #[must_use]
    pub fn to(self, value: Value) -> Self {
        Self { value: Some(value), ..self }
    }
}

/// Configs that differ in one setting only.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Pointer (RFC 6901) to the setting.
    pub pointer: String,
    /// The config without the change.
    pub before: Value,
    /// The config with it, once for each value that is another; none where no value is known.
    pub after: Vec<Value>,
}

/// `config` with each of `settings` changed, beside those of its companion if it has one.
pub fn changes(config: &Value, settings: &[Setting], companions: &[Companion]) -> Vec<Change> {
    let change = |setting: &Setting| {
        let companion = companions.iter().find(|known| known.pointer == setting.pointer);
        let mut before = config.clone();
        let mut values = setting.values.clone();
        if let Some(Companion { others, value, .. }) = companion {
            merge(&mut before, others);
            values = value.clone().map_or(values, |value| vec![value]);
        }
        let with = |value| {
            let mut after = before.clone();
            setting.put(&mut after, value);
            after
        };
        let mut after: Vec<Value> = values.into_iter().map(with).collect();
        after.retain(|after| *after != before);
        Change { pointer: setting.pointer.clone(), before, after }
    };
    settings.iter().map(change).collect()
}

/// Pointers of the settings that are accepted and ignored: whatever they are changed to, `seen`
/// gives the same.
///
/// `seen` gives all that a user can see of a step with this config: findings, events, files; nothing
/// that differs from one run to the next, such as times.
pub fn ignored(changes: &[Change], mut seen: impl FnMut(&Value) -> String) -> Vec<String> {
    let mut known = BTreeMap::new();
    let mut makes_none = |change: &&Change| {
        let before = known.entry(change.before.to_string());
        let before = before.or_insert_with(|| seen(&change.before)).clone();
        !change.after.iter().any(|after| seen(after) != before)
    };
    changes
        .iter()
        .filter(|change| makes_none(change))
        .map(|change| change.pointer.clone())
        .collect()
}

/// Lays `patch` over `value` (RFC 7386): entries of objects replace those of the same key, `null`
/// takes them away.
pub fn merge(value: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *value = patch.clone();
        return;
    };
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    let Some(map) = value.as_object_mut() else { return };
    for (key, new) in patch {
        if new.is_null() {
            map.remove(key);
        } else {
            merge(map.entry(key.clone()).or_insert(Value::Null), new);
        }
    }
}

/// Files below `folder` by their path in it, each with a digest of its content.
///
/// # Errors
/// When a file cannot be read.
pub fn digests(folder: &Path) -> io::Result<BTreeMap<String, u64>> {
    let mut digests = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            let inner = self::digests(&path)?.into_iter();
            digests.extend(inner.map(|(below, digest)| (format!("{name}/{below}"), digest)));
        } else {
            let mut hasher = DefaultHasher::new();
            fs::read(&path)?.hash(&mut hasher);
            digests.insert(name, hasher.finish());
        }
    }
    Ok(digests)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Companion, changes, digests, ignored, merge};
    use crate::testing::settings_of;

    #[test]
    fn what_no_value_changes_is_ignored() {
        let schema = json!({"properties": {
            "heard": {"type": "boolean"},
            "ignored": {"type": "boolean"},
            "late": {"type": "integer"},
            "beside": {"type": "integer"},
            "one": {"enum": ["only"]}
        }});
        let companions = [
            Companion::with("/beside", json!({"heard": false})),
            Companion::value("/late", json!(9)),
        ];
        let config = json!({"heard": true, "one": "only"});
        let changes = changes(&config, &settings_of(&schema), &companions);
        let number = |config: &Value, key: &str| config[key].as_u64().unwrap_or_default();
        let found = ignored(&changes, |config| {
            let beside = if config["heard"] == false { number(config, "beside") } else { 0 };
            format!("{} {} {beside}", config["heard"], number(config, "late") > 8)
        });
        assert_eq!(found, ["/ignored", "/one"]);
    }

    #[test]
    fn a_patch_adds_replaces_and_takes_away() {
        let mut value = json!({"a": {"b": 1, "c": 2}, "d": [1]});
        merge(&mut value, &json!({"a": {"b": null, "e": {"f": 3}}, "d": [2]}));
        assert_eq!(value, json!({"a": {"c": 2, "e": {"f": 3}}, "d": [2]}));
    }

    #[test]
    fn files_with_other_content_have_other_digests() {
        let folder = std::env::temp_dir().join(format!("olive-digests-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("in")).unwrap();
        for (name, content) in [("one", "same"), ("in/two", "same"), ("in/three", "other")] {
            std::fs::write(folder.join(name), content).unwrap();
        }
        let found = digests(&folder).unwrap();
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(found.keys().collect::<Vec<_>>(), ["in/three", "in/two", "one"]);
        assert_eq!(found["one"], found["in/two"]);
        assert_ne!(found["one"], found["in/three"]);
    }
}
