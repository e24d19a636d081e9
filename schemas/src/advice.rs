//! What a pass's schema says beyond types: advice, options that are not available, accelerators.
//!
//! Authors build these in Rust and put them on the root struct of a pass's settings, as the marks
//! `x-olive-advice`, `x-olive-unavailable` and `x-olive-accelerators`; the host reads them and
//! needs no plugin to tell what they say.
//!
//! ```
//! use olive_schemas::advice::Advice;
//! use serde_json::json;
//!
//! // For `#[schemars(extend("x-olive-advice" = …))]` on the settings of a pass.
//! let advice = Advice::new("no-effect", "/beta", "`beta` {/beta} has no effect with `sgd`")
//!     .when(json!({"properties": {"optim": {"const": "sgd"}}}))
//!     .with_related("/optim")
//!     .with_help("remove it, or choose `adam`");
//! assert_eq!(serde_json::to_value(&advice).unwrap()["related"], json!(["/optim"]));
//! ```

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A warning about settings that are allowed but surprise. All its conditions must hold.
///
/// Pointers (RFC 6901) start at the pass's settings. Nothing is said unless the value at
/// [`at`](Self::at) was written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Advice {
    /// Stable name of the finding, such as `no-effect`.
    pub code: String,
    /// Pointer to the setting it is about.
    pub at: String,
    /// What is true; `{/pointer}` stands for the value there.
    pub message: String,
    /// What to try, imperative; may hold `{/pointer}` too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// Pointers to other settings that have to do with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub related: Vec<String>,
    /// JSON schema (draft-07) that the settings with their defaults must fit.
    #[serde(rename = "if", default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<Value>,
    /// Pointers to two numbers, of which the first must be greater.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub above: Option<[String; 2]>,
}

impl Advice {
    /// Advice about the setting at `at`, without conditions yet.
    pub fn new(code: impl Into<String>, at: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            at: at.into(),
            message: message.into(),
            help: None,
            related: Vec::new(),
            condition: None,
            above: None,
        }
    }

    /// The same, provided that the settings with their defaults fit `schema`.
    #[must_use]
    pub fn when(mut self, schema: Value) -> Self {
        self.condition = Some(schema);
        self
    }

    /// The same, provided that the number at `greater` is above the number at `less`.
    #[must_use]
    pub fn above(mut self, greater: impl Into<String>, less: impl Into<String>) -> Self {
        self.above = Some([greater.into(), less.into()]);
        self
    }

    /// The same with a hint.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The same with one more setting that has to do with it.
    #[must_use]
    pub fn with_related(mut self, pointer: impl Into<String>) -> Self {
        self.related.push(pointer.into());
        self
    }
}

/// Why an option that Olive knows is not available here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Unavailable {
    /// Why, as the second half of a sentence.
    pub reason: String,
    /// Values that ask for nothing; they are read as if the option was left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unless: Vec<Value>,
}

/// Accelerators a pass works for, with some settings or with any.
///
/// Of several rules the first that is broken is told.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AcceleratorRule {
    /// JSON schema (draft-07); the rule counts for settings that, with their defaults, fit it.
    #[serde(rename = "if", default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<Value>,
    /// Pointer (RFC 6901) to the setting it is about; the whole pass when left out.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub at: String,
    /// Devices that fit, such as `cpu`; any when left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub devices: Vec<String>,
    /// Execution providers that fit, such as `CPUExecutionProvider`; any when left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub execution_providers: Vec<String>,
    /// What is true of any other; `{device}`, `{execution_provider}` and `{/pointer}` stand for
    /// what the workflow has there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// What to try, imperative; may hold the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

/// How a pass keeps blocks of its training data back for evaluation: the mark `x-olive-eval-split`.
///
/// Pointers start at the pass's settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EvalSplit {
    /// Pointer to the name of the data config.
    pub of: String,
    /// Pointer to a setting that, when it is given, leaves the training data whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unless: Option<String>,
    /// Pointer to the size: a share below 1, or a count of blocks.
    pub size: String,
    /// Pointers to the seed of the choice; the first that is given counts.
    #[serde(default)]
    pub seeds: Vec<String>,
    /// The seed when none is given.
    #[serde(default)]
    pub default_seed: u64,
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{AcceleratorRule, Advice, Unavailable};

    #[test]
    fn a_mark_holds_only_what_is_said() {
        let advice = Advice::new("no-effect", "/a", "`a` {/a} is more than `b`")
            .when(json!({"required": ["a"]}))
            .above("/a", "/b")
            .with_related("/b");
        let rule =
            AcceleratorRule { devices: vec!["cpu".to_owned()], ..AcceleratorRule::default() };
        let unavailable = Unavailable { reason: "not done".to_owned(), unless: Vec::new() };
        let check = |value: Result<Value, _>, expected: Value| assert_eq!(value.unwrap(), expected);
        check(
            serde_json::to_value(&advice),
            json!({
                "code": "no-effect",
                "at": "/a",
                "message": "`a` {/a} is more than `b`",
                "related": ["/b"],
                "if": {"required": ["a"]},
                "above": ["/a", "/b"]
            }),
        );
        check(serde_json::to_value(&rule), json!({"devices": ["cpu"]}));
        check(serde_json::to_value(&unavailable), json!({"reason": "not done"}));
    }
}
