//! Marks in a schema: keys that begin with `x-olive-`, which the host reads.

use olive_schemas::advice::{AcceleratorRule, Advice, EvalSplit, Unavailable};
use olive_schemas::ids::Ids;
use olive_schemas::pointer::{escape, unescape};
use olive_schemas::shortcut::Offer;
use serde::Deserialize;
use serde_json::Value;

use super::super::report::{Finding, counted, unless_any};
use super::Whose;
use crate::config::references::{
    ACCELERATORS, ADAPTER, ADVICE, EVAL_SPLIT, IDS, IGNORED, MEMORY, PATH, QUALITY_HELP, RANKS,
    REFERENCE, RENAMED_FROM, SEARCHED, SHARED_DIR, SHORTCUTS, THREADS, UNAVAILABLE,
    UNAVAILABLE_VALUES, parts, shared_place,
};

/// What all marks begin with.
const MARK: &str = "x-olive-";

/// Marks of the whole pass.
const ROOT_ONLY: [&str; 10] = [
    ADVICE,
    ACCELERATORS,
    EVAL_SPLIT,
    IDS,
    MEMORY,
    QUALITY_HELP,
    RANKS,
    SHARED_DIR,
    SHORTCUTS,
    THREADS,
];

/// Marks that are read of a packager's settings.
const OF_PACKAGERS: [&str; 4] = [PATH, IGNORED, UNAVAILABLE, UNAVAILABLE_VALUES];

/// Whether the marks of `schema` are known, read and well formed, and point to settings that exist.
pub(super) fn check(whose: Whose, schema: &Value) -> Finding {
    let mut found = Found { whose, document: schema, count: 0, problems: Vec::new() };
    found.look(schema, "");
    let Found { count, problems, .. } = found;
    unless_any(problems, format!("{} in order", counted(count, "mark")))
}

struct Found<'a> {
    whose: Whose,
    document: &'a Value,
    count: usize,
    problems: Vec<String>,
}

impl Found<'_> {
    /// Looks at every object of the schema, but not into marks and values.
    fn look(&mut self, schema: &Value, place: &str) {
        match schema {
            Value::Object(map) => {
                for (key, value) in map {
                    if key.starts_with(MARK) {
                        self.mark(key, value, place);
                    } else if !["default", "enum", "const", "examples"].contains(&key.as_str()) {
                        self.look(value, &format!("{place}/{key}"));
                    }
                }
            }
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.look(item, &format!("{place}/{index}"));
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    fn mark(&mut self, mark: &str, value: &Value, place: &str) {
        self.count += 1;
        if let Err(why) = self.problem(mark, value, place) {
            let place = if place.is_empty() { "the root" } else { place };
            self.problems.push(format!("`{mark}` at {place}: {why}"));
        }
    }

    fn problem(&self, mark: &str, value: &Value, place: &str) -> Result<(), String> {
        match mark {
            REFERENCE => one_of(value, &["data_config", "evaluator", "system", "pass"]),
            PATH => one_of(value, &["input", "output"]),
            ADAPTER => one_of(value, &["adds", "merges", "refuses"]),
            QUALITY_HELP => text(value),
            RENAMED_FROM => list(value)?.iter().try_for_each(text),
            SEARCHED if list(value)?.is_empty() => Err("it lists no value".into()),
            SEARCHED => Ok(()),
            IGNORED | UNAVAILABLE | UNAVAILABLE_VALUES => {
                let reasons = value.as_object().ok_or("it is no object of reasons")?;
                reasons.values().try_for_each(|value| reason(mark, value))
            }
            ADVICE => list(value)?.iter().try_for_each(|advice| self.advice(advice)),
            ACCELERATORS => list(value)?.iter().try_for_each(|rule| self.accelerator_rule(rule)),
            EVAL_SPLIT => self.eval_split(value),
            SHORTCUTS => list(value)?.iter().try_for_each(|offer| self.offer(offer)),
            IDS => self.ids(value),
            RANKS | THREADS | MEMORY => {
                self.pointer(&format!("/{}", value.as_str().unwrap_or_default()))
            }
            SHARED_DIR => list(value)?.iter().try_for_each(|place| {
                shared_place(place.as_str().unwrap_or_default())?;
                Ok(())
            }),
            _ => Err("no such mark is known".into()),
        }?;
        if !place.is_empty() && ROOT_ONLY.contains(&mark) {
            return Err("it is read at the root only".into());
        }
        if self.whose == Whose::Packagers && !OF_PACKAGERS.contains(&mark) {
            return Err("it is not read of a packager".into());
        }
        Ok(())
    }

    fn advice(&self, advice: &Value) -> Result<(), String> {
        let advice = Advice::deserialize(advice).map_err(|error| error.to_string())?;
        let above = advice.above.iter().flatten();
        let pointers = std::iter::once(&advice.at).chain(&advice.related).chain(above);
        pointers.map(String::as_str).try_for_each(|pointer| self.pointer(pointer))?;
        condition(advice.condition.as_ref())
    }

    fn accelerator_rule(&self, rule: &Value) -> Result<(), String> {
        let rule = AcceleratorRule::deserialize(rule).map_err(|error| error.to_string())?;
        self.pointer(&rule.at)?;
        condition(rule.condition.as_ref())
    }

    fn ids(&self, ids: &Value) -> Result<(), String> {
        let ids = Ids::deserialize(ids).map_err(|error| error.to_string())?;
        self.pointer(&format!("/{}", ids.key))?;
        condition(Some(&serde_json::json!({"pattern": ids.pattern})))
    }

    fn eval_split(&self, split: &Value) -> Result<(), String> {
        let split = EvalSplit::deserialize(split).map_err(|error| error.to_string())?;
        let pointers = [&split.of, &split.size].into_iter().chain(&split.unless);
        pointers.chain(&split.seeds).try_for_each(|pointer| self.pointer(pointer))
    }

    fn offer(&self, offer: &Value) -> Result<(), String> {
        let offer = Offer::deserialize(offer).map_err(|error| error.to_string())?;
        let settings = offer.settings.keys().chain(offer.search_space.keys());
        settings.map(|key| format!("/{}", escape(key))).try_for_each(|place| self.pointer(&place))
    }

    /// Refuses a pointer that leads to no setting.
    fn pointer(&self, pointer: &str) -> Result<(), String> {
        let mut schema = vec![self.document];
        for key in pointer.split('/').skip(1) {
            let key = unescape(key);
            let all = schema.into_iter().flat_map(|schema| parts(schema, self.document));
            schema = all.filter_map(|part| part.get("properties")?.get(&key)).collect();
        }
        if schema.is_empty() { Err(format!("`{pointer}` is no setting")) } else { Ok(()) }
    }
}

fn reason(mark: &str, reason: &Value) -> Result<(), String> {
    match reason {
        Value::String(_) => text(reason),
        Value::Object(_) if mark == UNAVAILABLE => {
            Unavailable::deserialize(reason).map(|_| ()).map_err(|error| error.to_string())
        }
        Value::Object(map) if mark == IGNORED => {
            text(map.get("reason").unwrap_or(&Value::Null))?;
            let odd = map.keys().find(|key| !["reason", "harmless"].contains(&key.as_str()));
            odd.map_or(Ok(()), |key| Err(format!("unknown key `{key}`")))
        }
        _ => Err(format!("{reason} is no reason")),
    }
}

fn condition(schema: Option<&Value>) -> Result<(), String> {
    let Some(schema) = schema else { return Ok(()) };
    jsonschema::draft7::new(schema).map(|_| ()).map_err(|error| format!("`if`: {error}"))
}

fn one_of(value: &Value, known: &[&str]) -> Result<(), String> {
    if value.as_str().is_some_and(|value| known.contains(&value)) {
        return Ok(());
    }
    Err(format!("{value} is none of `{}`", known.join("`, `")))
}

fn text(value: &Value) -> Result<(), String> {
    let is_text = value.as_str().is_some_and(|text| !text.trim().is_empty());
    if is_text { Ok(()) } else { Err(format!("{value} is no text")) }
}

fn list(value: &Value) -> Result<&Vec<Value>, String> {
    value.as_array().ok_or_else(|| format!("{value} is no list"))
}
