//! Reading a recipe, so that what is wrong with it is told with its place.

use std::path::{Path, PathBuf};

use olive_schemas::diagnostic::Diagnostic;
use olive_schemas::pack::{PackRecipe, RECIPE};
use olive_schemas::pointer::escape;
use olive_schemas::types::schema_of;
use semver::{Version, VersionReq};
use serde::Deserialize;

use crate::config::check::Problem;
use crate::config::locate::locate;
use crate::config::schema::violations;
use crate::config::source::{ReadError, Source};
use crate::config::{self, Finding, Node};
use crate::error::Error;
use crate::host::refused;

/// A recipe without errors, and its text.
#[derive(Debug)]
pub(super) struct Recipe {
    /// What it says.
    pub(super) content: PackRecipe,
    /// The folder it lies in, absolute.
    pub(super) folder: PathBuf,
    source: Source,
    tree: Node,
}

impl Recipe {
    /// The recipe in `folder`.
    ///
    /// # Errors
    /// When there is none, or it cannot be read, or is not as it should be: all that is wrong.
    pub(super) fn read(folder: &Path) -> Result<Self, Error> {
        let path = folder.join(RECIPE);
        let source = config::read(&path).map_err(|error| unreadable(error, folder))?;
        let config::Parsed { documents, findings } = config::parse(&source);
        if findings.iter().any(Finding::is_error) {
            return Err(refused(&source)(findings));
        }
        let Some(tree) = documents.into_iter().next() else {
            return Err(refused(&source)(findings));
        };
        let value = tree.to_value();
        let mut problems = violations(&value, &schema_of::<PackRecipe>());
        let parsed = PackRecipe::deserialize(&value);
        match &parsed {
            Ok(content) => problems.extend(unsound(content)),
            Err(error) if problems.is_empty() => {
                problems.push(Problem::error("wrong-value", "", error.to_string(), None));
            }
            Err(_) => {}
        }
        match parsed {
            Ok(content) if problems.is_empty() => {
                Ok(Self { content, folder: source.folder(), source, tree })
            }
            _ => {
                let place = |problem| locate(problem, &tree, &source.text);
                let mut findings: Vec<Finding> = problems.into_iter().map(place).collect();
                findings.sort_by_key(|finding| finding.range.start);
                Err(refused(&source)(findings))
            }
        }
    }

    /// The error that the value at `pointer` does not fit what is there.
    pub(super) fn refuse(
        &self,
        pointer: &str,
        code: &str,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Error {
        let diagnostic = Diagnostic::error(code, pointer, message).with_help(help);
        let finding = locate(Problem::new(diagnostic), &self.tree, &self.source.text);
        refused(&self.source)(vec![finding])
    }

    /// `path` for messages: as it is seen from where the recipe was named.
    pub(super) fn shown(&self, path: &Path) -> PathBuf {
        let given = self.source.path.parent().unwrap_or(Path::new(""));
        match path.strip_prefix(&self.folder) {
            Ok(below) if below.as_os_str().is_empty() => given.to_owned(),
            Ok(below) => given.join(below),
            Err(_) => path.to_owned(),
        }
    }
}

/// The pointer of the entry `key` of the object at `pointer`.
pub(super) fn below(pointer: &str, key: &str) -> String {
    format!("{pointer}/{}", escape(key))
}

fn unreadable(error: ReadError, folder: &Path) -> Error {
    match error {
        ReadError::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
            super::refused(
                "pack-no-recipe",
                format!("`{}` has no `{RECIPE}`, which says what the pack is", folder.display()),
                "write one with `name`, `publisher`, `license` and `description`; `olive plugin \
                 new` makes a folder that has it",
            )
        }
        other => other.into(),
    }
}

/// What the schema cannot say.
fn unsound(content: &PackRecipe) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut wrong = |pointer: &str, message: String, help: &str| {
        problems.push(Problem::error("wrong-value", pointer, message, Some(help.to_owned())));
    };
    let versions = [("/version", &content.version), ("/min_host", &content.min_host)];
    for (pointer, version) in versions {
        if let Some(version) = version
            && Version::parse(version).is_err()
        {
            wrong(pointer, format!("\"{version}\" is no version"), "write one such as `1.2.0`");
        }
    }
    let provider = |index: usize| format!("/execution_providers/{index}/onnxruntime");
    let ranges = content.execution_providers.iter().enumerate();
    let ranges = ranges.map(|(index, one)| (provider(index), &one.onnxruntime));
    let api = content.api.iter().map(|api| ("/api".to_owned(), api));
    for (pointer, range) in ranges.chain(api) {
        if VersionReq::parse(range).is_err() {
            let help = "write one such as `>=1.2.0, <2.0.0`";
            wrong(&pointer, format!("\"{range}\" is no range of versions"), help);
        }
    }
    let (id, expected) = (&content.publisher.id, content.name.publisher());
    if id != expected {
        let message = format!("\"{id}\" is not the publisher of `{}`", content.name);
        wrong("/publisher/id", message, &format!("write `{expected}`, or another `name`"));
    }
    if content.publisher.name.trim().is_empty() {
        wrong("/publisher/name", "the publisher has no name".into(), "write what people call it");
    }
    problems
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::Recipe;
    use crate::error::Error;

    const GOOD: &str = r#"{
  // what it is called
  "name": "acme/prune",
  "publisher": { "id": "acme", "name": "Acme" },
  "license": "MIT OR Apache-2.0",
  "description": "Set weights to zero.",
}
"#;

    fn read(text: &str) -> Result<Recipe, Error> {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("olive-pack.json"), text).unwrap();
        Recipe::read(folder.path())
    }

    #[test]
    fn a_recipe_has_comments_and_names_the_pack() {
        let recipe = read(GOOD).unwrap();
        assert_eq!(recipe.content.name.to_string(), "acme/prune");
        assert_eq!(recipe.content.dist, None);
    }

    #[test]
    fn what_is_wrong_is_told_with_line_and_column() {
        let tail = "\"license\"";
        for (from, to, place, part) in [
            ("acme/prune", "acme/Prune", (3, 11), "not a name such as `acme/prune`"),
            ("acme/prune", "prune", (3, 11), "not a name such as `acme/prune`"),
            ("acme/prune", "other/prune", (4, 24), "not the publisher of `other/prune`"),
            ("MIT OR", "MIT/", (5, 14), "not an SPDX expression"),
            ("\"license\": \"MIT OR Apache-2.0\",", "", (1, 1), "key `license` is missing"),
            (tail, "\"version\": \"1\", \"license\"", (5, 14), "\"1\" is no version"),
            (tail, "\"api\": \"one\", \"license\"", (5, 10), "no range of versions"),
            (tail, "\"lisense\": \"MIT\", \"license\"", (5, 3), "unknown key `lisense`"),
            (
                tail,
                "\"conflicts\": [\"x\"], \"license\"",
                (5, 17),
                "not a name such as `acme/prune`",
            ),
            ("prune\",", "prune\"", (3, 11), "a comma is missing"),
        ] {
            let text = GOOD.replace(from, to);
            assert_ne!(text, GOOD, "{from}");
            let Err(Error::Config(refusal)) = read(&text) else { panic!("{text} is taken") };
            let told: Vec<_> = refusal
                .findings
                .iter()
                .map(|found| {
                    let place = refusal.source.position(found.range.start);
                    (place, found.diagnostic.message.clone())
                })
                .collect();
            let is_told = told.iter().any(|(at, message)| *at == place && message.contains(part));
            assert!(is_told, "{part} at {place:?}: {told:?}");
        }
    }

    #[test]
    fn a_folder_without_recipe_is_told_with_the_way_out() {
        let folder = tempfile::tempdir().unwrap();
        let error = Recipe::read(folder.path()).unwrap_err();
        assert_eq!(error.exit_code(), 12);
        assert!(error.to_string().contains("has no `olive-pack.json`"), "{error}");
    }
}
