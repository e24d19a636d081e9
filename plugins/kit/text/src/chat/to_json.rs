//! Python's `json.dumps`.

use serde_json::Value;

use crate::value::float_text;

/// How JSON is written.
#[derive(Debug, Clone, Default)]
pub(super) struct Style {
    /// Escape what is not ASCII.
    pub(super) ensures_ascii: bool,
    /// Spaces a level; one line when `None`.
    pub(super) indent: Option<usize>,
    /// Between items, and between a key and its value.
    pub(super) separators: Option<[String; 2]>,
    /// Order members by their key.
    pub(super) sorts_keys: bool,
}

impl Style {
    /// The text of `value`.
    pub(super) fn write(&self, value: &Value) -> String {
        let mut text = String::new();
        self.write_value(value, 0, &mut text);
        text
    }

    fn write_value(&self, value: &Value, level: usize, into: &mut String) {
        match value {
            Value::Array(items) => {
                let items = items.iter().map(|item| (None, item));
                self.write_items(items.collect(), ['[', ']'], level, into);
            }
            Value::Object(members) => {
                let members = members.iter().map(|(key, value)| (Some(key.as_str()), value));
                let mut members: Vec<_> = members.collect();
                if self.sorts_keys {
                    members.sort_by_key(|(key, _)| *key);
                }
                self.write_items(members, ['{', '}'], level, into);
            }
            Value::String(text) => self.write_string(text, into),
            Value::Number(number) if number.is_f64() => {
                into.push_str(&float_text(number.as_f64().unwrap_or_default()));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => into.push_str(&value.to_string()),
        }
    }

    fn write_items(
        &self,
        items: Vec<(Option<&str>, &Value)>,
        [open, close]: [char; 2],
        level: usize,
        into: &mut String,
    ) {
        let default = if self.indent.is_some() { [",", ": "] } else { [", ", ": "] };
        let [comma, colon] = match &self.separators {
            Some([comma, colon]) => [comma.as_str(), colon.as_str()],
            None => default,
        };
        let is_empty = items.is_empty();
        into.push(open);
        for (index, (key, value)) in items.into_iter().enumerate() {
            if index > 0 {
                into.push_str(comma);
            }
            self.write_break(level + 1, into);
            if let Some(key) = key {
                self.write_string(key, into);
                into.push_str(colon);
            }
            self.write_value(value, level + 1, into);
        }
        if !is_empty {
            self.write_break(level, into);
        }
        into.push(close);
    }

    fn write_break(&self, level: usize, into: &mut String) {
        if let Some(indent) = self.indent {
            into.push('\n');
            into.extend(std::iter::repeat_n(' ', indent * level));
        }
    }

    fn write_string(&self, text: &str, into: &mut String) {
        let quoted = Value::from(text).to_string();
        if !self.ensures_ascii {
            // Python escapes no DEL, as serde_json does not.
            return into.push_str(&quoted);
        }
        for character in quoted.chars() {
            if character.is_ascii() {
                into.push(character);
                continue;
            }
            let mut units = [0; 2];
            let units = character.encode_utf16(&mut units).iter();
            into.extend(units.map(|unit| format!("\\u{unit:04x}")));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Style;

    /// Expected texts from Python's `json.dumps`.
    #[test]
    fn json_is_written_as_python_does() {
        let value = json!({"b": [1, 2.0, null], "a": {"ü😀": "\"\n<"}, "c": [], "d": {}});
        for (style, expected) in [
            (
                Style::default(),
                "{\"b\": [1, 2.0, null], \"a\": {\"ü😀\": \"\\\"\\n<\"}, \"c\": [], \"d\": {}}",
            ),
            (
                Style { ensures_ascii: true, sorts_keys: true, ..Style::default() },
                "{\"a\": {\"\\u00fc\\ud83d\\ude00\": \"\\\"\\n<\"}, \"b\": [1, 2.0, null], \"c\": [], \"d\": {}}",
            ),
            (
                Style { separators: Some([",", ":"].map(Into::into)), ..Style::default() },
                "{\"b\":[1,2.0,null],\"a\":{\"ü😀\":\"\\\"\\n<\"},\"c\":[],\"d\":{}}",
            ),
        ] {
            assert_eq!(style.write(&value), expected);
        }
        let indented = Style { indent: Some(2), ..Style::default() };
        assert_eq!(indented.write(&json!({"a": [1, {}]})), "{\n  \"a\": [\n    1,\n    {}\n  ]\n}");
    }
}
