//! Types of settings in words.

use serde_json::Value;

use super::Place;

/// Values that are named one by one; of more only the type is told.
const NAMED_LIMIT: usize = 8;

/// Lists of lists that are told.
const DEPTH_LIMIT: usize = 3;

/// Type, range and values of `place`.
pub(super) fn words(place: &Place<'_>) -> String {
    words_to(place, DEPTH_LIMIT)
}

fn words_to(place: &Place<'_>, limit: usize) -> String {
    let named = named(place);
    let mut words = if named.len() > NAMED_LIMIT { Vec::new() } else { named.clone() };
    let is_named = !words.is_empty();
    let mut has_null = false;
    for name in place.types() {
        let word = match name {
            "null" => {
                has_null = true;
                continue;
            }
            "string" if is_named => continue,
            "string" => "text".to_owned(),
            "integer" => format!("whole number{}", range(place)),
            "number" => format!("number{}", range(place)),
            "boolean" => "true or false".to_owned(),
            "array" => match words_of_items(place, limit) {
                Some(items) => format!("list of {items}"),
                None => "list".to_owned(),
            },
            other => other.to_owned(),
        };
        words.push(word);
    }
    let text = words.join(" or ");
    match (text.as_str(), has_null) {
        ("", true) => "null".to_owned(),
        ("", false) if !named.is_empty() => "text".to_owned(),
        ("", false) => "anything".to_owned(),
        (_, true) if text.contains(" or ") => format!("{text}, or null"),
        (_, true) => format!("{text} or null"),
        (_, false) => text,
    }
}

fn named(place: &Place<'_>) -> Vec<String> {
    let choices = place.choices().into_iter().filter(|choice| !choice.is_example);
    choices.filter_map(|choice| Some(format!("`{}`", choice.value.as_str()?))).collect()
}

fn words_of_items(place: &Place<'_>, limit: usize) -> Option<String> {
    let item = place.item();
    let is_told = limit > 0 && !item.is_unknown();
    is_told.then(|| words_to(&item, limit - 1)).filter(|words| words != "anything")
}

fn range(place: &Place<'_>) -> String {
    let limit = |keyword, word: &str| {
        place.says(keyword).map(|limit: &Value| format!(" {word} {limit}")).unwrap_or_default()
    };
    [
        limit("minimum", "from"),
        limit("exclusiveMinimum", "above"),
        limit("maximum", "to"),
        limit("exclusiveMaximum", "below"),
    ]
    .concat()
}
