//! Where a path leads in a config as it is written.
//!
//! Settings of a section may stand beside its `type` or in a `config` object, those of the engine
//! at the root or in `engine`, and a setting under a former name or where former releases had it.
//! A path leads to where the file has it, and what is new goes where the section keeps the rest.

use std::ops::Range;

use serde_json::Value;

use super::language::{About, Language, wrapper};
use super::path::Path;
use super::{EditError, absent};
use crate::config::Node;
use crate::config::node::NodeValue;
use crate::config::upgrade::modernize;

/// Keys that stand beside the object with a section's settings.
const BESIDE_WRAPPER: [&str; 4] = ["type", "name", "host", "evaluator"];

/// Where a path leads.
#[derive(Debug, Clone)]
pub(super) struct Place<'a> {
    /// Containers from the root down, each with which of its members is next.
    pub(super) trail: Vec<(&'a Node, usize)>,
    /// The deepest node that is there.
    pub(super) node: &'a Node,
    /// What is not there yet, below it.
    pub(super) missing: Vec<String>,
}

impl Place<'_> {
    /// The path as it is written, to the deepest node that is there.
    pub(super) fn written(&self) -> Path {
        Path::of(self.trail.iter().map(|(container, index)| match &container.value {
            NodeValue::Object(entries) => entries[*index].key.clone(),
            NodeValue::Array(_) | NodeValue::Scalar(_) => index.to_string(),
        }))
    }
}

/// Where `path` leads in `root`.
pub(super) fn locate<'a>(
    root: &'a Node,
    language: &'a Language<'a>,
    path: &Path,
) -> Result<Place<'a>, EditError> {
    let written = walk(root, language, path);
    if written.as_ref().is_ok_and(|place| place.missing.is_empty()) {
        return written;
    }
    let mut modern = root.clone();
    modernize(&mut modern, language.catalog);
    let former = walk(&modern, language, path).ok().and_then(|place| {
        let trail = trail_to(root, &place.node.range)?;
        let node = member(trail.last()?)?;
        Some(Place { trail, node, missing: place.missing })
    });
    match (written, former) {
        (Ok(written), Some(former)) if former.missing.len() < written.missing.len() => Ok(former),
        (Err(_), Some(former)) => Ok(former),
        (written, _) => written,
    }
}

/// The way to the value at `range`.
fn trail_to<'a>(node: &'a Node, range: &Range<usize>) -> Option<Vec<(&'a Node, usize)>> {
    for index in 0.. {
        let inner = member(&(node, index))?;
        if inner.range == *range {
            return Some(vec![(node, index)]);
        }
        if inner.range.start <= range.start
            && range.end <= inner.range.end
            && let Some(below) = trail_to(inner, range)
        {
            return Some(std::iter::once((node, index)).chain(below).collect());
        }
    }
    None
}

fn member<'a>(&(container, index): &(&'a Node, usize)) -> Option<&'a Node> {
    match &container.value {
        NodeValue::Object(entries) => entries.get(index).map(|entry| &entry.node),
        NodeValue::Array(items) => items.get(index),
        NodeValue::Scalar(_) => None,
    }
}

fn walk<'a>(
    root: &'a Node,
    language: &'a Language<'a>,
    path: &Path,
) -> Result<Place<'a>, EditError> {
    let mut walk = Walk::new(root, language);
    for (index, token) in path.tokens.iter().enumerate() {
        if !walk.step(token)? {
            return walk.missing(path, index);
        }
    }
    let Walk { trail, node, .. } = walk;
    Ok(Place { trail, node, missing: Vec::new() })
}

/// What the schemas say about the place that `path` leads to, and its node when it is there.
pub(super) fn describe<'a>(
    root: &'a Node,
    language: &'a Language<'a>,
    path: &Path,
) -> Result<(About<'a>, Vec<String>, Option<&'a Node>), EditError> {
    let mut walk = Walk::new(root, language);
    for (index, token) in path.tokens.iter().enumerate() {
        if walk.step(token)? {
            continue;
        }
        let Walk { node, mut about, mut keys, .. } = walk;
        let unknown = Node::object(Vec::new(), 0..0);
        for token in &path.tokens[index..] {
            about = if about.says("items").is_some() { about.item() } else { about.key(token) };
            keys.push(token.clone());
            about = language.of_type(&keys, &unknown, about);
        }
        if about.parts.is_empty() {
            let parent = Path::of(&path.tokens[..index]);
            return Err(absent(node, &parent, token));
        }
        return Ok((about, keys, None));
    }
    Ok((walk.about, walk.keys, Some(walk.node)))
}

struct Walk<'a> {
    language: &'a Language<'a>,
    root: &'a Node,
    trail: Vec<(&'a Node, usize)>,
    node: &'a Node,
    keys: Vec<String>,
    about: About<'a>,
    /// The section around `node`, when that is the object with its settings.
    inside: Option<&'a Node>,
}

impl<'a> Walk<'a> {
    fn new(root: &'a Node, language: &'a Language<'a>) -> Self {
        let (about, trail, keys) = (language.root(), Vec::new(), Vec::new());
        Self { language, root, trail, node: root, keys, about, inside: None }
    }

    /// Goes to `token`; tells whether it is there.
    fn step(&mut self, token: &str) -> Result<bool, EditError> {
        match &self.node.value {
            NodeValue::Scalar(value) => {
                let path = self.path();
                Err(EditError::NoObject { path, found: value.to_string(), token: token.to_owned() })
            }
            NodeValue::Array(items) => {
                let is_called =
                    |item: &Node| item.get("name").and_then(Node::as_str) == Some(token);
                let index = items.iter().position(is_called).or_else(|| token.parse().ok());
                let Some(index) = index.filter(|index| *index < items.len()) else {
                    return Ok(false);
                };
                self.down(self.node, index, token);
                Ok(true)
            }
            NodeValue::Object(_) => self.step_in_object(token),
        }
    }

    fn step_in_object(&mut self, token: &str) -> Result<bool, EditError> {
        let names = self.about.names(token);
        if let Some(index) = self.index(self.node, token, &names)? {
            self.down(self.node, index, &names[0]);
            return Ok(true);
        }
        if let Some((index, wrapper)) = self.wrapper()
            && let Some(inner) = self.index(wrapper, token, &names)?
        {
            self.trail.push((self.node, index));
            self.down(wrapper, inner, &names[0]);
            return Ok(true);
        }
        if let Some(section) = self.inside
            && let Some(index) = self.index(section, token, &names)?
        {
            self.trail.pop();
            self.down(section, index, &names[0]);
            return Ok(true);
        }
        Ok(self.is_transparent(token))
    }

    /// The object with the settings of the section `node`: its place and itself.
    fn wrapper(&self) -> Option<(usize, &'a Node)> {
        let key = if self.keys.is_empty() { "engine" } else { wrapper(&self.keys)? };
        let index = self.node.index_of(key).filter(|_| self.inside.is_none())?;
        let wrapper = &self.node.entries()?[index].node;
        wrapper.entries().is_some().then_some((index, wrapper))
    }

    /// Whether `token` names an object for settings that the section does not have, so that the
    /// next step starts here too.
    fn is_transparent(&mut self, token: &str) -> bool {
        if self.keys.is_empty() {
            let entries = self.root.entries().unwrap_or_default();
            let is_engine = token == "engine"
                && entries.iter().any(|e| self.language.is_engine_setting(&e.key));
            if is_engine {
                self.about = self.about.key(token);
                self.keys.push(token.to_owned());
            }
            return is_engine;
        }
        self.inside.is_none() && wrapper(&self.keys) == Some(token)
    }

    fn down(&mut self, container: &'a Node, index: usize, key: &str) {
        self.trail.push((container, index));
        let (node, is_item) = match &container.value {
            NodeValue::Object(entries) => (&entries[index].node, false),
            NodeValue::Array(items) => (&items[index], true),
            NodeValue::Scalar(_) => return,
        };
        let enters_wrapper = self.inside.is_none()
            && std::ptr::eq(container, self.node)
            && wrapper(&self.keys) == Some(key)
            && node.entries().is_some();
        let enters_engine = self.keys.is_empty() && key == "engine";
        self.inside = (enters_wrapper || enters_engine).then_some(container);
        self.node = node;
        if enters_wrapper {
            return;
        }
        let from_engine = !std::ptr::eq(container, self.root) && self.keys.is_empty();
        let about = if from_engine { self.about.key("engine") } else { self.about.clone() };
        let about = if is_item { about.item() } else { about.key(key) };
        self.keys.push(key.to_owned());
        self.about = self.language.of_type(&self.keys, node, about);
    }

    /// The entry of `object` under one of `names`; the name that was given first.
    fn index(
        &self,
        object: &Node,
        token: &str,
        names: &[String],
    ) -> Result<Option<usize>, EditError> {
        let is_root = std::ptr::eq(object, self.root);
        let crosses = if is_root { self.keys == ["engine"] } else { self.keys.is_empty() };
        if crosses && !self.may_cross(object, &names[0]) {
            return Ok(None);
        }
        let entries = object.entries().unwrap_or_default();
        let written = std::iter::once(token).chain(names.iter().map(String::as_str));
        let Some(key) = written.into_iter().find(|name| object.index_of(name).is_some()) else {
            return Ok(None);
        };
        if entries.iter().filter(|entry| entry.key == key).count() > 1 {
            return Err(EditError::Twice { path: self.path(), key: key.to_owned() });
        }
        Ok(object.index_of(key))
    }

    /// Whether the engine's setting `key` may stand in `object`: in the root instead of `engine`,
    /// or the other way round.
    fn may_cross(&self, object: &Node, key: &str) -> bool {
        let has_no_engine = std::ptr::eq(object, self.root) && std::ptr::eq(object, self.node);
        if has_no_engine {
            return self.language.root().key(key).parts.is_empty();
        }
        self.language.is_engine_setting(key)
    }

    fn path(&self) -> Path {
        Path::of(&self.keys)
    }

    /// The place of what is not there: below the object that would hold it.
    fn missing(mut self, path: &Path, index: usize) -> Result<Place<'a>, EditError> {
        let tokens = &path.tokens[index..];
        if let NodeValue::Array(items) = &self.node.value {
            let is_next = tokens[0] == "-" || tokens[0] == items.len().to_string();
            if tokens.len() > 1 || !is_next {
                let (path, token) = (self.path(), tokens[0].clone());
                return Err(EditError::NoItem { path, token, num_items: items.len() });
            }
        }
        let missing = self.spelled(tokens)?;
        if let Some((index, wrapper)) = self.wrapper()
            && self.belongs_inside(&missing[0])
        {
            self.trail.push((self.node, index));
            self.node = wrapper;
        }
        let Self { trail, node, .. } = self;
        Ok(Place { trail, node, missing })
    }

    fn belongs_inside(&self, key: &str) -> bool {
        if !self.keys.is_empty() {
            return !BESIDE_WRAPPER.contains(&key);
        }
        let entries = self.root.entries().unwrap_or_default();
        let is_setting = |key: &str| self.language.is_engine_setting(key);
        is_setting(key) && !entries.iter().any(|entry| is_setting(&entry.key))
    }

    /// `tokens` under the names of today.
    fn spelled(&self, tokens: &[String]) -> Result<Vec<String>, EditError> {
        let mut about = self.about.clone();
        let mut path = self.path();
        let mut spelled = Vec::new();
        for (index, token) in tokens.iter().enumerate() {
            let is_number = token == "-" || token.bytes().all(|byte| byte.is_ascii_digit());
            if index > 0 && is_number && !is_map(&about) {
                return Err(EditError::NoList { path, token: token.clone() });
            }
            let name = about.names(token).swap_remove(0);
            about = about.key(&name);
            path = path.join(&name);
            spelled.push(name);
        }
        Ok(spelled)
    }
}

/// Whether any key may stand there.
fn is_map(about: &About<'_>) -> bool {
    about.says("additionalProperties").is_some_and(Value::is_object)
}
