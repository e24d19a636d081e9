//! The members of a text and the comments that belong to each.

use std::ops::Range;

use crate::config::Node;
use crate::config::node::NodeValue;
use crate::edit::trivia::{comment_at, hash_comment_at};

/// Everything of a text that may move.
pub(super) struct Layout<'a> {
    text: &'a str,
    is_yaml: bool,
    /// Objects and lists, in the order they open.
    pub(super) containers: Vec<Container<'a>>,
    /// Entries and items, in the order they start.
    pub(super) members: Vec<Member<'a>>,
}

/// An object or a list.
pub(super) struct Container<'a> {
    pub(super) node: &'a Node,
    /// Whether it is written without brackets.
    pub(super) is_block: bool,
    /// Between its brackets.
    pub(super) inside: Range<usize>,
    /// Its members, by place in [`Layout::members`].
    pub(super) members: Vec<usize>,
    /// Comments on the line that opens it.
    pub(super) head: Vec<Comment>,
    /// Comments after its last member.
    pub(super) tail: Vec<Comment>,
    /// Whether a comma follows its last member.
    pub(super) has_last_comma: bool,
}

/// An entry or an item.
pub(super) struct Member<'a> {
    pub(super) node: &'a Node,
    pub(super) key: Option<Key<'a>>,
    /// From its key, or the dash of an item, to the end of its value.
    pub(super) range: Range<usize>,
    /// Its container, by place in [`Layout::containers`], and its index there.
    pub(super) container: usize,
    pub(super) index: usize,
    /// Newlines between it and what comes before.
    pub(super) num_newlines: usize,
    /// Comments before it.
    pub(super) leading: Vec<Comment>,
    /// Comments after it on its line.
    pub(super) trailing: Vec<Comment>,
}

/// A key and where it stands.
type Key<'a> = (&'a str, Range<usize>);

/// A comment, and the newlines between it and what comes before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Comment {
    pub(super) range: Range<usize>,
    pub(super) num_newlines: usize,
}

impl<'a> Layout<'a> {
    /// Of `text`, whose tree is `root`.
    pub(super) fn of(text: &'a str, root: &'a Node, is_yaml: bool) -> Self {
        let mut layout = Self { text, is_yaml, containers: Vec::new(), members: Vec::new() };
        layout.collect(root, root.range.start);
        layout
    }

    /// Whether a container that stands at `start` is written without brackets.
    pub(super) fn is_block(&self, start: usize) -> bool {
        self.is_yaml && !self.text[start..].starts_with(['{', '['])
    }

    /// The container at `range` when it is of the same kind as `node`.
    pub(super) fn container(&self, node: &Node) -> Option<usize> {
        self.containers.iter().position(|container| {
            let is_object = container.node.entries().is_some();
            container.node.range == node.range
                && is_object == node.entries().is_some()
                && is_object != node.items().is_some()
        })
    }

    /// The node that stands at `range`.
    pub(super) fn node(&self, range: &Range<usize>) -> Option<&'a Node> {
        let members = self.members.iter().map(|member| member.node);
        let mut nodes = self.containers.iter().take(1).map(|root| root.node).chain(members);
        nodes.find(|node| node.range == *range)
    }

    /// The member that an entry with its key at `key`, or else its value at `value`, was.
    pub(super) fn member(&self, key: Option<&Range<usize>>, value: &Range<usize>) -> Option<usize> {
        let by_key = key.and_then(|key| {
            self.members.iter().position(|m| m.key.as_ref().is_some_and(|(_, at)| at == key))
        });
        by_key.or_else(|| self.members.iter().position(|member| member.node.range == *value))
    }

    /// Takes up what is in `node`, to whose value the text from `from` on belongs.
    fn collect(&mut self, node: &'a Node, from: usize) {
        if matches!(node.value, NodeValue::Scalar(_)) {
            return;
        }
        let container = self.containers.len();
        let Range { start, end } = node.range;
        let is_block = self.is_block(start);
        let inside = if is_block { start..end } else { start + 1..end.max(start + 2) - 1 };
        let before = if is_block { from..start } else { start..start };
        let mut head = Gap::of(self, before, false);
        head.before.append(&mut head.after);
        let node_container = Container {
            node,
            is_block,
            inside: inside.clone(),
            members: Vec::new(),
            head: head.before,
            tail: Vec::new(),
            has_last_comma: false,
        };
        self.containers.push(node_container);
        let mut end = inside.start;
        for index in 0.. {
            let Some((key, range, inner)) = self.member_at(node, index) else { break };
            let gap = Gap::of(self, end..range.start, index > 0);
            self.give_before(container, gap.before);
            let id = self.members.len();
            self.containers[container].members.push(id);
            let from = key.as_ref().map_or(range.start + usize::from(is_block), |(_, key)| key.end);
            end = range.end;
            self.members.push(Member {
                node: inner,
                key,
                range,
                container,
                index,
                num_newlines: gap.num_newlines,
                leading: gap.after,
                trailing: Vec::new(),
            });
            self.collect(inner, from);
        }
        let is_empty = self.containers[container].members.is_empty();
        let gap = Gap::of(self, end..inside.end, !is_empty);
        self.give_before(container, gap.before);
        let last = &mut self.containers[container];
        last.tail = gap.after;
        last.has_last_comma = gap.has_comma;
    }

    /// Key, place and value of the member of `container` at `index`.
    fn member_at(
        &self,
        container: &'a Node,
        index: usize,
    ) -> Option<(Option<Key<'a>>, Range<usize>, &'a Node)> {
        let is_block = self.is_block(container.range.start);
        match &container.value {
            NodeValue::Object(entries) => {
                let entry = entries.get(index)?;
                let colon = self.text[entry.key_range.end..].find(':').unwrap_or_default();
                let after_colon = entry.key_range.end + colon + 1;
                let end = if is_block { after_colon } else { entry.key_range.end };
                let range = entry.key_range.start..entry.node.range.end.max(end);
                Some((Some((&entry.key, entry.key_range.clone())), range, &entry.node))
            }
            NodeValue::Array(items) => {
                let item = items.get(index)?;
                let before = self.text[..item.range.start].trim_end();
                let dash = before.len() - usize::from(before.ends_with('-'));
                let start = if is_block { dash } else { item.range.start };
                Some((None, start..item.range.end.max(start), item))
            }
            NodeValue::Scalar(_) => None,
        }
    }

    /// Gives comments on the line where the last member of `container` ends, or its opening.
    fn give_before(&mut self, container: usize, comments: Vec<Comment>) {
        match self.containers[container].members.last() {
            Some(&last) => self.members[last].trailing = comments,
            None => self.containers[container].head.extend(comments),
        }
    }
}

/// What stands between two members.
struct Gap {
    /// Comments that belong to what is before.
    before: Vec<Comment>,
    /// Comments that belong to what follows.
    after: Vec<Comment>,
    /// Newlines directly before what follows.
    num_newlines: usize,
    has_comma: bool,
}

impl Gap {
    /// What `range` holds, where `is_after_member` tells that a member is before it.
    fn of(layout: &Layout<'_>, range: Range<usize>, is_after_member: bool) -> Self {
        let text = layout.text;
        let (mut found, mut num_lines, mut num_newlines, mut has_comma) = (Vec::new(), 0, 0, false);
        let mut at = range.start;
        while at < range.end {
            let comment =
                if layout.is_yaml { hash_comment_at(text, at) } else { comment_at(text, at) };
            if let Some(range) = comment {
                at = range.end;
                found.push((num_lines, has_comma, Comment { range, num_newlines }));
                num_newlines = 0;
                continue;
            }
            match text.as_bytes()[at] {
                b'\n' => (num_lines, num_newlines) = (num_lines + 1, num_newlines + 1),
                b',' => has_comma = true,
                _ => {}
            }
            at += 1;
        }
        let is_before = |&(line, is_after_comma, _): &(usize, bool, Comment)| {
            line == 0 && (num_lines > 0 || (is_after_member && !is_after_comma))
        };
        let (before, after): (Vec<_>, Vec<_>) = found.into_iter().partition(is_before);
        let comments = |found: Vec<(usize, bool, Comment)>| {
            found.into_iter().map(|(_, _, comment)| comment).collect()
        };
        Self { before: comments(before), after: comments(after), num_newlines, has_comma }
    }
}
