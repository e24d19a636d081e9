//! Rows of JSON files.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::Columns;
use crate::error::Source;

/// The objects of one array, or objects one after the other.
pub(super) fn parse(text: &str) -> Result<Vec<Columns>, Source> {
    let objects: Vec<Map<String, Json>> = if text.trim_start().starts_with('[') {
        serde_json::from_str(text)?
    } else {
        serde_json::Deserializer::from_str(text).into_iter().collect::<Result<_, _>>()?
    };
    let mut names = HashMap::new();
    Ok(objects.into_iter().map(|object| columns(object, &mut names)).collect())
}

/// The members of `object`; rows share their columns' names.
fn columns(object: Map<String, Json>, names: &mut HashMap<String, Arc<str>>) -> Columns {
    let mut shared = |name: String| -> Arc<str> {
        names.entry(name).or_insert_with_key(|name| name.as_str().into()).clone()
    };
    object.into_iter().map(|(name, value)| (shared(name), value.into())).collect()
}
