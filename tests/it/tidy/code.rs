//! Sources without comments and tests, as the rules look at them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::sources;

/// A source file without comments and tests.
pub(super) struct Code {
    pub(super) path: PathBuf,
    pub(super) text: String,
}

/// The sources below `folder` that are built into the product.
pub(super) fn code(folder: &Path) -> Vec<Code> {
    let mut of_tests = BTreeSet::new();
    let mut found = Vec::new();
    for path in sources(folder) {
        let text = fs::read_to_string(&path).unwrap();
        let (text, tests) = without_tests(&text);
        of_tests.extend(tests.iter().map(|name| inner(&path).join(name)));
        found.push(Code { path, text });
    }
    let is_test =
        |path: &Path| path.ancestors().any(|part| of_tests.contains(&part.with_extension("")));
    found.retain(|code| !is_test(&code.path));
    found
}

/// Folder of the modules that the file at `path` declares.
fn inner(path: &Path) -> PathBuf {
    let name = path.file_stem().unwrap();
    if name == "lib" || name == "main" {
        return path.parent().unwrap().to_owned();
    }
    path.with_extension("")
}

/// `text` without comments and items for tests alone, and the modules among those that have files
/// of their own.
fn without_tests(text: &str) -> (String, Vec<String>) {
    let (mut kept, mut modules) = (String::new(), Vec::new());
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let code = line.trim_start();
        if code.starts_with("//") {
            continue;
        }
        if code != "#[cfg(test)]" {
            kept.push_str(line);
            kept.push('\n');
            continue;
        }
        let end = format!("{}}}", &line[..line.len() - code.len()]);
        let item = lines.find(|line| !line.trim_start().starts_with("#[")).unwrap_or_default();
        match item.trim_end().strip_suffix(';') {
            Some(item) => {
                let name = item.rsplit_once("mod ").map(|(_, name)| name.to_owned());
                modules.extend(name);
            }
            None => {
                lines.find(|line| *line == end);
            }
        }
    }
    (kept, modules)
}

#[test]
fn comments_and_tests_are_no_code() {
    let text = "mod a;\n#[cfg(test)]\npub(crate) mod b;\n// c\nfn d() {}\n#[cfg(test)]\n\
                #[expect(x)]\nmod tests {\n    fn e() {\n    }\n}\nfn f() {}\n";
    let (code, modules) = without_tests(text);
    assert_eq!(code, "mod a;\nfn d() {}\nfn f() {}\n");
    assert_eq!(modules, ["b"]);
}
