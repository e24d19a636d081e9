//! Which files of a repository a split of a data set is.
//!
//! The head of `README.md` says it (`configs`); where it does not, names do, as `datasets` reads
//! them: `train.jsonl`, `data/train-00000-of-00003.parquet`, `validation/a.csv`. The script of a data
//! set is never run.

use std::collections::BTreeSet;

use olive_schemas::data::DataFormat;
use serde_json::Value;

use crate::HubError;
use crate::listing::is_path;
use crate::pattern::{is_pattern, matches};

/// Splits by the words that stand for them in names.
const WORDS: [(&str, &[&str]); 3] = [
    ("train", &["train", "training"]),
    ("validation", &["validation", "valid", "val", "dev"]),
    ("test", &["test", "testing", "eval", "evaluation"]),
];
/// Files that look like rows and are none.
const NO_ROWS: [&str; 5] =
    ["config.json", "dataset_dict.json", "dataset_info.json", "dataset_infos.json", "state.json"];

/// What is wanted of a data set.
pub(crate) struct Wanted<'a> {
    /// Its id.
    pub(crate) id: &'a str,
    /// Which of its configurations.
    pub(crate) subset: Option<&'a str>,
    /// Which split.
    pub(crate) split: &'a str,
    /// Paths and patterns of files, instead of a split.
    pub(crate) files: &'a [String],
}

/// The files among `names` that are wanted, in order; `card` is the head of `README.md`.
///
/// # Errors
/// When there are none.
pub(crate) fn choose(
    names: &[String],
    card: &Value,
    wanted: &Wanted<'_>,
) -> Result<Vec<String>, HubError> {
    if !wanted.files.is_empty() {
        return wanted.by_patterns(names, wanted.files);
    }
    let configs = card.get("configs").and_then(Value::as_array);
    match configs.filter(|configs| !configs.is_empty()) {
        Some(configs) => wanted.by_card(names, configs),
        None => wanted.by_names(names),
    }
}

impl Wanted<'_> {
    /// Whether files are named, each by its path.
    pub(crate) fn is_exact(&self) -> bool {
        let is_exact = |file: &String| !is_pattern(file) && is_path(file);
        !self.files.is_empty() && self.files.iter().all(is_exact)
    }

    /// Files that `patterns` describe, each at least one.
    fn by_patterns(&self, names: &[String], patterns: &[String]) -> Result<Vec<String>, HubError> {
        let names: BTreeSet<&String> = names.iter().collect();
        let (mut chosen, mut taken) = (Vec::new(), BTreeSet::new());
        for pattern in patterns {
            let found: Vec<&String> = if is_pattern(pattern) {
                names.iter().copied().filter(|name| matches(pattern, name)).collect()
            } else {
                names.get(pattern).copied().into_iter().collect()
            };
            if found.is_empty() {
                let reason = format!("has no file `{pattern}`");
                return Err(self.lack(reason, format!("it has {}", listed(names))));
            }
            chosen.extend(found.into_iter().filter(|name| taken.insert(*name)).cloned());
        }
        Ok(chosen)
    }

    /// Files of the configuration that `configs` has under the subset's name.
    fn by_card(&self, names: &[String], configs: &[Value]) -> Result<Vec<String>, HubError> {
        let name = |config: &Value| config["config_name"].as_str().unwrap_or("default").to_owned();
        let config = match self.subset {
            Some(subset) => configs.iter().find(|config| name(config) == subset),
            None => configs
                .iter()
                .find(|config| config["default"] == true)
                .or_else(|| configs.iter().find(|config| name(config) == "default"))
                .or_else(|| configs.first().filter(|_| configs.len() == 1)),
        };
        let Some(config) = config else {
            return Err(self.no_subset(configs.iter().map(name)));
        };
        let folder = config["data_dir"].as_str().unwrap_or_default().trim_matches('/');
        let splits = splits_of(&config["data_files"]);
        if splits.is_empty() {
            let names = below(names, folder);
            // The folder of its name, where the card names none.
            return match below(&names, &name(config)) {
                found if folder.is_empty() && !found.is_empty() => self.by_split(&found),
                _ => self.by_split(&names),
            };
        }
        let patterns: Vec<String> = splits
            .iter()
            .filter(|(split, _)| split == self.split)
            .map(|(_, pattern)| match folder {
                "" => pattern.clone(),
                folder => format!("{folder}/{pattern}"),
            })
            .collect();
        if patterns.is_empty() {
            return Err(self.no_split(splits.into_iter().map(|(split, _)| split)));
        }
        self.by_patterns(names, &patterns)
    }

    /// Files whose folders and names tell the subset and the split.
    fn by_names(&self, names: &[String]) -> Result<Vec<String>, HubError> {
        let rows = rows(names);
        let found = below(&rows, self.subset.unwrap_or("default"));
        if !found.is_empty() {
            return self.by_split(&found);
        }
        if self.subset.is_some_and(|subset| subset != "default") && !rows.is_empty() {
            let folders = rows.iter().filter_map(|name| Some(name.split_once('/')?.0));
            return Err(self.no_subset(folders));
        }
        let subsets: BTreeSet<&str> =
            converted(&rows).into_iter().flatten().map(|(subset, _)| subset).collect();
        if subsets.len() > 1 {
            return Err(self.no_subset(subsets));
        }
        self.by_split(names)
    }

    /// Files of a subset whose names tell the split.
    fn by_split(&self, names: &[String]) -> Result<Vec<String>, HubError> {
        let rows = rows(names);
        if rows.is_empty() {
            return Err(self.without_rows(names));
        }
        let splits = splits_told(&rows);
        let found = rows.iter().zip(&splits).filter(|(_, split)| *split == self.split);
        let mut found: Vec<String> = found.map(|(name, _)| name.clone()).collect();
        if found.is_empty() {
            return Err(self.no_split(splits));
        }
        found.sort();
        Ok(of_one_format(found))
    }

    fn without_rows(&self, names: &[String]) -> HubError {
        let script = names.iter().find(|name| {
            !name.contains('/') && name.rsplit_once('.').is_some_and(|(_, end)| end == "py")
        });
        match script {
            Some(script) => self.lack(
                format!("is made by the script `{script}`, which is never run"),
                "write `\"revision\": \"refs/convert/parquet\"`, where the hub keeps the rows of \
                 such data sets as files"
                    .to_owned(),
            ),
            None => self.lack(
                "has no files of rows".to_owned(),
                "rows are read of JSON, CSV, Parquet, Arrow and text files".to_owned(),
            ),
        }
    }

    fn no_subset(&self, known: impl IntoIterator<Item = impl AsRef<str>>) -> HubError {
        let reason = match self.subset {
            Some(subset) => format!("has no subset `{subset}`"),
            None => "has several subsets, and no default".to_owned(),
        };
        let help =
            format!("write `subset`, one of {}, or name files in `data_files`", listed(known));
        self.lack(reason, help)
    }

    fn no_split(&self, known: impl IntoIterator<Item = impl AsRef<str>>) -> HubError {
        let reason = format!("has no split `{}`", self.split);
        let help =
            format!("write `split`, one of {}, or name files in `data_files`", listed(known));
        self.lack(reason, help)
    }

    fn lack(&self, reason: String, help: String) -> HubError {
        HubError::NoData { id: self.id.to_owned(), reason, help }
    }
}

/// Splits with their patterns, as a card writes them: one pattern, several, or objects.
fn splits_of(files: &Value) -> Vec<(String, String)> {
    let patterns = |value: &Value| -> Vec<String> {
        let items = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect()
    };
    let items = files.as_array().map_or(std::slice::from_ref(files), Vec::as_slice);
    let mut splits = Vec::new();
    for item in items {
        let (split, found) = match item.get("path") {
            Some(path) => (item["split"].as_str().unwrap_or("train"), patterns(path)),
            None => ("train", patterns(item)),
        };
        splits.extend(found.into_iter().map(|pattern| (split.to_owned(), pattern)));
    }
    splits
}

/// Files of rows; text, which is what people write beside rows, only where there is nothing else.
fn rows(names: &[String]) -> Vec<String> {
    let is_hidden = |name: &str| name.split('/').any(|part| part.starts_with(['.', '_']));
    let is_row = |name: &&String| {
        let last = name.rsplit('/').next().unwrap_or(name);
        format(name).is_some() && !is_hidden(name) && !NO_ROWS.contains(&last)
    };
    let mut rows: Vec<String> = names.iter().filter(is_row).cloned().collect();
    let is_text = |name: &String| format(name) == Some(DataFormat::Text);
    if !rows.iter().all(is_text) {
        rows.retain(|name| !is_text(name));
    }
    rows
}

/// Those of `rows` that have the format of most; of formats that as many have, the first.
fn of_one_format(rows: Vec<String>) -> Vec<String> {
    let mut counts: Vec<(Option<DataFormat>, usize)> = Vec::new();
    for format in rows.iter().map(|name| format(name)) {
        match counts.iter_mut().find(|(known, _)| *known == format) {
            Some((_, count)) => *count += 1,
            None => counts.push((format, 1)),
        }
    }
    let most = counts.into_iter().rev().max_by_key(|(_, count)| *count);
    let most = most.and_then(|(format, _)| format);
    rows.into_iter().filter(|name| format(name) == most).collect()
}

fn format(name: &str) -> Option<DataFormat> {
    DataFormat::of(name.as_ref())
}

/// Those of `names` in `folder`.
fn below(names: &[String], folder: &str) -> Vec<String> {
    let is_below = |name: &&String| {
        let inner = name.strip_prefix(folder);
        folder.is_empty() || inner.is_some_and(|inner| inner.starts_with('/'))
    };
    names.iter().filter(is_below).cloned().collect()
}

/// The split that each of `rows` belongs to: the one that its own name tells, else its folders; all
/// belong to `train` when none tells any, and to none when others do.
fn splits_told(rows: &[String]) -> Vec<String> {
    if let Some(converted) = converted(rows) {
        return converted.into_iter().map(|(_, split)| split.to_owned()).collect();
    }
    let told = |name: &String| -> Option<String> {
        let (folders, file) = name.rsplit_once('/').unwrap_or(("", name));
        series_split(name).or_else(|| word(file)).or_else(|| word(folders))
    };
    let told: Vec<Option<String>> = rows.iter().map(told).collect();
    let others = if told.iter().any(Option::is_some) { "" } else { "train" };
    told.into_iter().map(|split| split.unwrap_or_else(|| others.to_owned())).collect()
}

/// Subset and split of each of `rows` when they are as the hub converts data sets:
/// `<subset>/<split>/0000.parquet`.
fn converted(rows: &[String]) -> Option<Vec<(&str, &str)>> {
    let parts = rows.iter().map(|name| converted_file(name)).collect::<Option<Vec<_>>>()?;
    parts.iter().any(|(_, split)| word(split).is_some()).then_some(parts)
}

fn converted_file(name: &str) -> Option<(&str, &str)> {
    let (folders, file) = name.rsplit_once('/')?;
    let number = file.strip_suffix(".parquet")?;
    let is_number = number.len() == 4 && number.bytes().all(|byte| byte.is_ascii_digit());
    let (subset, split) = folders.split_once('/')?;
    (is_number && !split.contains('/')).then_some((subset, split))
}

/// The split of a file of a series in `data`, whatever it is called: `data/extra-00000-of-00002.json`.
fn series_split(name: &str) -> Option<String> {
    let (before, after) = name.strip_prefix("data/")?.split_once("-of-")?;
    let is_number = |text: &str| text.len() == 5 && text.bytes().all(|byte| byte.is_ascii_digit());
    let (split, number) = before.rsplit_once('-')?;
    let is_series = is_number(number) && after.get(..5).is_some_and(is_number);
    let is_word = split.chars().all(|letter| letter.is_alphanumeric() || letter == '_');
    (is_series && is_word).then(|| split.to_owned())
}

/// The split whose word stands in `text`, apart from other letters.
fn word(text: &str) -> Option<String> {
    let parts = text.split(|letter: char| !letter.is_ascii_alphabetic());
    let parts: Vec<String> = parts.map(str::to_lowercase).collect();
    let has = |words: &[&str]| parts.iter().any(|part| words.contains(&part.as_str()));
    let found = WORDS.iter().find(|(_, words)| has(words));
    found.map(|(split, _)| (*split).to_owned())
}

/// The first of `names` as they are sorted, each once, in words.
fn listed(names: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    const MANY: usize = 12;
    let names = names.into_iter().map(|name| name.as_ref().to_owned());
    let names: BTreeSet<String> = names.filter(|name| !name.is_empty()).collect();
    let shown: Vec<String> = names.iter().take(MANY).map(|name| format!("`{name}`")).collect();
    match names.len() {
        0 => "none".to_owned(),
        count if count > MANY => format!("{} and others", shown.join(", ")),
        _ => shown.join(", "),
    }
}

#[cfg(test)]
mod tests;
