//! Rows of files, and files that hold none.

use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;

use olive_kit_text::{Row, TextError, Value, rows};
use olive_schemas::data::LoadDataset;
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use serde_json::json;

use crate::own_fixture;

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

#[test]
fn rows_of_every_format_are_the_same() {
    let object = |members: &[(&str, Value)]| {
        Value::Object(members.iter().map(|(name, value)| ((*name).into(), value.clone())).collect())
    };
    let text = |text: &str| Value::Text(text.into());
    let asked = Value::List(vec![object(&[("n", Value::Integer(1))])]);
    let messages = Value::List(vec![
        object(&[("role", text("user")), ("content", text("Hi")), ("parts", asked)]),
        object(&[
            ("role", text("assistant")),
            ("content", Value::Null),
            ("parts", Value::List(Vec::new())),
        ]),
    ]);
    let expected: [[(&str, Value); 8]; 2] = [
        [
            ("text", text("I won, ünd \"so\"\n")),
            ("count", Value::Integer(-7)),
            ("share", Value::Float(0.1)),
            ("ready", Value::Bool(true)),
            ("none", Value::Null),
            ("words", Value::List(vec![text("a"), text("b")])),
            ("messages", messages),
            ("kind", text("same")),
        ],
        [
            ("text", text("😀")),
            ("count", Value::Integer(9)),
            ("share", Value::Float(1e16)),
            ("ready", Value::Bool(false)),
            ("none", text("there")),
            ("words", Value::List(Vec::new())),
            ("messages", Value::List(Vec::new())),
            ("kind", text("same")),
        ],
    ];
    for (format, file) in [
        ("parquet", "rows.parquet"),
        ("arrow", "rows.arrow"),
        ("arrow", "rows-file.arrow"),
        ("json", "rows.jsonl.gz"),
        ("json", "rows.jsonl.zst"),
    ] {
        let rows = rows::read(&config(format, &[&own_fixture(file)])).unwrap();
        assert_eq!(rows.len(), 2, "{file}");
        for (row, expected) in rows.iter().zip(&expected) {
            for (column, value) in expected {
                assert_eq!(row.get(column), Some(value), "{column} of {file}");
            }
        }
    }
}

#[test]
fn a_csv_file_may_have_another_separator() {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), "\u{feff}a;b\n\"x;\ny\";1,5\n").unwrap();
    let read = |sep: &str| {
        let mut config = config("csv", &[file.path()]);
        config.sep = sep.into();
        rows::read(&config)
    };
    let rows = read(";").unwrap();
    assert_eq!(
        (rows[0].text("a").unwrap(), rows[0].text("b").unwrap()),
        ("x;\ny".into(), "1,5".into())
    );
    let error = read("::").unwrap_err();
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(source, "`sep` is `::`, not one ASCII character");
}

#[test]
fn broken_json_is_placed() {
    for (content, expected) in [
        ("[{\"a\": 1}, {\"a\" 2}]", "row 2: expected `:` at line 1 column 17"),
        ("[{\"a\": 1} {\"a\": 2}]", "row 2: a `,` is missing between items"),
        ("[{\"a\": 1},, {\"a\": 2}]", "row 2: an item is missing before `,`"),
        ("[{\"a\": \"]\"}", "row 2: the array has no end"),
        ("[{\"a\": 1}] x", "row 2: something stands after the array"),
        ("{\"a\": 1}\n{\"a\": [}\n", "row 2: expected value at line 2 column 8"),
    ] {
        let (error, _) = error("json", content.as_bytes());
        let source = std::error::Error::source(&error).unwrap().to_string();
        assert!(source.starts_with(expected), "{content}: {source}");
    }
}

#[test]
fn arrays_are_read_as_their_items() {
    let content = " [ {\"a\": \"[,]\\\"{\"} ,\n{\"a\": {\"b\": [1, [2]]}},{\"a\":[]} ]\n";
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), content).unwrap();
    let rows = rows::read(&config("json", &[file.path()])).unwrap();
    let found: Vec<_> =
        rows.iter().map(|row| serde_json::to_value(row.get("a")).unwrap()).collect();
    assert_eq!(found, [json!("[,]\"{"), json!({"b": [1, [2]]}), json!([])]);
}

#[test]
fn rows_come_one_by_one_until_one_is_broken() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.json");
    fs::write(&path, "{\"a\": 1}\n{\"a\": 2}\n{\"a\"\n").unwrap();
    let rows = rows::open(&config("json", &[&path, &path]));
    let found: Vec<Result<Row, TextError>> = rows.collect();
    assert_eq!(found.len(), 3);
    assert!(found[..2].iter().all(Result::is_ok) && found[2].is_err());
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
