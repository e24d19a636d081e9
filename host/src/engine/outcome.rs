//! Whether a plugin answers with what it was asked for, and with files of its own.

mod figures;

use std::path::{Component, Path, PathBuf};

use olive_schemas::error::PluginError;
use olive_schemas::model::Model;
use olive_schemas::step::{Fetched, StepOutcome};

use crate::plan::{Role, Step};
use figures::figures;

/// What a step may name in its answer.
pub(super) struct Ground<'a> {
    pub(super) step: &'a Step,
    pub(super) input: &'a Model,
    pub(super) output_dir: &'a Path,
}

impl Ground<'_> {
    /// The answer with its paths below the output folder or the input, as the host writes them.
    ///
    /// How a model is to be run is still so after passes that say nothing of it.
    ///
    /// # Errors
    /// When it is not of the kind that was asked for, or names files that are not the step's own.
    pub(super) fn settle(&self, outcome: StepOutcome) -> Result<StepOutcome, PluginError> {
        match (&self.step.role, outcome) {
            (Role::Pass { .. }, StepOutcome::Model(model)) => {
                self.model(model).map(StepOutcome::Model)
            }
            (Role::Evaluation { .. }, StepOutcome::Metrics(values)) => figures(self.step, values)
                .map(StepOutcome::Metrics)
                .map_err(|what| self.refused(&what)),
            (Role::Fetch { .. }, StepOutcome::Path(path)) => {
                self.fetched(&path).map(StepOutcome::Path)
            }
            (Role::Fetch { .. }, StepOutcome::Fetched(fetched)) => {
                let path = self.fetched(&fetched.path)?;
                Ok(StepOutcome::Fetched(Fetched { path, ..fetched }))
            }
            (Role::Pass { .. }, _) => Err(self.refused("something else than a model")),
            (Role::Evaluation { .. }, _) => Err(self.refused("something else than metrics")),
            (Role::Fetch { .. }, _) => Err(self.refused("something else than a path")),
        }
    }

    fn model(&self, mut model: Model) -> Result<Model, PluginError> {
        model.model_path = self.own(&model.model_path)?;
        model.adapter_path = model.adapter_path.map(|path| self.own(&path)).transpose()?;
        model.keep_settings_of(self.input);
        if let Some(name) = &model.onnx_file_name {
            let is_plain =
                Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
            let file = model.model_path.join(name);
            let is_there = file.canonicalize().is_ok_and(|file| {
                file.is_file()
                    && model.model_path.canonicalize().is_ok_and(|root| file.starts_with(root))
            });
            if !is_plain || !is_there {
                return Err(self
                    .refused(&format!("the graph file `{name}`, which its model does not have")));
            }
        }
        Ok(model)
    }

    /// `path` below the output folder, or as a part of the input.
    fn own(&self, path: &Path) -> Result<PathBuf, PluginError> {
        let inputs = [Some(&self.input.model_path), self.input.adapter_path.as_ref()];
        let of_input = || inputs.into_iter().flatten().find_map(|root| below(root, path));
        self.in_output(path).or_else(of_input).ok_or_else(|| {
            let problem = if path.exists() {
                "which is neither in its output folder nor a part of its input"
            } else {
                "which it did not make"
            };
            self.refused(&format!("`{}`, {problem}", path.display()))
        })
    }

    fn fetched(&self, path: &Path) -> Result<PathBuf, PluginError> {
        let shared = self.step.shared_dir();
        // A file that is a link into the shared folder keeps the name that it has in the output.
        let link = shared.filter(|shared| path.is_symlink() && below(shared, path).is_some());
        let link = link.and_then(|_| path.strip_prefix(self.output_dir).ok());
        let found = link.map(|inner| self.output_dir.join(inner)).or_else(|| self.in_output(path));
        found.ok_or_else(|| self.refused(&format!("`{}`, which it did not fetch", path.display())))
    }

    fn in_output(&self, path: &Path) -> Option<PathBuf> {
        below(self.output_dir, path)
    }

    fn refused(&self, what: &str) -> PluginError {
        let message = format!("plugin `{}` answers with {what}", self.step.plugin);
        PluginError::new("answer", message)
            .with_help("this is a fault of the plugin: report it to its authors with this message")
    }
}

/// `path` as a path below `root`, when it leads there, through whatever links and dots.
fn below(root: &Path, path: &Path) -> Option<PathBuf> {
    if !path.is_absolute() {
        return None;
    }
    let inner = path.canonicalize().ok()?;
    let inner = inner.strip_prefix(root.canonicalize().ok()?).ok()?;
    Some(if inner.as_os_str().is_empty() { root.to_owned() } else { root.join(inner) })
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    use super::below;

    #[test]
    fn paths_are_followed_to_where_they_lead() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("real");
        fs::create_dir_all(root.join("model")).unwrap();
        fs::create_dir(folder.path().join("other")).unwrap();
        let link = folder.path().join("link");
        symlink(&root, &link).unwrap();
        symlink("../other", root.join("out")).unwrap();
        let own = |path: &str| below(&link, Path::new(path));
        let text = |name: &str| format!("{}/{name}", folder.path().display());
        assert_eq!(own(&text("link")), Some(link.clone()));
        for name in ["link/model", "real/model", "link/../real/./model"] {
            assert_eq!(own(&text(name)), Some(link.join("model")), "{name}");
        }
        for name in ["other", "link/out", "link/../other", "link/missing", ""] {
            assert_eq!(own(&text(name)), None, "{name}");
        }
        assert_eq!(own("model"), None);
    }
}
