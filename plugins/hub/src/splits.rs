//! Which files of a repository a split of a data set is.
//!
//! The head of `README.md` says it (`configs`); where it does not, names do, as `datasets` reads
//! them: `train.jsonl`, `data/train-00000-of-00003.parquet`, `validation/a.csv`. The script of a data
//! set is never run.

use olive_schemas::data::DataFormat;
use serde_json::Value;

use crate::HubError;
use crate::pattern::matches;

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
    card: Option<&Value>,
    wanted: &Wanted<'_>,
) -> Result<Vec<String>, HubError> {
    if !wanted.files.is_empty() {
        return wanted.by_patterns(names, wanted.files);
    }
    let configs = card.and_then(|card| card.get("configs")).and_then(Value::as_array);
    match configs.filter(|configs| !configs.is_empty()) {
        Some(configs) => wanted.by_card(names, configs),
        None => wanted.by_names(names),
    }
}

/// What is missing of files that say how many they are: `train-00000-of-00003.parquet`.
pub(crate) fn gap(names: &[String]) -> Option<String> {
    for name in names {
        let Some((begin, count)) = series(name) else { continue };
        let found = names.iter().filter(|other| series(other) == Some((begin, count))).count();
        if found < count {
            return Some(format!("of {count} files as `{name}`, {found} are there"));
        }
    }
    None
}

impl Wanted<'_> {
    /// Files that `patterns` describe, each at least one.
    fn by_patterns(&self, names: &[String], patterns: &[String]) -> Result<Vec<String>, HubError> {
        let mut chosen: Vec<String> = Vec::new();
        for pattern in patterns {
            let mut found: Vec<&String> =
                names.iter().filter(|name| matches(pattern, name)).collect();
            found.sort();
            if found.is_empty() {
                let reason = format!("has no file `{pattern}`");
                return Err(self.lack(reason, format!("it has {}", listed(names.iter()))));
            }
            let new: Vec<String> =
                found.into_iter().filter(|name| !chosen.contains(name)).cloned().collect();
            chosen.extend(new);
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
            let known = listed(configs.iter().map(name));
            let reason = match self.subset {
                Some(subset) => format!("has no subset `{subset}`"),
                None => "has several subsets, and no default".to_owned(),
            };
            return Err(self.lack(reason, format!("write `subset`, one of {known}")));
        };
        let folder = config["data_dir"].as_str().unwrap_or_default().trim_matches('/');
        let splits = splits_of(&config["data_files"]);
        if splits.is_empty() {
            return self.by_names(&below(names, folder));
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
            let mut known: Vec<&String> = splits.iter().map(|(split, _)| split).collect();
            known.dedup();
            return Err(self.no_split(&listed(known)));
        }
        self.by_patterns(names, &patterns)
    }

    /// Files whose names tell the split.
    fn by_names(&self, names: &[String]) -> Result<Vec<String>, HubError> {
        let rows = rows(names);
        if rows.is_empty() {
            return Err(self.without_rows(names));
        }
        let subset = self.subset.unwrap_or("default");
        let rows = match below(&rows, subset) {
            found if !found.is_empty() => found,
            _ if subset == "default" => rows,
            _ => {
                let folders = rows.iter().filter_map(|name| Some(name.split_once('/')?.0));
                let mut folders: Vec<&str> = folders.collect();
                folders.dedup();
                let reason = format!("has no subset `{subset}`");
                let help = format!("write `data_files`; its folders are {}", listed(folders));
                return Err(self.lack(reason, help));
            }
        };
        let mut known = Vec::new();
        let mut chosen: Vec<String> = Vec::new();
        for name in &rows {
            let split = split_of(name, &rows);
            if split == self.split {
                chosen.push(name.clone());
            }
            if !known.contains(&split) {
                known.push(split);
            }
        }
        chosen.sort();
        if chosen.is_empty() { Err(self.no_split(&listed(known))) } else { Ok(chosen) }
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

    fn no_split(&self, known: &str) -> HubError {
        let reason = format!("has no split `{}`", self.split);
        self.lack(reason, format!("write `split`, one of {known}, or name files in `data_files`"))
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

/// Files of rows, of the format that most have.
fn rows(names: &[String]) -> Vec<String> {
    let is_hidden = |name: &str| name.split('/').any(|part| part.starts_with(['.', '_']));
    let format = |name: &String| DataFormat::of(name.as_ref());
    let is_row = |name: &&String| {
        let last = name.rsplit('/').next().unwrap_or(name);
        format(name).is_some() && !is_hidden(name) && !NO_ROWS.contains(&last)
    };
    let rows: Vec<&String> = names.iter().filter(is_row).collect();
    let count = |of: &String| rows.iter().filter(|name| format(name) == format(of)).count();
    // The first of those that are as many.
    let Some(most) = rows.iter().rev().max_by_key(|name| count(name)) else { return Vec::new() };
    rows.iter().filter(|name| format(name) == format(most)).map(|name| (*name).clone()).collect()
}

/// Those of `names` in `folder`.
fn below(names: &[String], folder: &str) -> Vec<String> {
    let is_below = |name: &&String| {
        let inner = name.strip_prefix(folder);
        folder.is_empty() || inner.is_some_and(|inner| inner.starts_with('/'))
    };
    names.iter().filter(is_below).cloned().collect()
}

/// The split that the file `name` belongs to: the one that its own name tells, else its folders;
/// all belong to `train` when none tells any.
fn split_of(name: &str, all: &[String]) -> String {
    let told = |name: &str| -> Option<String> {
        let (folders, file) = name.rsplit_once('/').unwrap_or(("", name));
        series_split(name).or_else(|| word(file)).or_else(|| word(folders))
    };
    let is_told = all.iter().any(|name| told(name).is_some());
    match told(name) {
        Some(split) => split,
        None if is_told => String::new(),
        None => "train".to_owned(),
    }
}

/// The split of a file of a series in `data`, whatever it is called: `data/extra-00000-of-00002.json`.
fn series_split(name: &str) -> Option<String> {
    let (begin, _) = series(name.strip_prefix("data/")?)?;
    let is_word =
        |split: &&str| split.chars().all(|letter| letter.is_alphanumeric() || letter == '_');
    begin.strip_suffix('-').filter(is_word).map(str::to_owned)
}

/// What stands before the number of a file that is one of several, and how many there are.
fn series(name: &str) -> Option<(&str, usize)> {
    let (before, after) = name.split_once("-of-")?;
    let digits = |text: &str| text.len() == 5 && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = before.get(before.len().checked_sub(5)?..)?;
    let count = after.get(..5)?;
    let count = count.parse().ok().filter(|_| digits(number) && digits(count))?;
    Some((&before[..before.len() - 5], count))
}

/// The split whose word stands in `text`, apart from other letters.
fn word(text: &str) -> Option<String> {
    let parts = text.split(|letter: char| !letter.is_ascii_alphabetic());
    let parts: Vec<String> = parts.map(str::to_lowercase).collect();
    let has = |words: &[&str]| parts.iter().any(|part| words.contains(&part.as_str()));
    let found = WORDS.iter().find(|(_, words)| has(words));
    found.map(|(split, _)| (*split).to_owned())
}

/// The first of `names`, in words.
fn listed(names: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    const MANY: usize = 12;
    let names: Vec<String> = names
        .into_iter()
        .map(|name| name.as_ref().to_owned())
        .filter(|name| !name.is_empty())
        .map(|name| format!("`{name}`"))
        .collect();
    match names.len() {
        0 => "none".to_owned(),
        count if count > MANY => format!("{} and others", names[..MANY].join(", ")),
        _ => names.join(", "),
    }
}

#[cfg(test)]
mod tests;
