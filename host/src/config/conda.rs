//! Conda environments that go with a config: requirements that may not be found any more.

use std::ops::Range;

use olive_schemas::diagnostic::{Diagnostic, Severity};

use super::Finding;
use super::node::Node;

/// The key that tells a conda environment from other YAML.
pub const DEPENDENCIES: &str = "dependencies";

/// The oldest minor version of Python 3 that is not long out of support.
const OLDEST_PYTHON: u32 = 9;

/// Whether `node` is a conda environment.
pub fn is_environment(node: &Node) -> bool {
    node.get(DEPENDENCIES).is_some_and(|list| list.items().is_some())
}

/// Finds the requirements of a conda environment that bind it to what does not stay.
///
/// `text` is what `node` was parsed from.
pub fn check(node: &Node, text: &str) -> Vec<Finding> {
    let dependencies = node.get(DEPENDENCIES).and_then(Node::items).unwrap_or_default();
    let mut found = Vec::new();
    for item in dependencies {
        match (item.as_str(), item.get("pip").and_then(Node::items)) {
            (Some(written), _) => found.extend(requirement(written, item, text, true)),
            (None, Some(items)) => found.extend(
                items.iter().filter_map(|item| requirement(item.as_str()?, item, text, false)),
            ),
            (None, None) => {}
        }
    }
    found
}

fn requirement(written: &str, item: &Node, text: &str, is_conda: bool) -> Option<Finding> {
    if let Some((_, url)) = written.split_once("git+") {
        return branch(url, item, text);
    }
    let (name, version) = pin(written)?;
    if is_nightly(version) {
        let message = format!("`{version}` is a nightly build: those are removed after some time");
        return Some(warning("nightly-pin", &message, "pin a release", place(version, item, text)));
    }
    let is_old = is_conda && name.eq_ignore_ascii_case("python") && is_old_python(version);
    is_old.then(|| {
        let message = format!("Python {version} is out of support, and few packages still fit it");
        let help = format!("write `{name}=3.12`");
        warning("old-python", &message, &help, place(version, item, text))
    })
}

/// A repository whose version is a branch, or left out.
fn branch(url: &str, item: &Node, text: &str) -> Option<Finding> {
    let address = url.split(['#', ' ']).next().unwrap_or_default();
    let path = address.split_once("://").map_or(address, |(_, rest)| rest);
    let path = path.split_once('/').map_or("", |(_, path)| path);
    let help = "pin a release or a commit";
    let Some((_, reference)) = path.rsplit_once('@') else {
        let message = "this installs what the repository holds that day";
        return Some(warning("unpinned-branch", message, help, place(address, item, text)));
    };
    if is_commit(reference) || is_release(reference) {
        return None;
    }
    let message = format!("`{reference}` is a branch: it changes, and may be gone");
    Some(warning("unpinned-branch", &message, help, place(reference, item, text)))
}

fn is_commit(reference: &str) -> bool {
    reference.len() >= 7 && reference.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Whether `reference` is a tag such as `v0.6.2` or `release-1.2`.
fn is_release(reference: &str) -> bool {
    let mut numbers = reference.split(|character: char| !character.is_ascii_alphanumeric());
    let number = |part: &str| {
        let digits = part.strip_prefix(['v', 'V']).unwrap_or(part);
        digits.starts_with(|first: char| first.is_ascii_digit())
    };
    reference.contains('.') && numbers.any(number)
}

/// Name and version of `name=1.0`, `name==1.0`, `name~=1.0`, `name<=1.0` and `name 1.0`.
fn pin(written: &str) -> Option<(&str, &str)> {
    let end = written.find([' ', '=', '<', '>', '!', '~', '[', ';'])?;
    let (name, rest) = written.split_at(end);
    let rest = rest.trim_start();
    let rest = match rest.split_once(']') {
        Some((extras, rest)) if extras.starts_with('[') => rest.trim_start(),
        _ => rest,
    };
    let version = ["==", "~=", "<=", "="]
        .into_iter()
        .find_map(|operator| rest.strip_prefix(operator))
        .unwrap_or(rest)
        .trim_start();
    let version = version.split([' ', ',', ';', '=']).next().unwrap_or_default();
    version.starts_with(|first: char| first.is_ascii_digit()).then_some((name, version))
}

/// Whether a version tells the day it was built, as in `1.18.0.dev20240307004`.
fn is_nightly(version: &str) -> bool {
    let day = version.split_once("dev").map_or("", |(_, day)| day);
    day.bytes().take_while(u8::is_ascii_digit).count() >= 8
}

fn is_old_python(version: &str) -> bool {
    let mut numbers = version.split('.').map(|number| number.trim_end_matches('*').parse::<u32>());
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), _) if major < 3 => true,
        (Some(Ok(3)), Some(Ok(minor))) => minor < OLDEST_PYTHON,
        _ => false,
    }
}

/// Where `part` of a scalar stands.
fn place(part: &str, item: &Node, text: &str) -> Range<usize> {
    let written = text.get(item.range.clone()).unwrap_or_default();
    let start = written.rfind(part).map(|before| item.range.start + before);
    start.map_or_else(|| item.range.clone(), |start| start..start + part.len())
}

fn warning(code: &str, message: &str, help: &str, range: Range<usize>) -> Finding {
    Finding::new(Diagnostic::new(Severity::Warning, code, "", message).with_help(help), range)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use crate::config::{Source, parse};

    fn check_requirement(line: &str, expected: Option<(&str, &str)>) {
        let text = format!("name: é\ndependencies:\n  - pip:\n    - {line}\n  - {line} # x\n");
        let parsed = parse(&Source { path: PathBuf::from("conda.yaml"), text: text.clone() });
        let mut codes = parsed.findings.iter().map(|finding| finding.diagnostic.code.as_str());
        assert_eq!(codes.next_back(), Some("no-config"));
        let found = parsed.findings.iter().rev().nth(1);
        let found = found.map(|found| (found.diagnostic.code.as_str(), &text[found.range.clone()]));
        assert_eq!(found, expected, "{line}");
    }

    #[test]
    fn requirements_that_do_not_stay_are_found() {
        for (line, expected) in [
            ("python=3.8.13", Some(("old-python", "3.8.13"))),
            ("\"python==3.8\"", Some(("old-python", "3.8"))),
            ("python=2", Some(("old-python", "2"))),
            ("python=3", None),
            ("python=3.10", None),
            ("python>=3.8", None),
            ("python", None),
            ("pip=22.3.1", None),
            (
                "ort-nightly-gpu==1.18.0.dev20240307004",
                Some(("nightly-pin", "1.18.0.dev20240307004")),
            ),
            ("torch==2.1.0.dev20230801+cu118", Some(("nightly-pin", "2.1.0.dev20230801+cu118"))),
            ("transformers==4.41.0.dev0", None),
            ("olive-ai[gpu]==0.6.2", None),
            (
                "git+https://github.com/microsoft/Olive@jiapli/mlflow_loading_fix#egg=olive-ai[gpu]",
                Some(("unpinned-branch", "jiapli/mlflow_loading_fix")),
            ),
            (
                "olive-ai @ git+https://github.com/microsoft/Olive@main",
                Some(("unpinned-branch", "main")),
            ),
            (
                "git+https://github.com/microsoft/Olive#egg=olive-ai",
                Some(("unpinned-branch", "https://github.com/microsoft/Olive")),
            ),
            ("git+ssh://git@github.com/microsoft/Olive@v0.6.2", None),
            ("git+https://github.com/microsoft/Olive@0f3a9be", None),
            ("--extra-index-url https://x.org/@a", None),
        ] {
            check_requirement(line, expected);
        }
    }

    #[test]
    fn one_cause_is_one_finding() {
        let text = "dependencies:\n- python=3.8\n- pip:\n  - python=3.8\n  - [x]\n- {a: 1}\n- 5\n";
        let parsed = parse(&Source { path: "c.yaml".into(), text: text.into() });
        let codes: Vec<&str> =
            parsed.findings.iter().map(|finding| finding.diagnostic.code.as_str()).collect();
        assert_eq!(codes, ["old-python", "no-config"]);
        assert_eq!(parsed.documents, []);
    }
}
