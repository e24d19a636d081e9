//! Data configs of the rows that the command line names.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::cli::shortcuts::common::DataArgs;
use crate::error::Error;
use crate::shortcut::Draft;

/// Formats of local files by their suffixes.
const SUFFIXES: [(&str, &str); 7] = [
    ("json", "json"),
    ("jsonl", "json"),
    ("ndjson", "json"),
    ("csv", "csv"),
    ("parquet", "parquet"),
    ("arrow", "arrow"),
    ("txt", "text"),
];

/// Puts the data config `name` into `draft`, with another called `eval` of the files `others` when
/// there are some. Gives whether there are data.
///
/// # Errors
/// When the option that names rows names no file whose format is known, and no format either.
pub(super) fn put(
    draft: &mut Draft,
    name: &str,
    args: &DataArgs,
    others: &[PathBuf],
) -> Result<bool, Error> {
    let Some(rows) = &args.data_name else { return Ok(false) };
    let (format, files) = files(rows, &args.data_files)?;
    let pre_process = pre_process(args);
    let named = |name: &str, files: &[PathBuf], draft: &Draft| {
        let files: Vec<String> = files.iter().map(|file| draft.path(file)).collect();
        let mut load = json!({"data_name": format});
        if !files.is_empty() {
            load["data_files"] = json!(files);
        }
        if let Some(split) = &args.split {
            load["split"] = json!(split);
        }
        let mut data = json!({"name": name, "load_dataset_config": load});
        if !pre_process.is_empty() {
            let settings: Map<String, Value> =
                pre_process.iter().map(|(_, key, value)| ((*key).into(), value.clone())).collect();
            data["pre_process_data_config"] = settings.into();
        }
        data
    };
    let mut configs = vec![named(name, &files, draft)];
    if !others.is_empty() {
        configs.push(named("eval", others, draft));
    }
    draft.put("/data_configs", configs);
    trace(draft, args, &pre_process, !others.is_empty());
    Ok(true)
}

/// Says which options the parts of the data configs come from.
fn trace(draft: &mut Draft, args: &DataArgs, settings: &[(&str, &str, Value)], has_others: bool) {
    draft.trace("data_name", "/data_configs/0/load_dataset_config");
    if !args.data_files.is_empty() {
        draft.trace("data_files", "/data_configs/0/load_dataset_config/data_files");
    }
    if args.split.is_some() {
        draft.trace("split", "/data_configs/0/load_dataset_config/split");
    }
    for (option, key, _) in settings {
        draft.trace(option, &format!("/data_configs/0/pre_process_data_config/{key}"));
    }
    if has_others {
        draft.trace("eval_data_files", "/data_configs/1");
    }
}

/// Format and files of the rows called `rows`: a file, a format, or the name of a data set.
fn files(rows: &str, files: &[PathBuf]) -> Result<(String, Vec<PathBuf>), Error> {
    let format = format_of(rows);
    if !files.is_empty() {
        return Ok((rows.to_owned(), files.to_vec()));
    }
    if SUFFIXES.iter().any(|(_, format)| *format == rows) {
        let message = format!("`--data_name {rows}` is a format: name the files in --data_files");
        return Err(Error::Usage(message));
    }
    match format {
        Some(format) => Ok((format.to_owned(), vec![rows.into()])),
        None if Path::new(rows).exists() => {
            let message = format!(
                "the format of `{rows}` is not known by its suffix: write `--data_name FORMAT \
                 --data_files {rows}` with `json`, `csv`, `parquet`, `arrow` or `text`"
            );
            Err(Error::Usage(message))
        }
        None => Ok((rows.to_owned(), Vec::new())),
    }
}

/// The format of a file, by its suffix before that of a compression.
fn format_of(name: &str) -> Option<&'static str> {
    let name = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".zst")).unwrap_or(name);
    let suffix = Path::new(name).extension()?.to_str()?.to_lowercase();
    SUFFIXES.iter().find(|(known, _)| *known == suffix).map(|(_, format)| *format)
}

/// Settings of the rows that are written: option, key, and value.
fn pre_process(args: &DataArgs) -> Vec<(&'static str, &'static str, Value)> {
    let text = |text: &Option<String>| text.as_deref().map(|text| json!(unescaped(text)));
    let switch = |is_on: bool| is_on.then_some(Value::Bool(true));
    let settings = [
        ("text_field", "text_cols", args.text_field.as_ref().map(|column| json!(column))),
        ("text_template", "text_template", text(&args.text_template)),
        ("use_chat_template", "chat_template", switch(args.use_chat_template)),
        ("prompt_template", "prompt_template", text(&args.prompt_template)),
        ("answer_template", "answer_template", text(&args.answer_template)),
        ("max_seq_len", "max_seq_len", args.max_seq_len.map(Into::into)),
        ("max_samples", "max_samples", args.max_samples.map(Into::into)),
        ("add_special_tokens", "add_special_tokens", switch(args.add_special_tokens)),
    ];
    settings.into_iter().filter_map(|(option, key, value)| Some((option, key, value?))).collect()
}

/// `text` with new lines and tabs where it writes `\n` and `\t`, as Olive reads templates.
fn unescaped(text: &str) -> String {
    text.replace("\\n", "\n").replace("\\t", "\t")
}

#[cfg(test)]
mod tests {
    use super::{files, unescaped};

    #[test]
    fn rows_are_a_file_a_format_or_a_name() {
        let found = |rows: &str, others: &[&str]| {
            let others: Vec<_> = others.iter().map(Into::into).collect();
            files(rows, &others).map(|(format, files)| (format, files.len()))
        };
        for (rows, others, format, count) in [
            ("a.jsonl", &[][..], "json", 1),
            ("a.csv.gz", &[], "csv", 1),
            ("json", &["a", "b"], "json", 2),
            ("who/what", &[], "who/what", 0),
        ] {
            assert_eq!(found(rows, others).unwrap(), (format.to_owned(), count), "{rows}");
        }
        for (rows, told) in [("json", "--data_files"), ("Cargo.toml", "is not known by its suffix")]
        {
            let error = found(rows, &[]).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
    }

    #[test]
    fn templates_are_unescaped() {
        assert_eq!(unescaped(r"### {a}\n{b}"), "### {a}\n{b}");
    }
}
