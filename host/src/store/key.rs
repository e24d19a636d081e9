//! Keys of steps: a digest over everything that decides the result.

use std::collections::BTreeMap;
use std::fmt;

use olive_schemas::step::{Accelerator, StepKind};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Key of a step: 64 hexadecimal digits of BLAKE3.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepKey(String);

/// Everything that decides the result of a step; names, paths and times are not among it.
#[derive(Debug, Serialize)]
pub struct KeyParts<'a> {
    /// What kind of work.
    pub kind: StepKind,
    /// Digest of the plugin's library, which stands for its version and build.
    pub plugin_digest: &'a str,
    /// Name of the pass or evaluator.
    pub name: &'a str,
    /// Its config with paths taken out.
    pub config: &'a Value,
    /// Digest of the input model's content, or the key of the step that made it.
    pub input: &'a str,
    /// Data configs it reads, with paths taken out, and digests of their files.
    pub data: &'a BTreeMap<String, Value>,
    /// Threads, when they may change the result.
    pub threads: Option<usize>,
    /// Processes that compute it together, when there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ranks: Option<usize>,
    /// Where it runs.
    pub accelerator: &'a Accelerator,
    /// Digest of the library of what edits graphs for it, when the plugin is a component.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub editor_digest: Option<&'a str>,
    /// Digest of the library of the execution provider it runs with, when a pack has that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider_digest: Option<&'a str>,
}

impl StepKey {
    /// The key of a step.
    pub fn new(parts: &KeyParts<'_>) -> Self {
        let value = serde_json::to_value(parts).unwrap_or_default();
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"olive step v1\n");
        hasher.update(canonical(&value).as_bytes());
        Self(hasher.finalize().to_hex().to_string())
    }

    /// A key from the name of its folder.
    pub fn from_name(name: String) -> Self {
        Self(name)
    }

    /// All digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The digits people see.
    pub fn short(&self) -> &str {
        self.0.get(..8).unwrap_or(&self.0)
    }
}

impl fmt::Display for StepKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// JSON with sorted keys and no spaces.
fn canonical(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let sorted: BTreeMap<&String, &Value> = map.iter().collect();
            let entries = sorted
                .into_iter()
                .map(|(key, value)| format!("{}:{}", Value::from(key.as_str()), canonical(value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(","))
        }
        Value::Array(items) => {
            format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(","))
        }
        scalar => scalar.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use olive_schemas::step::{Accelerator, StepKind};
    use serde_json::{Value, json};

    use super::{KeyParts, StepKey};

    fn key(config: &Value, input: &str, threads: Option<usize>) -> StepKey {
        StepKey::new(&KeyParts {
            kind: StepKind::Pass,
            plugin_digest: "d",
            name: "LoRA",
            config,
            input,
            data: &BTreeMap::new(),
            threads,
            ranks: None,
            accelerator: &Accelerator::default(),
            editor_digest: None,
            provider_digest: None,
        })
    }

    #[test]
    fn order_of_keys_does_not_matter_and_everything_else_does() {
        let one = key(&json!({"a": 1, "b": [1, 2]}), "x", Some(2));
        assert_eq!(one, key(&json!({"b": [1, 2], "a": 1}), "x", Some(2)));
        assert_ne!(one, key(&json!({"a": 1, "b": [2, 1]}), "x", Some(2)));
        assert_ne!(one, key(&json!({"a": 1, "b": [1, 2]}), "y", Some(2)));
        assert_ne!(one, key(&json!({"a": 1, "b": [1, 2]}), "x", Some(1)));
        assert_eq!(one.as_str().len(), 64);
    }
}
