//! Rows of files, and files that hold none.

use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;

use olive_kit_text::{TextError, Value, rows};
use olive_schemas::data::LoadDataset;
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use serde_json::json;

fn config(format: &str, files: &[&Path]) -> LoadDataset {
    serde_json::from_value(json!({"data_name": format, "data_files": files})).unwrap()
}

/// What `columns` hold in each row of a file with `content`.
fn check(format: &str, content: &str, columns: &[&str], expected: &[&[&str]]) {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), content).unwrap();
    let rows = rows::read(&config(format, &[file.path()])).unwrap();
    let texts = rows.iter().map(|row| columns.iter().map(|name| row.text(name).unwrap()));
    let texts: Vec<Vec<_>> = texts.map(Iterator::collect).collect();
    assert_eq!(texts, expected, "{content}");
}

/// The error, with its causes, of reading a file with `content`.
fn error(format: &str, content: &[u8]) -> (TextError, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.data");
    fs::write(&path, content).unwrap();
    let error = rows::read(&config(format, &[&path])).unwrap_err();
    let sentence = error.to_string().replace(folder.path().to_str().unwrap(), "");
    (error, sentence)
}

#[test]
fn json_is_an_array_or_objects_on_as_many_lines_as_they_like() {
    let expected: &[&[&str]] = &[&["I won", "1"], &["ü \"x\"", "None"]];
    for content in [
        r#"[{"a": "I won", "b": 1}, {"b": null, "a": "ü \"x\""}]"#,
        "{\"a\": \"I won\", \"b\": 1}\n{\"a\": \"ü \\\"x\\\"\", \"b\": null}\n\n",
        "\u{feff}{\n  \"a\": \"I won\",\n  \"b\": 1\n}\n{\"a\": \"ü \\\"x\\\"\", \"b\": null}",
    ] {
        check("json", content, &["a", "b"], expected);
    }
}

#[test]
fn csv_values_are_text_as_written() {
    let content = "a,Best Answer\n\"x, \"\"y\"\"\n z\",1.50\n,TRUE\n";
    check("csv", content, &["a", "Best Answer"], &[&["x, \"y\"\n z", "1.50"], &["", "TRUE"]]);
}

#[test]
fn text_is_one_row_a_line() {
    check("text", "one\r\n\ntwo", &["text"], &[&["one"], &[""], &["two"]]);
}

#[test]
fn parquet_has_strings_numbers_and_nulls() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.parquet");
    write_parquet(&path);
    let rows = rows::read(&config("parquet", &[&path, &path])).unwrap();
    assert_eq!(rows.len(), 4);
    for rows in rows.chunks(2) {
        let line = |row: usize| ["s", "i", "f", "b"].map(|name| rows[row].text(name).unwrap());
        assert_eq!(line(0), ["I won", "-7", "0.1", "True"]);
        assert_eq!(line(1), ["ü", "9", "1e+16", "False"]);
        assert_eq!(rows[0].get("n"), Some(&Value::Text("there".into())));
        assert_eq!(rows[1].get("n"), Some(&Value::Null));
    }
}

#[test]
fn another_format_is_named_with_the_file() {
    for (format, name) in [("json", "JSON"), ("parquet", "Parquet"), ("text", "UTF-8 text")] {
        let (error, sentence) = error(format, b"a,b\n\xff\n");
        assert_eq!(sentence, format!("`/rows.data` is not a {name} file of rows"));
        assert_eq!(error.code(), "data-format");
        assert!(error.help().unwrap().contains("data_name"));
        assert!(std::error::Error::source(&error).is_some());
    }
    let (_, sentence) = error("csv", b"a,b\n1,2,3\n");
    assert_eq!(sentence, "`/rows.data` is not a CSV file of rows");
    let (_, sentence) = error("json", b"[1, 2]");
    assert_eq!(sentence, "`/rows.data` is not a JSON file of rows");
}

#[test]
fn a_file_without_rows_and_a_missing_file_are_named() {
    for (format, content) in [("json", "[]"), ("json", ""), ("csv", "a,b\n"), ("text", "")] {
        let (error, sentence) = error(format, content.as_bytes());
        assert_eq!(sentence, "no rows with text in `/rows.data`", "{format}");
        assert_eq!(error.code(), "empty-data");
    }
    let error = rows::read(&config("json", &[Path::new("gone.json")])).unwrap_err();
    assert_eq!((error.code(), error.to_string()), ("io", "cannot read `gone.json`".into()));
}

/// Two rows of a string, an integer, a float, a boolean and a string that may be missing.
fn write_parquet(path: &Path) {
    let schema = "message rows {
        required binary s (UTF8); required int64 i; required double f; required boolean b;
        optional binary n (UTF8);
    }";
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let file = File::create(path).unwrap();
    let mut writer = SerializedFileWriter::new(file, schema, Arc::default()).unwrap();
    let mut group = writer.next_row_group().unwrap();
    macro_rules! column {
        ($kind:ty, $values:expr, $levels:expr) => {
            let mut column = group.next_column().unwrap().unwrap();
            column.typed::<$kind>().write_batch(&$values, $levels, None).unwrap();
            column.close().unwrap();
        };
    }
    column!(ByteArrayType, ["I won", "ü"].map(ByteArray::from), None);
    column!(Int64Type, [-7, 9], None);
    column!(DoubleType, [0.1, 1e16], None);
    column!(BoolType, [true, false], None);
    column!(ByteArrayType, [ByteArray::from("there")], Some(&[1, 0]));
    group.close().unwrap();
    writer.close().unwrap();
}
