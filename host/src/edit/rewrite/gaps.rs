//! What stands between members: commas, comments, newlines, indentation.

use std::ops::Range;

use super::layout::Comment;
use super::{Child, Frame, Writer};
use crate::edit::trivia::indent;

impl Writer<'_> {
    /// What stands before `child`: comma, comments, newline and indentation.
    pub(super) fn gap(
        &mut self,
        frame: &Frame,
        before: Option<&Child<'_>>,
        child: &Child<'_>,
    ) -> String {
        if let Some((start, end)) = self.kept_gap(frame, before, child) {
            self.told.extend(before.and_then(|before| before.origin));
            return self.copy(start, end, &frame.base, self.base_of(frame));
        }
        let comma = if frame.is_block { "" } else { "," };
        let mut gap = match before {
            Some(before) => format!("{comma}{}", self.trailing(before)),
            None => self.head(frame),
        };
        let own = child.origin.filter(|origin| !self.told.contains(origin));
        let member = own.map(|origin| &self.layout.members[origin]);
        let orphans = own.and_then(|origin| self.orphans.before.get(&origin));
        let comments = orphans.into_iter().flatten();
        let comments: Vec<&Comment> =
            comments.chain(member.into_iter().flat_map(|member| &member.leading)).collect();
        let stayed = member.filter(|member| Some(member.container) == frame.origin);
        let num_newlines = stayed.map_or(1, |member| member.num_newlines);
        let is_first = before.is_none();
        let start = self.start_of_line(frame, num_newlines, is_first && comments.is_empty());
        for (index, comment) in comments.iter().enumerate() {
            gap.push_str(&self.own_line(frame, comment, is_first && index == 0));
        }
        gap + &start
    }

    /// The place of what stood before `child`, when that is still right.
    fn kept_gap(
        &self,
        frame: &Frame,
        before: Option<&Child<'_>>,
        child: &Child<'_>,
    ) -> Option<(usize, usize)> {
        let origin = child.origin?;
        let member = &self.layout.members[origin];
        let is_here = Some(member.container) == frame.origin;
        if !is_here || self.told.contains(&origin) || self.orphans.before.contains_key(&origin) {
            return None;
        }
        let end = member.range.start;
        match before {
            None if member.index == 0 => {
                Some((self.layout.containers[member.container].inside.start, end))
            }
            None => None,
            Some(before) => {
                let before = before.origin.filter(|before| !self.told.contains(before))?;
                let before = &self.layout.members[before];
                let is_neighbor =
                    before.container == member.container && before.index + 1 == member.index;
                is_neighbor.then_some((before.range.end, end))
            }
        }
    }

    /// What stands between the last member and the closing bracket.
    pub(super) fn end(&mut self, frame: &Frame, last: Option<&Child<'_>>) -> String {
        let container = frame.origin.map(|origin| &self.layout.containers[origin]);
        let orphans = frame.origin.and_then(|origin| self.orphans.at_end.get(&origin));
        if let (Some(container), None) = (container, orphans) {
            let Range { start: open, end: close } = container.inside;
            let kept = match last {
                None => container.members.is_empty().then_some(open),
                Some(last) => last.origin.filter(|id| !self.told.contains(id)).and_then(|id| {
                    let is_last = container.members.last() == Some(&id);
                    is_last.then_some(self.layout.members[id].range.end)
                }),
            };
            if let Some(start) = kept {
                return self.copy(start, close, &frame.base, self.base_of(frame));
            }
        }
        let tail: Vec<Comment> = container
            .into_iter()
            .flat_map(|container| &container.tail)
            .chain(orphans.into_iter().flatten())
            .cloned()
            .collect();
        let has_comma = container.is_some_and(|container| container.has_last_comma);
        let mut end = match last {
            Some(last) => {
                let comma = if has_comma { "," } else { "" };
                format!("{comma}{}", self.trailing(last))
            }
            None => self.head(frame),
        };
        for comment in &tail {
            end.push_str(&self.own_line(frame, comment, false));
        }
        let is_empty = last.is_none() && end.is_empty();
        match &frame.inner {
            Some(_) if !is_empty && !frame.is_block => {
                format!("{end}{}{}", self.style.newline, frame.base)
            }
            _ => end,
        }
    }

    /// Comments after a member on its line.
    fn trailing(&mut self, child: &Child<'_>) -> String {
        let Some(origin) = child.origin.filter(|origin| self.told.insert(*origin)) else {
            return String::new();
        };
        self.on_line(&self.layout.members[origin].trailing)
    }

    fn head(&self, frame: &Frame) -> String {
        let origin = frame.origin.filter(|_| !frame.is_block);
        origin.map_or_else(String::new, |id| self.on_line(&self.layout.containers[id].head))
    }

    /// Comments on the line they are about.
    fn on_line(&self, comments: &[Comment]) -> String {
        comments.iter().flat_map(|comment| [" ", &self.text[comment.range.clone()]]).collect()
    }

    /// A comment on a line of its own, or on the line of its container.
    fn own_line(&self, frame: &Frame, comment: &Comment, is_first: bool) -> String {
        let start = self.start_of_line(frame, comment.num_newlines.max(1), is_first);
        let inner = frame.inner.as_deref().unwrap_or(&frame.base);
        let base = indent(self.text, comment.range.start).len();
        let text = self.text[comment.range.clone()].lines().enumerate().map(|(index, line)| {
            let blank = line.len() - line.trim_start_matches([' ', '\t']).len();
            match index {
                0 => line.to_owned(),
                _ => format!("{}{inner}{}", self.style.newline, &line[base.min(blank)..]),
            }
        });
        format!("{start}{}", text.collect::<String>())
    }

    fn start_of_line(&self, frame: &Frame, num_newlines: usize, is_first: bool) -> String {
        let gap = self.style.comma.split_once(',').map_or(" ", |(_, gap)| gap);
        match &frame.inner {
            Some(_) if is_first && frame.is_block => String::new(),
            Some(inner) => format!("{}{inner}", self.style.newline.repeat(num_newlines.max(1))),
            None if is_first => String::new(),
            None => gap.to_owned(),
        }
    }

    /// Start of the line, in the text, that the members of a frame are indented from.
    fn base_of(&self, frame: &Frame) -> usize {
        frame.origin.map_or(0, |origin| self.layout.containers[origin].node.range.start)
    }
}
