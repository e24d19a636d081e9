//! Who gets the comments of members that are gone.

use std::collections::BTreeMap;

use super::layout::{Comment, Layout};
use crate::config::Node;
use crate::config::node::NodeValue;

/// Comments whose own member is gone, by who has them now.
#[derive(Default)]
pub(super) struct Orphans {
    /// Before a member.
    pub(super) before: BTreeMap<usize, Vec<Comment>>,
    /// At the end of a container.
    pub(super) at_end: BTreeMap<usize, Vec<Comment>>,
}

impl Orphans {
    /// Of the members of `layout` that are not in `tree`.
    pub(super) fn of(layout: &Layout<'_>, tree: &Node) -> Self {
        let mut kept = Kept {
            members: vec![false; layout.members.len()],
            containers: vec![false; layout.containers.len()],
        };
        kept.mark(layout, tree);
        let mut orphans = Self::default();
        for (id, member) in layout.members.iter().enumerate() {
            if !kept.members[id] && kept.is_alive(layout, member.container) {
                orphans.give(layout, &kept, member.range.start, &member.leading);
            }
        }
        for (id, container) in layout.containers.iter().enumerate() {
            if !kept.containers[id] && kept.is_alive(layout, id) {
                orphans.give(layout, &kept, container.node.range.start, &container.head);
                orphans.give(layout, &kept, container.node.range.end, &container.tail);
            }
        }
        orphans
    }

    /// Gives `comments` that stood at `place` to what follows in the container around it.
    fn give(&mut self, layout: &Layout<'_>, kept: &Kept, place: usize, comments: &[Comment]) {
        if comments.is_empty() {
            return;
        }
        let around = layout.containers.iter().enumerate().rfind(|(id, container)| {
            let range = &container.node.range;
            kept.containers[*id] && range.start < place && place < range.end
        });
        let Some((around, container)) = around else { return };
        let next = layout.members.iter().enumerate().find(|(id, member)| {
            let start = member.range.start;
            kept.members[*id] && start >= place && start < container.node.range.end
        });
        let given = match next {
            Some((next, _)) => self.before.entry(next).or_default(),
            None => self.at_end.entry(around).or_default(),
        };
        given.extend(comments.iter().cloned());
    }
}

/// Which parts of the text are in the new tree.
struct Kept {
    members: Vec<bool>,
    containers: Vec<bool>,
}

impl Kept {
    fn mark(&mut self, layout: &Layout<'_>, node: &Node) {
        if let Some(container) = layout.container(node) {
            self.containers[container] = true;
        }
        match &node.value {
            NodeValue::Scalar(_) => {}
            NodeValue::Array(items) => {
                for item in items {
                    self.mark_member(layout, layout.member(None, &item.range), item);
                }
            }
            NodeValue::Object(entries) => {
                for entry in entries {
                    let member = layout.member(Some(&entry.key_range), &entry.node.range);
                    self.mark_member(layout, member, &entry.node);
                }
            }
        }
    }

    fn mark_member(&mut self, layout: &Layout<'_>, member: Option<usize>, node: &Node) {
        if let Some(member) = member {
            self.members[member] = true;
        }
        self.mark(layout, node);
    }

    /// Whether a container, or a member from within it, is still there.
    fn is_alive(&self, layout: &Layout<'_>, container: usize) -> bool {
        let range = &layout.containers[container].node.range;
        let is_inside = |start: usize| range.start < start && start < range.end;
        let mut members = layout.members.iter().zip(&self.members);
        self.containers[container]
            || members.any(|(member, is_kept)| *is_kept && is_inside(member.range.start))
    }
}
