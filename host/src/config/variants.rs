//! Variants of a config: what a search decides, and the config that each decision says.
//!
//! A pass may be a list of alternatives, `null` among them for leaving it out, and have values to
//! try for its settings. A [`Variants`] keeps such a config; [`Variants::stage`] gives the space of
//! decisions about some of its passes, [`Variants::decide`] the variant that a point of it stands
//! for, and [`Variants::derive`] the plain config that the variant says, with its places in the text.

mod read;
mod values;

pub use read::read;

use olive_schemas::search::Choice;
use olive_search::{Dimension, Level, Point, Space};
use serde_json::Value;

use super::node::{Entry, Node, NodeValue};
use super::upgrade::Upgraded;
use values::Setting;

/// A config with something to decide.
#[derive(Debug, Clone)]
pub struct Variants {
    upgraded: Upgraded,
    slots: Vec<Slot>,
}

/// A pass with something to decide.
#[derive(Debug, Clone)]
struct Slot {
    pass: String,
    alternatives: Vec<Alternative>,
}

/// One way to run a pass.
#[derive(Debug, Clone)]
struct Alternative {
    /// The pass without the values to try; none for leaving it out.
    pass: Option<Node>,
    settings: Vec<Setting>,
}

/// What was decided about every pass that has something to decide.
#[derive(Debug, Clone, PartialEq)]
pub struct Variant(Vec<Pick>);

/// What was decided about a pass.
#[derive(Debug, Clone, PartialEq)]
struct Pick {
    alternative: usize,
    /// Levels of the alternative's settings; none for the usual value.
    levels: Vec<Option<Level>>,
}

/// The space of decisions about some passes.
#[derive(Debug, Clone)]
pub struct Stage {
    /// The space.
    pub space: Space,
    meanings: Vec<Meaning>,
}

/// What a dimension decides.
#[derive(Debug, Clone, Copy)]
enum Meaning {
    Alternative { slot: usize },
    Setting { slot: usize, alternative: usize, setting: usize },
}

impl Variants {
    /// Names of the passes with something to decide, in the order they run.
    pub fn passes(&self) -> impl Iterator<Item = &str> {
        self.slots.iter().map(|slot| slot.pass.as_str())
    }

    /// Names of all passes, in the order they run.
    pub fn all_passes(&self) -> impl Iterator<Item = &str> {
        read::passes(&self.upgraded.tree).map(|(name, _)| name)
    }

    /// The config with all its alternatives, in its normalized form.
    pub fn template(&self) -> &Upgraded {
        &self.upgraded
    }

    /// Settings of `passes` that take any number of a range: their names and where the ranges stand.
    pub fn endless<'a>(&'a self, passes: &[String]) -> impl Iterator<Item = (&'a str, &'a str)> {
        let slots = self.slots.iter().filter(|slot| passes.contains(&slot.pass));
        let settings =
            slots.flat_map(|slot| &slot.alternatives).flat_map(|alternative| &alternative.settings);
        settings
            .filter(|setting| setting.values.domain().count().is_none())
            .map(|setting| (setting.name.as_str(), setting.pointer.as_str()))
    }

    /// The variant of first alternatives and usual values.
    pub fn first(&self) -> Variant {
        let pick = |slot: &Slot| slot.pick(0);
        Variant(self.slots.iter().map(pick).collect())
    }

    /// The space of decisions about `passes`, of settings too if asked for.
    pub fn stage(&self, passes: &[&str], with_settings: bool) -> Stage {
        let (mut dimensions, mut meanings) = (Vec::new(), Vec::new());
        for (slot, decided) in self.slots.iter().enumerate() {
            if !passes.contains(&decided.pass.as_str()) {
                continue;
            }
            let alternatives = decided.alternatives.len();
            let chooser = (alternatives > 1).then_some(dimensions.len());
            if chooser.is_some() {
                dimensions.push(Dimension::new(olive_search::Domain::Choices(alternatives)));
                meanings.push(Meaning::Alternative { slot });
            }
            for (alternative, way) in decided.alternatives.iter().enumerate() {
                let start = dimensions.len();
                let settings = way.settings.iter().enumerate().filter(|_| with_settings);
                for (setting, searched) in settings {
                    let mut dimension = Dimension::new(searched.values.domain());
                    if let Some(chooser) = chooser {
                        dimension = dimension.when(chooser, vec![alternative]);
                    }
                    for (earlier, choices) in &searched.when {
                        dimension = dimension.when(start + earlier, choices.clone());
                    }
                    dimensions.push(dimension);
                    meanings.push(Meaning::Setting { slot, alternative, setting });
                }
            }
        }
        Stage { space: Space::new(dimensions), meanings }
    }

    /// The variant that is `before` but for what `point` of `stage` decides.
    pub fn decide(&self, stage: &Stage, point: &Point, before: &Variant) -> Variant {
        let mut variant = before.clone();
        for (meaning, level) in stage.meanings.iter().zip(point) {
            if let (&Meaning::Alternative { slot }, &Some(Level::Choice(choice))) = (meaning, level)
            {
                variant.0[slot] = self.slots[slot].pick(choice);
            }
        }
        for (meaning, level) in stage.meanings.iter().zip(point) {
            if let Meaning::Setting { slot, alternative, setting } = *meaning
                && variant.0[slot].alternative == alternative
            {
                variant.0[slot].levels[setting] = *level;
            }
        }
        variant
    }

    /// What `variant` decides, for people.
    pub fn choices(&self, variant: &Variant) -> Vec<Choice> {
        let mut choices = Vec::new();
        for (slot, pick) in self.slots.iter().zip(&variant.0) {
            let alternative = &slot.alternatives[pick.alternative];
            let choice = |setting: Option<&Setting>, value| Choice {
                pass: slot.pass.clone(),
                setting: setting.map(|setting| setting.name.clone()),
                value,
            };
            if slot.alternatives.len() > 1 {
                choices.push(choice(None, slot.title(pick.alternative)));
            }
            for (setting, level) in alternative.settings.iter().zip(&pick.levels) {
                if let Some(level) = level {
                    choices.push(choice(Some(setting), setting.values.node(*level).to_value()));
                }
            }
        }
        choices
    }

    /// The config that `variant` says, with the passes up to `last` when one is named.
    pub fn derive(&self, variant: &Variant, last: Option<&str>) -> Upgraded {
        let mut derived = self.upgraded.clone();
        let mut gone = Vec::new();
        if let Some(passes) = derived.tree.get_mut("passes").and_then(Node::entries_mut) {
            if let Some(end) = last.and_then(|last| passes.iter().position(|pass| pass.key == last))
            {
                gone.extend(passes.drain(end + 1..).map(|entry| entry.key));
            }
            for (slot, pick) in self.slots.iter().zip(&variant.0) {
                let Some(at) = passes.iter().position(|entry| entry.key == slot.pass) else {
                    continue;
                };
                match slot.alternatives[pick.alternative].decided(&pick.levels) {
                    Some(pass) => passes[at].node = pass,
                    None => gone.push(passes.remove(at).key),
                }
            }
        }
        leave_out(&mut derived.tree, &gone);
        derived
    }

    /// Every variant that differs from `base` in one alternative, or in one listed value or end of a
    /// range: together they show each part of the config once.
    pub fn neighbors(&self, base: &Variant) -> Vec<Neighbor> {
        let mut neighbors = Vec::new();
        for (slot, decided) in self.slots.iter().enumerate() {
            for (number, alternative) in decided.alternatives.iter().enumerate() {
                let mut at = base.clone();
                if base.0[slot].alternative != number {
                    at.0[slot] = decided.pick(number);
                    neighbors.push(Neighbor { slot, variant: at.clone(), is_value: false });
                }
                for (setting, searched) in alternative.settings.iter().enumerate() {
                    for level in searched.values.examples() {
                        let mut variant = at.clone();
                        alternative.allow(setting, &mut variant.0[slot].levels);
                        variant.0[slot].levels[setting] = Some(level);
                        neighbors.push(Neighbor { slot, variant, is_value: true });
                    }
                }
            }
        }
        neighbors
    }

    /// Bytes of the source that `neighbor` shows and the variant it differs from does not.
    pub fn shown_by(&self, neighbor: &Neighbor) -> Option<std::ops::Range<usize>> {
        let pick = &neighbor.variant.0[neighbor.slot];
        let alternative = &self.slots[neighbor.slot].alternatives[pick.alternative];
        alternative.pass.as_ref().map(|pass| pass.range.clone())
    }

    /// All variants of alternatives, settings being usual.
    pub fn alternatives(&self) -> impl Iterator<Item = Variant> {
        let passes: Vec<&str> = self.passes().collect();
        let stage = self.stage(&passes, false);
        let mut sampler = olive_search::Sampler::sequential();
        let first = self.first();
        std::iter::from_fn(move || {
            let point = sampler.ask(&stage.space, &[])?;
            Some(self.decide(&stage, &point, &first))
        })
    }
}

/// A variant that differs in one thing from another.
#[derive(Debug, Clone)]
pub struct Neighbor {
    slot: usize,
    /// The variant.
    pub variant: Variant,
    /// Whether it differs in a value, not in an alternative.
    pub is_value: bool,
}

impl Slot {
    fn pick(&self, alternative: usize) -> Pick {
        Pick { alternative, levels: vec![None; self.alternatives[alternative].settings.len()] }
    }

    /// What people call an alternative: its type, and its number where others have that, too.
    fn title(&self, number: usize) -> Value {
        let kind = |alternative: &Alternative| {
            let pass = alternative.pass.as_ref()?;
            Some(pass.get("type").and_then(Node::as_str).unwrap_or_default().to_owned())
        };
        let Some(name) = kind(&self.alternatives[number]) else { return Value::Null };
        let same: Vec<usize> = (0..self.alternatives.len())
            .filter(|other| kind(&self.alternatives[*other]).as_ref() == Some(&name))
            .collect();
        match same.iter().position(|other| *other == number) {
            Some(at) if same.len() > 1 => format!("{name}#{}", at + 1).into(),
            _ => name.into(),
        }
    }
}

impl Alternative {
    /// Gives the settings that `setting` depends on the first levels with which it matters.
    fn allow(&self, setting: usize, levels: &mut [Option<Level>]) {
        for (earlier, choices) in &self.settings[setting].when {
            levels[*earlier] = choices.first().map(|choice| Level::Choice(*choice));
            self.allow(*earlier, levels);
        }
    }

    /// The pass with its settings at `levels`.
    fn decided(&self, levels: &[Option<Level>]) -> Option<Node> {
        let mut pass = self.pass.clone()?;
        for (setting, level) in self.settings.iter().zip(levels) {
            if let Some(level) = level {
                let path: Vec<&str> = setting.name.split('.').collect();
                put(&mut pass, &path, setting.values.node(*level));
            }
        }
        Some(pass)
    }
}

/// Puts `value` at `path` of `node`, making the objects on the way.
fn put(node: &mut Node, path: &[&str], value: Node) {
    let [key, below @ ..] = path else {
        *node = value;
        return;
    };
    if node.get(key).is_none() {
        let empty = Node::object(Vec::new(), value.range.clone());
        if let Some(entries) = node.entries_mut() {
            entries.push(Entry::new(*key, empty));
        }
    }
    if let Some(inner) = node.get_mut(key) {
        if inner.entries().is_none() && !below.is_empty() {
            *inner = Node::object(Vec::new(), value.range.clone());
        }
        put(inner, below, value);
    }
}

/// Takes the names of passes that are gone out of the pipelines of builds.
fn leave_out(root: &mut Node, gone: &[String]) {
    let builds = root.get_mut("builds").and_then(Node::entries_mut);
    for build in builds.into_iter().flatten() {
        if let Some(pipeline) = build.node.get_mut("pipeline")
            && let NodeValue::Array(names) = &mut pipeline.value
        {
            names.retain(|name| !name.as_str().is_some_and(|name| gone.iter().any(|g| g == name)));
        }
    }
}
