//! Parsing JSON with comments and trailing commas into a tree with places.

use std::ops::Range;

use jsonc_parser::ast;
use jsonc_parser::common::Ranged;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};
use olive_schemas::diagnostic::Diagnostic;
use serde_json::Value;

use crate::config::Finding;
use crate::config::node::{Entry, Node, NodeValue, number};

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

/// Parses `text`, which holds one object.
///
/// A syntax error gives no tree; a key that is written twice gives one with both entries.
pub(super) fn parse(text: &str, findings: &mut Vec<Finding>) -> Option<Node> {
    match try_parse(text, findings) {
        Ok(node) => Some(node),
        Err(finding) => {
            findings.push(finding);
            None
        }
    }
}

fn try_parse(text: &str, findings: &mut Vec<Finding>) -> Result<Node, Finding> {
    if let Some(offset) = too_deep(text) {
        let message = format!("nested deeper than {DEPTH_LIMIT} levels");
        return Err(syntax_error(message, offset..offset + 1));
    }
    let parsed = parse_to_ast(text, &CollectOptions::default(), &SYNTAX).map_err(|error| {
        let range = error.range();
        syntax_error(lower_first(&error.kind().to_string()), range.start..range.end)
    })?;
    let Some(value) = parsed.value else {
        return Err(syntax_error("the file holds no JSON value".into(), 0..0));
    };
    let node = convert(&value, findings);
    if node.entries().is_none() {
        return Err(syntax_error("a config is a JSON object".into(), node.range.clone()));
    }
    Ok(node)
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

    use super::parse;
    use crate::config::node::Node;

    fn tree(text: &str) -> Node {
        let mut findings = Vec::new();
        let node = parse(text, &mut findings).unwrap();
        assert_eq!(findings, []);
        node
    }

    #[test]
    fn comments_and_trailing_commas_are_read() {
        let node = tree("{ // one\n \"a\": [1, 2.5,], /* two */ }");
        assert_eq!(node.to_value(), json!({"a": [1, 2.5]}));
    }

    #[test]
    fn places_survive() {
        let text = r#"{"a": {"b": true}}"#;
        let node = tree(text);
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
            let mut findings = Vec::new();
            parse(text, &mut findings);
            assert_eq!(findings.len(), 1, "{text}");
            assert_eq!(findings[0].diagnostic.message, message);
        }
        assert_eq!(parse("{\"a\": }", &mut Vec::new()), None);
        assert_eq!(parse(&"[".repeat(100_000), &mut Vec::new()), None);
    }
}
