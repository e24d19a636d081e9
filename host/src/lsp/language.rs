//! What configs may say, with the plugins that are installed for their project.

use std::collections::BTreeMap;
use std::env;
use std::path::{Path, PathBuf};

use olive_packs::home::project_store;
use serde_json::Value;

use crate::config::{Source, language};
use crate::home::cache_home;
use crate::plugin::{Catalog, CatalogError, Places};

/// What configs may say.
pub(super) struct Language {
    /// The installed plugins.
    pub(super) catalog: Catalog,
    /// Schema of a whole config.
    pub(super) schema: Value,
}

impl Language {
    /// The language with the plugins beside the program, of packs of the user and of the project in
    /// the folder `project`, and in `folders`.
    fn discover(folders: &[PathBuf], project: &Path) -> Result<Self, CatalogError> {
        Ok(Self::with(Catalog::discover(&Places::of(project, folders), &cache_home())?))
    }

    /// The language with the plugins of `catalog`.
    pub(super) fn with(catalog: Catalog) -> Self {
        let schema = language::schema(&catalog);
        Self { catalog, schema }
    }
}

/// The languages of all projects: those without packs of their own share one.
pub(super) struct Languages {
    folders: Vec<PathBuf>,
    common: Language,
    projects: BTreeMap<PathBuf, Language>,
}

impl Languages {
    /// The language of the folder that the editor has started the server in, with the plugins in
    /// `folders` too; other projects are met with their documents.
    pub(super) fn discover(folders: &[PathBuf]) -> Result<Self, CatalogError> {
        let common = Language::discover(folders, &env::current_dir().unwrap_or_default())?;
        Ok(Self { folders: folders.to_owned(), common, projects: BTreeMap::new() })
    }

    /// The one language of all projects.
    #[cfg(test)]
    pub(super) fn with(common: Language) -> Self {
        Self { folders: Vec::new(), common, projects: BTreeMap::new() }
    }

    /// The language of the config in `source`.
    pub(super) fn of(&self, source: &Source) -> &Language {
        self.projects.get(&source.folder()).unwrap_or(&self.common)
    }

    /// Learns the language of the project that `source` belongs to, unless it is known.
    pub(super) fn meet(&mut self, source: &Source) -> Result<(), CatalogError> {
        let project = source.folder();
        if self.projects.contains_key(&project) || !project_store(&project).exists() {
            return Ok(());
        }
        let language = Language::discover(&self.folders, &project)?;
        self.projects.insert(project, language);
        Ok(())
    }

    /// Looks for the plugins of all projects again.
    pub(super) fn rediscover(&mut self) -> Result<(), CatalogError> {
        let mut fresh = Self::discover(&self.folders)?;
        for project in self.projects.keys() {
            let language = Language::discover(&self.folders, project)?;
            fresh.projects.insert(project.clone(), language);
        }
        *self = fresh;
        Ok(())
    }

    /// What is wrong with plugins and packs, each told once.
    pub(super) fn problems(&self) -> Vec<String> {
        let languages = std::iter::once(&self.common).chain(self.projects.values());
        let mut told: Vec<String> = Vec::new();
        for problem in languages.flat_map(|language| language.catalog.all_problems()) {
            if !told.contains(&problem) {
                told.push(problem);
            }
        }
        told
    }
}
