//! Parsing JSON with comments and trailing commas into a tree with places.

use std::ops::Range;

use jsonc_parser::ast;
use jsonc_parser::common::Ranged;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};
use olive_schemas::diagnostic::Diagnostic;
use serde_json::Value;

use super::node::{Entry, Node, NodeValue, number};
use super::{Finding, Source};

/// Levels of nesting a config may have.
const DEPTH_LIMIT: usize = 100;

const SYNTAX: ParseOptions = ParseOptions {
    allow_comments: true,
    allow_trailing_commas: true,
    allow_loose_object_property_names: false,
    allow_missing_commas: false,
    allow_single_quoted_strings: false,
    allow_hexadecimal_numbers: false,
    allow_unary_plus_numbers: false,
    allow_bare_decimal_point_numbers: false,
    allow_non_finite_numbers: false,
    allow_extended_string_escapes: false,
};

/// Parses a config's text.
///
/// # Errors
/// The syntax error, or every key that is written twice.
pub fn parse(source: &Source) -> Result<Node, Vec<Finding>> {
    if let Some(offset) = too_deep(&source.text) {
        let message = format!("nested deeper than {DEPTH_LIMIT} levels");
        return Err(vec![syntax_error(message, offset..offset + 1)]);
    }
    let parsed = parse_to_ast(&source.text, &CollectOptions::default(), &SYNTAX);
    let value = parsed.map_err(|error| {
        let range = error.range();
        vec![syntax_error(lower_first(&error.kind().to_string()), range.start..range.end)]
    })?;
    let Some(value) = value.value else {
        return Err(vec![syntax_error("the file holds no JSON value".into(), 0..0)]);
    };
    let mut duplicates = Vec::new();
    let node = convert(&value, &mut duplicates);
    if node.entries().is_none() {
        duplicates.push(syntax_error("a config is a JSON object".into(), node.range.clone()));
    }
    if duplicates.is_empty() { Ok(node) } else { Err(duplicates) }
}

fn convert(value: &ast::Value<'_>, duplicates: &mut Vec<Finding>) -> Node {
    let range = range_of(value);
    let value = match value {
        ast::Value::NullKeyword(_) => NodeValue::Scalar(Value::Null),
        ast::Value::BooleanLit(literal) => NodeValue::Scalar(literal.value.into()),
        ast::Value::StringLit(literal) => NodeValue::Scalar(literal.value.to_string().into()),
        ast::Value::NumberLit(literal) => {
            NodeValue::Scalar(number(literal.value).map_or(Value::Null, Value::Number))
        }
        ast::Value::Array(array) => NodeValue::Array(
            array.elements.iter().map(|element| convert(element, duplicates)).collect(),
        ),
        ast::Value::Object(object) => NodeValue::Object(convert_entries(object, duplicates)),
    };
    Node { value, range }
}

fn convert_entries(object: &ast::Object<'_>, duplicates: &mut Vec<Finding>) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::with_capacity(object.properties.len());
    for property in &object.properties {
        let key = property.name.as_str().to_owned();
        let key_range = range_of(&property.name);
        if entries.iter().any(|entry| entry.key == key) {
            let message = format!("key `{key}` is written twice");
            duplicates.push(Finding::new(
                Diagnostic::error("duplicate-key", "", message).with_help("remove one of them"),
                key_range.clone(),
            ));
        }
        entries.push(Entry { key, key_range, node: convert(&property.value, duplicates) });
    }
    entries
}

/// The first bracket that opens a level too deep, comments and strings left out.
fn too_deep(text: &str) -> Option<usize> {
    let (mut depth, mut in_string, mut is_escaped) = (0_usize, false, false);
    for (offset, byte) in text.bytes().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if in_string => is_escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => depth += 1,
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            b'\n' => in_string = false,
            _ => {}
        }
        if depth > DEPTH_LIMIT {
            return Some(offset);
        }
    }
    None
}

fn range_of(ranged: &impl Ranged) -> Range<usize> {
    let range = ranged.range();
    range.start..range.end
}

fn syntax_error(message: String, range: Range<usize>) -> Finding {
    Finding::new(Diagnostic::error("syntax", "", message), range)
}

fn lower_first(text: &str) -> String {
    let mut chars = text.trim_end_matches('.').chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::Source;
    use super::parse;

    fn source(text: &str) -> Source {
        Source { path: "x.json".into(), text: text.into() }
    }

    #[test]
    fn comments_and_trailing_commas_are_read() {
        let node = parse(&source("{ // one\n \"a\": [1, 2.5,], /* two */ }")).unwrap();
        assert_eq!(node.to_value(), json!({"a": [1, 2.5]}));
    }

    #[test]
    fn places_survive() {
        let text = r#"{"a": {"b": true}}"#;
        let node = parse(&source(text)).unwrap();
        let (found, key) = node.find("/a/b").unwrap();
        assert_eq!(&text[found.range.clone()], "true");
        assert_eq!(&text[key.unwrap().clone()], "\"b\"");
        assert_eq!(node.pointer_of(&found.range).unwrap(), "/a/b");
    }

    #[test]
    fn one_mistake_is_one_finding() {
        for (text, message) in [
            ("{\"a\": 1, \"a\": 2}", "key `a` is written twice"),
            ("[1]", "a config is a JSON object"),
            ("", "the file holds no JSON value"),
        ] {
            let findings = parse(&source(text)).unwrap_err();
            assert_eq!(findings.len(), 1, "{text}");
            assert_eq!(findings[0].diagnostic.message, message);
        }
        assert!(parse(&source("{\"a\": }")).is_err());
        assert!(parse(&source(&"[".repeat(100_000))).is_err());
    }
}
