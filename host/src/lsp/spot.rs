//! What of a config stands at an offset of its text.

use std::ops::Range;

use crate::config::Node;
use crate::config::node::NodeValue;

/// A key or value of a config.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Spot<'a> {
    /// Keys and indices that lead to the value.
    pub(super) path: Vec<String>,
    /// Bytes of the key or value.
    pub(super) range: Range<usize>,
    /// The value.
    pub(super) node: &'a Node,
    /// Whether it is the key that stands there.
    pub(super) is_key: bool,
}

/// The key or plain value of `root` at `offset`.
pub(super) fn spot(root: &Node, offset: usize) -> Option<Spot<'_>> {
    let is_at = |range: &Range<usize>| range.start <= offset && offset <= range.end;
    let mut path = Vec::new();
    let mut node = root;
    loop {
        match &node.value {
            NodeValue::Scalar(_) => {
                let range = node.range.clone();
                return is_at(&range).then_some(Spot { path, range, node, is_key: false });
            }
            NodeValue::Array(items) => {
                let index = items.iter().position(|item| is_at(&item.range))?;
                path.push(index.to_string());
                node = &items[index];
            }
            NodeValue::Object(entries) => {
                if let Some(entry) = entries.iter().find(|entry| is_at(&entry.key_range)) {
                    path.push(entry.key.clone());
                    let range = entry.key_range.clone();
                    return Some(Spot { path, range, node: &entry.node, is_key: true });
                }
                let entry = entries.iter().find(|entry| is_at(&entry.node.range))?;
                path.push(entry.key.clone());
                node = &entry.node;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::spot;
    use crate::lsp::lenient;

    #[test]
    fn keys_and_values_are_found() {
        let text = r#"{"a": {"b": [1, "x"]}, "c": null}"#;
        let root = lenient::parse(text).unwrap();
        for (part, path, is_key) in [
            ("\"b\"", "a/b", true),
            ("x\"", "a/b/1", false),
            ("1", "a/b/0", false),
            ("\"c\"", "c", true),
            ("ull", "c", false),
        ] {
            let found = spot(&root, text.find(part).unwrap()).unwrap();
            assert_eq!((found.path.join("/").as_str(), found.is_key), (path, is_key));
        }
        assert_eq!(spot(&root, 0), None);
    }
}
