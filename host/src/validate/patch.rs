//! JSON patches (RFC 6902): read, and applied to a value.

use olive_schemas::pointer::unescape;
use serde::Deserialize;
use serde_json::Value;

/// A patch, applied from the first operation to the last.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct Patch(pub(super) Vec<Operation>);

/// One operation.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "op", rename_all = "lowercase")]
pub(super) enum Operation {
    /// Sets what is at `path`, or adds it; inserts into lists.
    Add { path: String, value: Value },
    /// Takes away what is at `path`.
    Remove { path: String },
    /// Sets what is at `path` already.
    Replace { path: String, value: Value },
    /// Takes away what is at `from`, and adds it at `path`.
    Move { from: String, path: String },
    /// Adds what is at `from` at `path` too.
    Copy { from: String, path: String },
    /// Goes on only when `value` is at `path`.
    Test { path: String, value: Value },
}

impl Patch {
    /// The patch that `value` spells.
    pub(super) fn read(value: &Value) -> Option<Self> {
        Self::deserialize(value).ok()
    }

    /// `value` with every operation done; nothing when one cannot be done.
    pub(super) fn apply(&self, value: &Value) -> Option<Value> {
        let mut patched = value.clone();
        self.0.iter().try_for_each(|operation| operation.apply(&mut patched))?;
        Some(patched)
    }
}

impl Operation {
    /// Does the operation on `value`.
    pub(super) fn apply(&self, value: &mut Value) -> Option<()> {
        match self {
            Self::Add { path, value: new } => add(value, path, new.clone()),
            Self::Remove { path } => remove(value, path).map(drop),
            Self::Replace { path, value: new } => {
                *value.pointer_mut(path)? = new.clone();
                Some(())
            }
            Self::Move { from, path } => {
                if path.starts_with(&format!("{from}/")) {
                    return None;
                }
                let moved = remove(value, from)?;
                add(value, path, moved)
            }
            Self::Copy { from, path } => {
                let copied = value.pointer(from)?.clone();
                add(value, path, copied)
            }
            Self::Test { path, value: expected } => {
                (value.pointer(path)? == expected).then_some(())
            }
        }
    }
}

/// The pointer of what `pointer` is in, and its last token.
pub(super) fn split(pointer: &str) -> Option<(&str, String)> {
    let (parent, token) = pointer.rsplit_once('/')?;
    Some((parent, unescape(token)))
}

fn add(value: &mut Value, path: &str, new: Value) -> Option<()> {
    if path.is_empty() {
        *value = new;
        return Some(());
    }
    let (parent, token) = split(path)?;
    match value.pointer_mut(parent)? {
        Value::Object(map) => {
            map.insert(token, new);
        }
        Value::Array(items) => {
            let index = if token == "-" { items.len() } else { index(&token)? };
            if index > items.len() {
                return None;
            }
            items.insert(index, new);
        }
        _ => return None,
    }
    Some(())
}

fn remove(value: &mut Value, path: &str) -> Option<Value> {
    let (parent, token) = split(path)?;
    match value.pointer_mut(parent)? {
        Value::Object(map) => map.shift_remove(&token),
        Value::Array(items) => {
            let index = index(&token).filter(|index| *index < items.len())?;
            Some(items.remove(index))
        }
        _ => None,
    }
}

/// An index as JSON pointers spell it: without sign and leading zeros.
fn index(token: &str) -> Option<usize> {
    let is_plain = token == "0" || !token.starts_with(['0', '+']);
    token.parse().ok().filter(|_| is_plain)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Patch;

    #[track_caller]
    fn check(before: &Value, patch: &Value, after: Option<&Value>) {
        let patched = Patch::read(patch).and_then(|patch| patch.apply(before));
        assert_eq!(patched.as_ref(), after, "{patch}");
    }

    #[test]
    fn operations_are_done_one_after_the_other() {
        let before = json!({"a": {"b": [1, 2]}, "x/y": null});
        for (patch, after) in [
            (json!([]), before.clone()),
            (
                json!([{"op": "add", "path": "/a/b/0", "value": 0}]),
                json!({"a": {"b": [0, 1, 2]}, "x/y": null}),
            ),
            (
                json!([{"op": "add", "path": "/a/b/-", "value": null}]),
                json!({"a": {"b": [1, 2, null]}, "x/y": null}),
            ),
            (
                json!([
                    {"op": "test", "path": "/x~1y", "value": null},
                    {"op": "remove", "path": "/x~1y"},
                    {"op": "copy", "from": "/a/b/1", "path": "/c"},
                    {"op": "move", "from": "/a/b", "path": "/a/d"},
                    {"op": "replace", "path": "/a/d/0", "value": {}}
                ]),
                json!({"a": {"d": [{}, 2]}, "c": 2}),
            ),
            (json!([{"op": "add", "path": "", "value": 7}]), json!(7)),
        ] {
            check(&before, &patch, Some(&after));
        }
    }

    #[test]
    fn what_cannot_be_done_is_no_patch() {
        let before = json!({"a": {"b": [1, 2]}});
        for patch in [
            json!({}),
            json!([{"op": "add", "path": "/a/c"}]),
            json!([{"op": "increment", "path": "/a"}]),
            json!([{"op": "add", "path": "/c/d", "value": 1}]),
            json!([{"op": "add", "path": "/a/b/3", "value": 1}]),
            json!([{"op": "add", "path": "/a/b/01", "value": 1}]),
            json!([{"op": "add", "path": "a", "value": 1}]),
            json!([{"op": "remove", "path": "/a/c"}]),
            json!([{"op": "remove", "path": ""}]),
            json!([{"op": "replace", "path": "/a/c", "value": 1}]),
            json!([{"op": "move", "from": "/a", "path": "/a/b"}]),
            json!([{"op": "copy", "from": "/z", "path": "/y"}]),
            json!([{"op": "test", "path": "/a/b/0", "value": 2}]),
        ] {
            check(&before, &patch, None);
        }
    }
}
