//! llama.cpp's names of the ways in which text is split before merging.

use serde_json::{Map, Value};

/// Patterns of `Split`, with llama.cpp's name of them.
const PATTERNS: [(&str, &str); 3] = [
    (
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        "qwen2",
    ),
    (
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        "llama-bpe",
    ),
    (
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        "gpt-4o",
    ),
];

/// llama.cpp's name of how the tokenizer splits text, where it is known to have one.
pub(super) fn name(tokenizer: &Map<String, Value>) -> Option<&'static str> {
    let pre_tokenizer = tokenizer.get("pre_tokenizer")?;
    let steps = match pre_tokenizer.get("pretokenizers") {
        Some(steps) => steps.as_array()?.as_slice(),
        None => std::slice::from_ref(pre_tokenizer),
    };
    match steps {
        [last] if uses_regex(last)? => Some("gpt-2"),
        [first, last] if is_kind(first, "Digits") => {
            let is_single = first.get("individual_digits")?.as_bool()?;
            (is_single && uses_regex(last)?).then_some("smollm")
        }
        [first, last] if is_kind(first, "Split") && !uses_regex(last)? => {
            let pattern = first.get("pattern")?.get("Regex")?.as_str()?;
            PATTERNS.iter().find(|(known, _)| *known == pattern).map(|(_, name)| *name)
        }
        _ => None,
    }
}

/// Whether a space is put before a text, of a tokenizer that writes `▁` for spaces.
pub(super) fn adds_space(tokenizer: &Map<String, Value>) -> bool {
    let normalizer = tokenizer.get("normalizer").unwrap_or(&Value::Null);
    let is_prepending = steps(normalizer, "normalizers").any(|step| is_kind(step, "Prepend"));
    let pre_tokenizer = tokenizer.get("pre_tokenizer").unwrap_or(&Value::Null);
    let is_metaspace = |step: &Value| {
        let scheme = step.get("prepend_scheme").and_then(Value::as_str);
        is_kind(step, "Metaspace") && scheme.unwrap_or("always") != "never"
    };
    is_prepending || steps(pre_tokenizer, "pretokenizers").any(is_metaspace)
}

/// The steps of a sequence, or the one step.
fn steps<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    let several = value.get(key).and_then(Value::as_array);
    several.map_or(std::slice::from_ref(value), Vec::as_slice).iter()
}

/// Whether a byte-level step splits text by GPT-2's pattern; none where it is of another kind.
fn uses_regex(step: &Value) -> Option<bool> {
    let adds_space = step.get("add_prefix_space").and_then(Value::as_bool).unwrap_or(true);
    let is_plain = is_kind(step, "ByteLevel") && !adds_space;
    is_plain.then(|| step.get("use_regex").and_then(Value::as_bool).unwrap_or(true))
}

fn is_kind(step: &Value, kind: &str) -> bool {
    step.get("type").and_then(Value::as_str) == Some(kind)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn splits_are_named_as_llama_cpp_does() {
        let bytes =
            |regex| json!({"type": "ByteLevel", "add_prefix_space": false, "use_regex": regex});
        let sequence = |first| json!({"type": "Sequence", "pretokenizers": first});
        let split = |pattern| json!({"type": "Split", "pattern": {"Regex": pattern}});
        let digits = json!({"type": "Digits", "individual_digits": true});
        let rows = [
            (bytes(true), Some("gpt-2")),
            (bytes(false), None),
            (sequence(json!([digits, bytes(true)])), Some("smollm")),
            (sequence(json!([split(PATTERNS[0].0), bytes(false)])), Some("qwen2")),
            (sequence(json!([split(PATTERNS[1].0), bytes(false)])), Some("llama-bpe")),
            (sequence(json!([split(r"\s+"), bytes(false)])), None),
            (json!({"type": "Whitespace"}), None),
            (Value::Null, None),
        ];
        for (pre_tokenizer, expected) in rows {
            let tokenizer = json!({"pre_tokenizer": pre_tokenizer});
            assert_eq!(name(tokenizer.as_object().unwrap()), expected, "{tokenizer}");
        }
    }

    #[test]
    fn a_space_comes_first_where_the_tokenizer_says_so() {
        let prepend = json!({"type": "Prepend", "prepend": "▁"});
        let rows = [
            (json!({"normalizer": {"type": "Sequence", "normalizers": [prepend]}}), true),
            (json!({"pre_tokenizer": {"type": "Metaspace", "prepend_scheme": "first"}}), true),
            (json!({"pre_tokenizer": {"type": "Metaspace", "prepend_scheme": "never"}}), false),
            (json!({"normalizer": {"type": "Replace"}}), false),
        ];
        for (tokenizer, expected) in rows {
            assert_eq!(adds_space(tokenizer.as_object().unwrap()), expected, "{tokenizer}");
        }
    }
}
