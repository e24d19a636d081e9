//! Parsing JSON with comments and trailing commas into a tree with places.

mod tokens;
mod brackets;
mod slips;

use std::ops::Range;

use jsonc_parser::ast;
use jsonc_parser::common::Ranged;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};
use serde_json::Value;

use self::tokens::Kind;
use super::{DEPTH_LIMIT, duplicate_keys, syntax_error, too_deep};
use crate::config::Finding;
use crate::config::node::{Entry, Node, NodeValue, number};

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

/// What a text looks like before it is parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// It begins with `{`.
    Object,
    /// It begins with a key.
    Members,
    /// It begins with something that may be meant as a key.
    Words,
    /// It is no object and no part of one.
    Other,
}

/// What `text` looks like.
pub(super) fn shape(text: &str) -> Shape {
    let tokens = tokens::tokens(text);
    let Some(first) = tokens.first() else { return Shape::Other };
    let is_key = tokens.get(1).is_some_and(|token| token.kind == Kind::Colon);
    match first.kind {
        Kind::Open if text[first.range.clone()] == *"{" => Shape::Object,
        Kind::Text if is_key => Shape::Members,
        Kind::Word => Shape::Words,
        Kind::Open | Kind::Close | Kind::Comma | Kind::Colon | Kind::Text => Shape::Other,
    }
}

/// Parses `text`, which holds one object.
///
/// A syntax error gives no tree; a key that is written twice gives one with both entries.
pub(super) fn parse(text: &str, findings: &mut Vec<Finding>) -> Option<Node> {
    keep(try_parse(text, text, findings), findings)
}

/// Parses the members of an object whose braces are left out.
///
/// The first byte of `text` is blank; the tree's root stands where the members do.
pub(super) fn parse_members(text: &str, findings: &mut Vec<Finding>) -> Option<Node> {
    let braced = format!("{{{}\n}}", text.get(1..).unwrap_or_default());
    let mut node = keep(try_parse(text, &braced, findings), findings)?;
    node.range = text.len() - text.trim_start().len()..text.trim_end().len();
    Some(node)
}

fn keep(parsed: Result<Node, Finding>, findings: &mut Vec<Finding>) -> Option<Node> {
    parsed.map_err(|finding| findings.push(finding)).ok()
}

/// Parses `braced`; what is wrong is explained by `text`, as it is written.
fn try_parse(text: &str, braced: &str, findings: &mut Vec<Finding>) -> Result<Node, Finding> {
    let parsed = parse_to_ast(braced, &CollectOptions::default(), &SYNTAX)
        .map_err(|error| slips::explain(text, &error))?;
    let Some(value) = parsed.value else {
        let mut finding = syntax_error("the file holds no config", 0..0);
        let help = "a config is an object such as `{\"input_model\": …, \"passes\": …}`";
        finding.diagnostic.help = Some(help.to_owned());
        return Err(finding);
    };
    let node = convert(&value, 1, findings)?;
    if node.entries().is_some() { Ok(node) } else { Err(no_object(&node)) }
}

/// The text holds something else than an object.
fn no_object(node: &Node) -> Finding {
    let is_list = node.items().is_some();
    let message =
        if is_list { "the config is a list, not an object" } else { "a config is an object" };
    let mut finding = syntax_error(message, node.range.clone());
    let help = match node.items() {
        Some([only]) if only.entries().is_some() => "remove the `[ ]` around it",
        Some(_) | None => "write its settings as `\"key\": value` between `{` and `}`",
    };
    finding.diagnostic.help = Some(help.to_owned());
    finding
}

fn convert(
    value: &ast::Value<'_>,
    depth: usize,
    findings: &mut Vec<Finding>,
) -> Result<Node, Finding> {
    let range = range_of(value);
    let value = match value {
        ast::Value::NullKeyword(_) => NodeValue::Scalar(Value::Null),
        ast::Value::BooleanLit(literal) => NodeValue::Scalar(literal.value.into()),
        ast::Value::StringLit(literal) => NodeValue::Scalar(literal.value.to_string().into()),
        ast::Value::NumberLit(literal) => {
            let message = || format!("number `{}` is too large", literal.value);
            let read = number(literal.value).ok_or_else(|| syntax_error(message(), range.clone()));
            NodeValue::Scalar(Value::Number(read?))
        }
        _ if depth > DEPTH_LIMIT => return Err(too_deep(range.start..range.start + 1)),
        ast::Value::Array(array) => {
            let items = array.elements.iter().map(|item| convert(item, depth + 1, findings));
            NodeValue::Array(items.collect::<Result<_, _>>()?)
        }
        ast::Value::Object(object) => {
            NodeValue::Object(convert_entries(object, depth + 1, findings)?)
        }
    };
    Ok(Node { value, range })
}

fn convert_entries(
    object: &ast::Object<'_>,
    depth: usize,
    findings: &mut Vec<Finding>,
) -> Result<Vec<Entry>, Finding> {
    let mut entries = Vec::with_capacity(object.properties.len());
    for property in &object.properties {
        let key = property.name.as_str().to_owned();
        let key_range = range_of(&property.name);
        entries.push(Entry { key, key_range, node: convert(&property.value, depth, findings)? });
    }
    findings.extend(duplicate_keys(&entries));
    Ok(entries)
}

fn range_of(ranged: &impl Ranged) -> Range<usize> {
    let range = ranged.range();
    range.start..range.end
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{parse, parse_members};
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
    fn members_need_no_braces() {
        let text = "\n \"é\": {\"b\": 1}, // last,\n";
        let mut findings = Vec::new();
        let node = parse_members(text, &mut findings).unwrap();
        assert_eq!(findings, []);
        assert_eq!(node.to_value(), json!({"é": {"b": 1}}));
        assert_eq!(&text[node.get("é").unwrap().range.clone()], "{\"b\": 1}");
    }

    #[test]
    fn one_mistake_is_one_finding() {
        for (text, message) in [
            ("{\"a\": 1, \"a\": 2}", "key `a` is written twice"),
            ("[1]", "the config is a list, not an object"),
            ("1", "a config is an object"),
            ("", "the file holds no config"),
            ("{\"a\": 1e999}", "number `1e999` is too large"),
        ] {
            let mut findings = Vec::new();
            parse(text, &mut findings);
            assert_eq!(findings.len(), 1, "{text}");
            assert_eq!(findings[0].diagnostic.message, message);
        }
    }

    #[test]
    fn depth_has_a_limit() {
        let nested = |depth: usize| {
            let text = format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth));
            let mut findings = Vec::new();
            let node = parse(&text, &mut findings);
            (node.is_some(), findings.pop().map(|finding| finding.diagnostic.message))
        };
        let refused = (false, Some("nested deeper than 100 levels".to_owned()));
        assert_eq!(nested(100), (true, None));
        assert_eq!(nested(101), refused);
        assert_eq!(nested(600), refused);
        let mut findings = Vec::new();
        parse(&format!("/* \" */{}", "[".repeat(100_000)), &mut findings);
        assert_eq!(findings.len(), 1);
    }
}
