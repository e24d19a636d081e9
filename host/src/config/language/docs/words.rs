//! Types, ranges and values of a schema in words.

use serde_json::Value;

use crate::config::schema::plain;

/// Type and range of `field`: ``whole number, 1 to 64``, ``list of text``.
pub(super) fn kind<'a>(field: &'a Value, resolve: &dyn Fn(&'a Value) -> &'a Value) -> String {
    let field = resolve(field);
    if let Some(named) = constants(field) {
        return or(named.iter().map(|value| format!("`{}`", plain(value))).collect());
    }
    if let Some(parts) = field.get("anyOf").and_then(Value::as_array) {
        let parts = parts.iter().filter(|part| part.get("doNotSuggest").is_none());
        return or(parts.map(|part| kind(part, resolve)).collect());
    }
    let types = match (field.get("type"), field.get("else")) {
        (Some(Value::Array(names)), _) => names.iter().filter_map(Value::as_str).collect(),
        (Some(Value::String(name)), _) => vec![name.as_str()],
        (_, Some(other)) => return kind(other, resolve),
        (_, None) => return "anything".to_owned(),
    };
    let words = types.iter().map(|name| match *name {
        "string" => "text".to_owned(),
        "integer" => format!("whole number{}", range(field)),
        "number" => format!("number{}", range(field)),
        "boolean" => "`true` or `false`".to_owned(),
        "array" => match field.get("items") {
            Some(items) => format!("list of {}", kind(items, resolve)),
            None => "list".to_owned(),
        },
        "null" => "`null`".to_owned(),
        other => other.to_owned(),
    });
    or(words.collect())
}

/// What `field` is when it is left out.
pub(super) fn default(field: &Value) -> String {
    match field.get("default") {
        Some(Value::Array(items)) if items.is_empty() => "`[]`".to_owned(),
        Some(value) => format!("`{}`", cell(&value.to_string())),
        None => String::new(),
    }
}

/// The values of `field` that are described, one a line.
pub(super) fn values(field: &Value) -> String {
    let named = field.get("anyOf").and_then(|parts| parts.get(0)).unwrap_or(field);
    let descriptions = named.get("enumDescriptions").and_then(Value::as_array);
    let described = constants(named).into_iter().flatten().zip(descriptions.into_iter().flatten());
    let described = described.filter(|(_, text)| text.as_str() != Some(""));
    let mut lines = String::new();
    for (value, text) in described {
        lines.extend(["\n\n`", &plain(value), "`: ", text.as_str().unwrap_or_default()]);
    }
    lines
}

/// Text that stands in a cell of a table.
pub(super) fn cell(text: &str) -> String {
    let lines = text.split("\n\n").map(|part| part.replace('\n', " "));
    lines.collect::<Vec<_>>().join("<br>").replace('|', "\\|")
}

fn constants(field: &Value) -> Option<&Vec<Value>> {
    field.get("enum")?.as_array()
}

fn range(field: &Value) -> String {
    let limit = |keyword| field.get(keyword).map(Value::to_string);
    let least = limit("minimum").map(|least| format!("at least {least}"));
    let least = least.or_else(|| limit("exclusiveMinimum").map(|least| format!("above {least}")));
    let most = limit("maximum").map(|most| format!("at most {most}"));
    let most = most.or_else(|| limit("exclusiveMaximum").map(|most| format!("below {most}")));
    match (least, most) {
        (None, None) => String::new(),
        (Some(limit), None) | (None, Some(limit)) => format!(" {limit}"),
        (Some(least), Some(most)) => format!(" {least} and {most}"),
    }
}

fn or(mut words: Vec<String>) -> String {
    words.dedup();
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{cell, default, kind, values};

    #[track_caller]
    fn check(field: &Value, expected: &str) {
        assert_eq!(kind(field, &|part| part), expected);
    }

    #[test]
    fn types_are_told_with_their_limits() {
        check(&json!({"type": "integer", "minimum": 1}), "whole number at least 1");
        check(
            &json!({"type": ["number", "null"], "exclusiveMinimum": 0, "maximum": 1}),
            "number above 0 and at most 1, `null`",
        );
        check(&json!({"type": "array", "items": {"type": "string"}}), "list of text");
        check(&json!({"enum": ["a", null]}), "`a`, `null`");
        check(&json!({"anyOf": [{"type": "string"}, {"type": "array"}]}), "text, list");
        check(&json!({}), "anything");
    }

    #[test]
    fn described_values_follow_the_description() {
        let field = json!({"enum": ["a", "b"], "enumDescriptions": ["first", ""]});
        assert_eq!(cell(&values(&field)), "<br>`a`: first");
        assert_eq!(values(&json!({"type": "string"})), "");
        assert_eq!(default(&json!({"default": "x"})), "`\"x\"`");
        assert_eq!(cell("a|b\nc"), "a\\|b c");
    }
}
