//! Writing a changed tree back as text, with the comments and the layout of the text it came from.
//!
//! A part that did not change is copied. Of an object or list that did, what stands between two
//! neighbors that stayed neighbors is copied too; the rest is laid out as the file is. A comment
//! goes where its entry goes: the entry that follows it, or the one before it on its line. When
//! that entry is gone, the next one has it.

mod layout;
mod orphans;
mod gaps;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use serde_json::Value;

use super::EditError;
use super::style::{Style, Writing};
use super::syntax::{refuse_markdown, unsure};
use super::trivia::{column, indent, is_first_on_line};
use crate::config::node::NodeValue;
use crate::config::source::Format;
use crate::config::{Node, Source, parse};
use layout::{Comment, Layout, Member};
use orphans::Orphans;

/// The text of `source` that says what `tree` does; `tree` comes from parsing `source`.
///
/// Entries of `tree` are known by the places of their keys and values in the text, so that they
/// may have been renamed, moved and removed, and others added. An unchanged tree gives the same
/// bytes.
///
/// # Errors
/// When `source` is no single config, or its layout cannot be kept safely.
pub fn rewrite(source: &Source, tree: &Node) -> Result<String, EditError> {
    refuse_markdown(source)?;
    let parsed = parse(source).documents;
    let [root] = parsed.as_slice() else { return Err(unsure(source)) };
    if root == tree {
        return Ok(source.text.clone());
    }
    let text = &source.text;
    let is_yaml = source.format() == Format::Yaml;
    let layout = Layout::of(text, root, is_yaml);
    let orphans = Orphans::of(&layout, tree);
    let writing = if is_yaml { Writing::Yaml } else { Writing::Json };
    let style = Style { writing, ..Style::of(text, root) };
    let mut writer = Writer { text, style, layout, orphans, told: BTreeSet::new(), is_yaml };
    let base = writer.base(root.range.start);
    let written = writer.value(tree, &base, true);
    let new = format!("{}{written}{}", &text[..root.range.start], &text[root.range.end..]);
    let edited = Source { path: source.path.clone(), text: new };
    match parse(&edited).documents.as_slice() {
        [found] if is_same(&found.to_value(), &tree.to_value()) => Ok(edited.text),
        _ => Err(unsure(source)),
    }
}

/// Whether two values are the same, with their entries in the same order.
fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            let is_same_entry =
                |(a, b): ((&String, &Value), (&String, &Value))| a.0 == b.0 && is_same(a.1, b.1);
            one.len() == other.len() && one.iter().zip(other).all(is_same_entry)
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(a, b)| is_same(a, b))
        }
        (one, other) => one == other,
    }
}

struct Writer<'a> {
    text: &'a str,
    is_yaml: bool,
    style: Style,
    layout: Layout<'a>,
    orphans: Orphans,
    /// Members whose comments are written.
    told: BTreeSet<usize>,
}

/// A member of the new tree.
struct Child<'a> {
    key: Option<&'a str>,
    node: &'a Node,
    /// The member of the text it was.
    origin: Option<usize>,
}

/// The container that is being written.
struct Frame {
    /// The container of the text it was.
    origin: Option<usize>,
    /// Whether it is written without brackets.
    is_block: bool,
    /// Indentation of its line; of a block that of its members.
    base: String,
    /// Indentation of its members, when they stand on lines of their own.
    inner: Option<String>,
}

impl Writer<'_> {
    /// The text of `node` on a line indented by `base`.
    fn value(&mut self, node: &Node, base: &str, has_lines: bool) -> String {
        let is_unchanged = self.layout.node(&node.range).is_some_and(|original| original == node);
        if is_unchanged {
            return self.copy(node.range.start, node.range.end, base, node.range.start);
        }
        let children: Vec<Child<'_>> = match &node.value {
            NodeValue::Scalar(value) => return self.style.scalar(value),
            NodeValue::Array(items) => {
                let origin = |item: &Node| self.layout.member(None, &item.range);
                let child = |node| Child { key: None, node, origin: origin(node) };
                items.iter().map(child).collect()
            }
            NodeValue::Object(entries) => entries
                .iter()
                .map(|entry| {
                    let origin = self.layout.member(Some(&entry.key_range), &entry.node.range);
                    Child { key: Some(&entry.key), node: &entry.node, origin }
                })
                .collect(),
        };
        if has_lines && self.is_block(node) {
            return self.block(node, &children, base);
        }
        self.bracketed(node, &children, base, has_lines)
    }

    fn bracketed(
        &mut self,
        node: &Node,
        children: &[Child<'_>],
        base: &str,
        has_lines: bool,
    ) -> String {
        let origin = self.layout.container(node);
        let origin = origin.filter(|origin| !self.layout.containers[*origin].is_block);
        let (open, close) = if node.entries().is_some() { ("{", "}") } else { ("[", "]") };
        let inner = self.inner(origin, children, base, has_lines && !self.is_yaml);
        let frame = Frame { origin, is_block: false, base: base.to_owned(), inner };
        format!("{open}{}{close}", self.members(&frame, children))
    }

    /// The text of a container without brackets, whose members are indented by `base`.
    fn block(&mut self, node: &Node, children: &[Child<'_>], base: &str) -> String {
        let origin = self.layout.container(node);
        let (base, inner) = (base.to_owned(), Some(base.to_owned()));
        self.members(&Frame { origin, is_block: true, base, inner }, children)
    }

    fn members(&mut self, frame: &Frame, children: &[Child<'_>]) -> String {
        let mut text = String::new();
        let mut before = None;
        for child in children {
            text.push_str(&self.gap(frame, before, child));
            text.push_str(&self.member(child, frame));
            before = Some(child);
        }
        text + &self.end(frame, before)
    }

    /// Indentation of the members of a container that has, or had, them on lines of their own.
    fn inner(
        &self,
        origin: Option<usize>,
        children: &[Child<'_>],
        base: &str,
        has_lines: bool,
    ) -> Option<String> {
        let by_unit = || format!("{base}{}", self.style.unit);
        let is_line = |comment: &Comment| {
            self.text[comment.range.clone()].starts_with(['#', '/'])
                && !self.text[comment.range.clone()].starts_with("/*")
        };
        let has_line = |id: &usize| {
            let member = &self.layout.members[*id];
            member.leading.iter().chain(&member.trailing).any(is_line)
        };
        let needs_lines = children.iter().filter_map(|child| child.origin.as_ref()).any(has_line);
        let Some(origin) = origin else { return (has_lines || needs_lines).then(by_unit) };
        let container = &self.layout.containers[origin];
        let members = container.members.iter().map(|&id| &self.layout.members[id]);
        let start = container.node.range.start;
        let on_line: Option<usize> = members
            .map(|member| member.range.start)
            .find(|start| is_first_on_line(self.text, *start));
        let needs_lines = needs_lines || container.head.iter().chain(&container.tail).any(is_line);
        match on_line {
            Some(member) => {
                let unit = indent(self.text, member).strip_prefix(indent(self.text, start));
                Some(format!("{base}{}", unit.unwrap_or(&self.style.unit)))
            }
            None if needs_lines || (container.members.is_empty() && has_lines) => Some(by_unit()),
            None => None,
        }
    }

    fn member(&mut self, child: &Child<'_>, frame: &Frame) -> String {
        if frame.is_block {
            return self.block_member(child, &frame.base);
        }
        let base = frame.inner.as_deref().unwrap_or(&frame.base);
        let value = self.value(child.node, base, frame.inner.is_some());
        let Some(key) = child.key else { return value };
        let member = child.origin.map(|origin| &self.layout.members[origin]);
        let colon = member.and_then(|member| {
            let (_, place) = member.key.as_ref()?;
            self.text.get(place.end..member.node.range.start).filter(|colon| colon.contains(':'))
        });
        format!("{}{}{value}", self.key(key, member), colon.unwrap_or(&self.style.colon))
    }

    /// An entry or item of a block that is indented by `base`.
    fn block_member(&mut self, child: &Child<'_>, base: &str) -> String {
        let is_block = self.is_block(child.node);
        let member = child.origin.map(|origin| &self.layout.members[origin]);
        let mark = child.key.map_or_else(|| "-".to_owned(), |key| self.key(key, member));
        let kept = member.filter(|member| {
            member.node.range == child.node.range && self.is_block(member.node) == is_block
        });
        if let Some(member) = kept
            && let Some(between) = self.between(member, child.key.is_some())
        {
            let Member { range, node, .. } = member;
            let (start, value) = (range.start, node.range.start);
            let columns =
                column(self.text, value).len().saturating_sub(column(self.text, start).len());
            let inner = format!("{base}{}", " ".repeat(columns));
            let between = self.copy(between, value, base, start);
            return format!("{mark}{between}{}", self.value(child.node, &inner, true));
        }
        let colon = if child.key.is_some() { ":" } else { "" };
        if !is_block {
            return format!("{mark}{colon} {}", self.value(child.node, base, false));
        }
        let unit = if child.key.is_some() { self.style.unit.clone() } else { "  ".to_owned() };
        let inner = format!("{base}{unit}");
        let head = self.layout.container(child.node).map(|id| &self.layout.containers[id].head);
        let head = head.into_iter().flatten().map(|comment| &self.text[comment.range.clone()]);
        let start = format!("{}{inner}", self.style.newline);
        let comments: String = head.flat_map(|comment| [start.as_str(), comment]).collect();
        let is_inline = child.key.is_none() && comments.is_empty();
        let start = if is_inline { " ".to_owned() } else { comments + &start };
        format!("{mark}{colon}{start}{}", self.value(child.node, &inner, true))
    }

    /// Where the text between the mark of a member and its value starts.
    fn between(&self, member: &Member<'_>, is_entry: bool) -> Option<usize> {
        let start = match &member.key {
            Some((_, key)) => key.end,
            None => member.range.start + 1,
        };
        let between = self.text.get(start..member.node.range.start)?;
        let is_right = is_entry == member.key.is_some()
            && is_entry == between.trim_start().starts_with(':')
            && between.ends_with([' ', '\t', '\n', ':', '-']);
        is_right.then_some(start)
    }

    /// Whether `node` is written without brackets where that may be.
    fn is_block(&self, node: &Node) -> bool {
        let is_empty = match &node.value {
            NodeValue::Scalar(_) => true,
            NodeValue::Array(items) => items.is_empty(),
            NodeValue::Object(entries) => entries.is_empty(),
        };
        let origin = self.layout.container(node).map(|id| self.layout.containers[id].is_block);
        self.is_yaml && !is_empty && origin.unwrap_or(true)
    }

    fn key(&self, key: &str, member: Option<&Member<'_>>) -> String {
        match member.and_then(|member| member.key.as_ref()) {
            Some((old, place)) if *old == key => self.text[place.clone()].to_owned(),
            _ => self.style.key(key),
        }
    }

    /// What the lines of a value that starts at `at` are indented by.
    fn base(&self, at: usize) -> String {
        if self.is_yaml { column(self.text, at) } else { indent(self.text, at).to_owned() }
    }

    /// The text from `start` to `end`, its further lines indented by `base` instead of as what
    /// starts at `from`.
    fn copy(&self, start: usize, end: usize, base: &str, from: usize) -> String {
        let old = self.base(from);
        let text = self.text.get(start..end).unwrap_or_default();
        if old == base {
            return text.to_owned();
        }
        let num_newlines = text.matches('\n').count();
        let mut lines = text.split('\n').enumerate();
        let first = lines.next().map_or("", |(_, line)| line).to_owned();
        lines.fold(first, |mut copied, (index, line)| {
            let is_blank = line.trim().is_empty() && index < num_newlines;
            copied.push('\n');
            match line.strip_prefix(old.as_str()) {
                Some(rest) if !is_blank => copied.extend([base, rest]),
                _ => copied.push_str(line),
            }
            copied
        })
    }
}
