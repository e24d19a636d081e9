//! Values written as YAML, as a person would: blocks, and quotes only where they are needed.

use serde_json::{Map, Value};

/// Words that YAML takes for something else than a text.
const WORDS: [&str; 8] = ["false", "no", "null", "off", "on", "true", "y", "yes"];

/// `value` as YAML.
pub(crate) fn write(value: &Value) -> String {
    let mut out = String::new();
    write_block(value, 0, &mut out);
    out.trim_start_matches('\n').to_owned() + "\n"
}

/// Writes what follows a key or a dash; a block starts on a line of its own.
fn write_block(value: &Value, indent: usize, out: &mut String) {
    match value {
        Value::Object(entries) if !entries.is_empty() => write_entries(entries, indent, out),
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                start_line(indent, out);
                out.push('-');
                write_block(item, indent + 2, out);
            }
        }
        Value::String(text) => {
            out.push(' ');
            out.push_str(&text_of(text));
        }
        _ => {
            out.push(' ');
            out.push_str(&value.to_string());
        }
    }
}

fn write_entries(entries: &Map<String, Value>, indent: usize, out: &mut String) {
    for (key, value) in entries {
        start_line(indent, out);
        out.push_str(&text_of(key));
        out.push(':');
        write_block(value, indent + 2, out);
    }
}

fn start_line(indent: usize, out: &mut String) {
    out.push('\n');
    out.push_str(&" ".repeat(indent));
}

/// A text without quotes where it stays one.
fn text_of(text: &str) -> String {
    let is_plain = text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.chars().all(|letter| letter.is_ascii_alphanumeric() || "_-./".contains(letter))
        && !WORDS.contains(&text.to_lowercase().as_str());
    if is_plain { text.to_owned() } else { Value::from(text).to_string() }
}
