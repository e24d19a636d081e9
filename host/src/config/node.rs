//! A JSON tree that remembers where each value stands in the source.

use std::ops::Range;

use olive_schemas::pointer::{escape, unescape};
use serde_json::{Map, Number, Value};

/// A JSON value with its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// The value.
    pub value: NodeValue,
    /// Bytes of the source.
    pub range: Range<usize>,
}

/// What a node holds.
#[derive(Debug, Clone, PartialEq)]
pub enum NodeValue {
    /// `null`, `true`, `false`, a number or a string.
    Scalar(Value),
    /// A list.
    Array(Vec<Node>),
    /// Entries in the order they are written.
    Object(Vec<Entry>),
}

/// One entry of an object.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Bytes of the key in the source, quotes included.
    pub key_range: Range<usize>,
    /// The value.
    pub node: Node,
}

impl Node {
    /// A scalar at `range`.
    pub fn scalar(value: impl Into<Value>, range: Range<usize>) -> Self {
        Self { value: NodeValue::Scalar(value.into()), range }
    }

    /// An object at `range`.
    pub fn object(entries: Vec<Entry>, range: Range<usize>) -> Self {
        Self { value: NodeValue::Object(entries), range }
    }

    /// The entries, when this is an object.
    pub fn entries(&self) -> Option<&[Entry]> {
        match &self.value {
            NodeValue::Object(entries) => Some(entries),
            NodeValue::Array(_) | NodeValue::Scalar(_) => None,
        }
    }

    /// The entries to change, when this is an object.
    pub fn entries_mut(&mut self) -> Option<&mut Vec<Entry>> {
        match &mut self.value {
            NodeValue::Object(entries) => Some(entries),
            NodeValue::Array(_) | NodeValue::Scalar(_) => None,
        }
    }

    /// The items, when this is an array.
    pub fn items(&self) -> Option<&[Node]> {
        match &self.value {
            NodeValue::Array(items) => Some(items),
            NodeValue::Object(_) | NodeValue::Scalar(_) => None,
        }
    }

    /// The text, when this is a string.
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            NodeValue::Scalar(Value::String(text)) => Some(text),
            NodeValue::Scalar(_) | NodeValue::Array(_) | NodeValue::Object(_) => None,
        }
    }

    /// Whether this is `null` or `false`.
    pub fn is_off(&self) -> bool {
        matches!(&self.value, NodeValue::Scalar(Value::Null | Value::Bool(false)))
    }

    /// Whether this is `null`, `false` or empty: nothing is asked for.
    pub fn is_nothing(&self) -> bool {
        match &self.value {
            NodeValue::Scalar(_) => self.is_off(),
            NodeValue::Array(items) => items.is_empty(),
            NodeValue::Object(entries) => entries.is_empty(),
        }
    }

    /// Place of the entry called `key` among the entries.
    pub fn index_of(&self, key: &str) -> Option<usize> {
        self.entries()?.iter().position(|entry| entry.key == key)
    }

    /// The entry called `key`.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries()?.iter().find(|entry| entry.key == key)
    }

    /// The value called `key`.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|entry| &entry.node)
    }

    /// Whether this is an object with two entries of one key.
    pub fn has_twins(&self) -> bool {
        let entries = self.entries().unwrap_or_default();
        entries.iter().enumerate().any(|(at, entry)| self.index_of(&entry.key) != Some(at))
    }

    /// The value called `key`, to change.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Node> {
        self.entries_mut()?.iter_mut().find(|entry| entry.key == key).map(|entry| &mut entry.node)
    }

    /// Takes the entry called `key` out.
    pub fn take(&mut self, key: &str) -> Option<Entry> {
        let index = self.index_of(key)?;
        Some(self.entries_mut()?.remove(index))
    }

    /// The node at a JSON pointer, and the bytes of its key when it is an object's entry.
    pub fn find(&self, pointer: &str) -> Option<(&Node, Option<&Range<usize>>)> {
        let mut found = (self, None);
        for token in pointer.split('/').skip(1) {
            let key = unescape(token);
            found = match &found.0.value {
                NodeValue::Object(entries) => {
                    let entry = entries.iter().find(|entry| entry.key == key)?;
                    (&entry.node, Some(&entry.key_range))
                }
                NodeValue::Array(items) => (items.get(key.parse::<usize>().ok()?)?, None),
                NodeValue::Scalar(_) => return None,
            };
        }
        Some(found)
    }

    /// The JSON pointer of the node that stands at `range`, the outermost when several do.
    pub fn pointer_of(&self, range: &Range<usize>) -> Option<String> {
        if self.range == *range {
            return Some(String::new());
        }
        match &self.value {
            NodeValue::Scalar(_) => None,
            NodeValue::Array(items) => items
                .iter()
                .enumerate()
                .find_map(|(index, item)| Some(format!("/{index}{}", item.pointer_of(range)?))),
            NodeValue::Object(entries) => entries.iter().find_map(|entry| {
                let below = if entry.key_range == *range {
                    String::new()
                } else {
                    entry.node.pointer_of(range)?
                };
                Some(format!("/{}{below}", escape(&entry.key)))
            }),
        }
    }

    /// The value without places.
    pub fn to_value(&self) -> Value {
        match &self.value {
            NodeValue::Scalar(value) => value.clone(),
            NodeValue::Array(items) => items.iter().map(Self::to_value).collect(),
            NodeValue::Object(entries) => Value::Object(
                entries.iter().map(|entry| (entry.key.clone(), entry.node.to_value())).collect(),
            ),
        }
    }

    /// This tree with `value` instead of its own; what is the same stays where it stands, what is
    /// new stands at `range`.
    #[must_use]
    pub fn with_value(&self, value: &Value, range: &Range<usize>) -> Self {
        if self.to_value() == *value {
            return self.clone();
        }
        let value = match (&self.value, value) {
            (NodeValue::Object(_), Value::Object(map)) => {
                let entries = map.iter().map(|(key, value)| match self.entry(key) {
                    Some(entry) => {
                        Entry { node: entry.node.with_value(value, range), ..entry.clone() }
                    }
                    None => Entry::new(key.clone(), Self::from_value(value, range)),
                });
                NodeValue::Object(entries.collect())
            }
            (NodeValue::Array(items), Value::Array(new)) if items.len() == new.len() => {
                let items = items.iter().zip(new).map(|(item, new)| item.with_value(new, range));
                NodeValue::Array(items.collect())
            }
            (_, new) => return Self::from_value(new, range),
        };
        Self { value, range: self.range.clone() }
    }

    /// A tree of `value` in which every node stands at `range`.
    pub fn from_value(value: &Value, range: &Range<usize>) -> Self {
        let value = match value {
            Value::Array(items) => {
                NodeValue::Array(items.iter().map(|item| Self::from_value(item, range)).collect())
            }
            Value::Object(map) => NodeValue::Object(entries_of(map, range)),
            scalar => NodeValue::Scalar(scalar.clone()),
        };
        Self { value, range: range.clone() }
    }
}

impl Entry {
    /// An entry `key: node` whose key stands where the value does.
    pub fn new(key: impl Into<String>, node: Node) -> Self {
        Self { key: key.into(), key_range: node.range.clone(), node }
    }

    /// Bytes from the key's start to the value's end.
    pub fn range(&self) -> Range<usize> {
        self.key_range.start.min(self.node.range.start)..self.key_range.end.max(self.node.range.end)
    }

    /// The same entry under another key.
    #[must_use]
    pub fn renamed(mut self, key: impl Into<String>) -> Self {
        self.key = key.into();
        self
    }
}

/// A JSON number from its text; integers stay integers.
pub fn number(text: &str) -> Option<Number> {
    serde_json::from_str(text).ok()
}

fn entries_of(map: &Map<String, Value>, range: &Range<usize>) -> Vec<Entry> {
    map.iter().map(|(key, value)| Entry::new(key.clone(), Node::from_value(value, range))).collect()
}
