//! The text of a config that a command makes, as JSON or YAML.

use serde_json::{Map, Value, json};

use crate::config::source::Format;

/// Most characters of a list or object that stays on one line.
const LINE: usize = 80;

/// Words that YAML does not read as text, in lower case.
const WORDS: [&str; 9] = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];

/// The text of `config` in `format`; Markdown is written as JSON.
pub fn text(config: &Value, format: Format) -> String {
    let mut out = String::new();
    match (format, config) {
        (Format::Yaml, Value::Object(map)) if !map.is_empty() => yaml_entries(map, 0, &mut out),
        (Format::Yaml, other) => out.push_str(&flow(other)),
        (Format::Json | Format::Markdown, other) => {
            json(other, 0, &mut out);
            out.push('\n');
        }
    }
    out
}

fn json(value: &Value, depth: usize, out: &mut String) {
    let inline = flow(value);
    if is_flat(value) && inline.chars().count() + 2 * depth <= LINE {
        out.push_str(&inline);
        return;
    }
    let indent = "  ".repeat(depth + 1);
    let (open, close) = if value.is_array() { ('[', ']') } else { ('{', '}') };
    out.push(open);
    let mut separator = "\n";
    let mut part = |key: Option<&String>, item: &Value, out: &mut String| {
        out.push_str(separator);
        separator = ",\n";
        out.push_str(&indent);
        if let Some(key) = key {
            out.extend([&json!(key).to_string(), ": "]);
        }
        json(item, depth + 1, out);
    };
    match value {
        Value::Array(items) => items.iter().for_each(|item| part(None, item, out)),
        Value::Object(map) => map.iter().for_each(|(key, item)| part(Some(key), item, out)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    out.push('\n');
    out.push_str(&"  ".repeat(depth));
    out.push(close);
}

/// Whether `value` may stay on one line: it holds nothing that holds objects.
fn is_flat(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().all(|item| !item.is_object() && is_flat(item)),
        Value::Object(map) => map.values().all(|item| !item.is_object() && is_flat(item)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    }
}

/// `value` on one line.
fn flow(value: &Value) -> String {
    let joined = |parts: Vec<String>| parts.join(", ");
    match value {
        Value::Array(items) => format!("[{}]", joined(items.iter().map(flow).collect())),
        Value::Object(map) => {
            let entry = |(key, item): (&String, &Value)| format!("{}: {}", json!(key), flow(item));
            format!("{{{}}}", joined(map.iter().map(entry).collect()))
        }
        other => other.to_string(),
    }
}

fn yaml_entries(map: &Map<String, Value>, depth: usize, out: &mut String) {
    for (index, (key, value)) in map.iter().enumerate() {
        if index > 0 || out.ends_with('\n') {
            out.push_str(&"  ".repeat(depth));
        }
        out.push_str(&scalar(key));
        out.push(':');
        yaml_value(value, depth, out);
    }
}

fn yaml_value(value: &Value, depth: usize, out: &mut String) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            out.push('\n');
            yaml_entries(map, depth + 1, out);
        }
        Value::Array(items) if !is_flat(value) => {
            out.push('\n');
            for item in items {
                out.push_str(&"  ".repeat(depth + 1));
                out.push_str("- ");
                match item {
                    Value::Object(map) if !map.is_empty() => yaml_entries(map, depth + 2, out),
                    other => out.extend([&flow(other), "\n"]),
                }
            }
        }
        Value::String(text) => out.extend([" ", &scalar(text), "\n"]),
        other => out.extend([" ", &flow(other), "\n"]),
    }
}

/// `text` as YAML reads it back, in quotes only where it must be.
fn scalar(text: &str) -> String {
    let is_word = |letter: char| letter.is_ascii_alphanumeric() || "_-./".contains(letter);
    let begins = text.starts_with(|letter: char| letter.is_ascii_alphabetic());
    let is_plain = begins && text.chars().all(is_word);
    if is_plain && !WORDS.contains(&text.to_lowercase().as_str()) {
        text.to_owned()
    } else {
        json!(text).to_string()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::text;
    use crate::config::source::Format;
    use crate::config::{Source, parse};

    fn config() -> Value {
        json!({
            "$schema": ".olive/config.schema.json",
            "input_model": {"type": "HfModel", "model_path": "my model"},
            "data_configs": [{"name": "data", "load": {"data_files": ["a.json", "on"]}, "x": []}],
            "passes": {"quantize": [{"type": "T", "search_space": {"bits": [4, 8]}}, null]},
            "engine": {"evaluate_input_model": false, "max_time": 1.5, "text": "a: \"b\"\n# c"},
            "empty": {}
        })
    }

    #[test]
    fn both_languages_are_read_as_what_was_written() {
        for (format, path) in [(Format::Json, "c.json"), (Format::Yaml, "c.yaml")] {
            let text = text(&config(), format);
            let parsed = parse(&Source { path: path.into(), text: text.clone() });
            assert_eq!(parsed.findings, [], "{text}");
            assert_eq!(parsed.documents[0].to_value(), config(), "{text}");
        }
    }

    #[test]
    fn what_fits_stays_on_a_line() {
        let value = json!({"passes": {"q": {"type": "T", "bits": [4, 8]}}, "list": [{"a": 1}]});
        let expected = r#"{
  "passes": {
    "q": {"type": "T", "bits": [4, 8]}
  },
  "list": [
    {"a": 1}
  ]
}
"#;
        assert_eq!(text(&value, Format::Json), expected);
        let expected = "passes:\n  q:\n    type: T\n    bits: [4, 8]\nlist:\n  - a: 1\n";
        assert_eq!(text(&value, Format::Yaml), expected);
    }
}
