//! The built-in plugins as packs: what goes into each, packed, signed and listed by `olive` itself.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::ValueEnum;

use super::runtime::{self, Flavor};
use super::{copy, copy_folder};
use crate::command;
use crate::error::ChoreError;
use crate::workspace::{Profile, component, plugin_library, root};

/// A pack of built-in plugins; its manifest's beginning is `xtask/packs/<name>/olive-pack.json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Pack {
    /// Passes: training, merging, building, rewriting graphs, quantizing, import; packagers; systems of
    /// clusters, clouds, containers and Python environments; what hubs and workspaces have.
    Base,
    /// Evaluators and generators, with ONNX Runtime for processors.
    Cpu,
    /// The same with ONNX Runtime for CUDA; a download of about 250 MB for each system.
    Gpu,
    /// The same with ONNX Runtime for `DirectML`.
    Directml,
    /// The rules that configs are checked against.
    Rules,
}

impl Pack {
    /// Those made when none is named: they need no great download.
    pub(crate) const USUAL: [Self; 3] = [Self::Base, Self::Cpu, Self::Rules];

    fn name(self) -> &'static str {
        match self {
            Self::Base => "base",
            Self::Cpu => "cpu",
            Self::Gpu => "gpu",
            Self::Directml => "directml",
            Self::Rules => "rules",
        }
    }

    /// Folders of the plugins that are libraries.
    fn plugins(self) -> &'static [&'static str] {
        match self {
            Self::Base => &[
                "lora",
                "merge",
                "model-builder",
                "onnx",
                "quantize",
                "import",
                "hub",
                "azureml",
                "package",
                "slurm",
                "environments",
            ],
            Self::Cpu | Self::Gpu | Self::Directml => &["evaluate", "onnxruntime"],
            Self::Rules => &[],
        }
    }

    /// Folders of the plugins that are components.
    fn components(self) -> &'static [&'static str] {
        match self {
            Self::Base => &["graph-io"],
            Self::Cpu | Self::Gpu | Self::Directml => &[],
            Self::Rules => &["rules"],
        }
    }

    fn runtime(self) -> Option<Flavor> {
        match self {
            Self::Base | Self::Rules => None,
            Self::Cpu => Some(Flavor::Cpu),
            Self::Gpu => Some(Flavor::Cuda),
            Self::Directml => Some(Flavor::DirectMl),
        }
    }
}

/// Where packs are made, and of what.
#[derive(Debug)]
pub(crate) struct Workshop<'a> {
    /// The program that packs and signs.
    pub(crate) program: &'a Path,
    /// Target triple of this build.
    pub(crate) target: &'a str,
    /// Folder of folders named by target triple, with plugin libraries built for it elsewhere.
    pub(crate) prebuilt: Option<&'a Path>,
    /// Secret key that signs.
    pub(crate) key: &'a Path,
    /// Folder for the packs, their index and the public key.
    pub(crate) out: &'a Path,
}

impl Workshop<'_> {
    /// Makes `packs`, and the index of all packs in the folder.
    ///
    /// A pack that has nothing for any system is left out, and told.
    pub(crate) fn make(&self, packs: &[Pack]) -> Result<(), ChoreError> {
        fs::create_dir_all(self.out).map_err(ChoreError::file("create", self.out))?;
        let mut made = Vec::new();
        for &pack in packs {
            let stage = self.out.join(".stage").join(pack.name());
            let _ = fs::remove_dir_all(&stage);
            if self.gather(pack, &stage)? {
                made.push(self.pack(&stage)?);
            } else {
                println!("left out: pack {}: no plugins for a system it is for", pack.name());
            }
        }
        let stage = self.out.join(".stage");
        fs::remove_dir_all(&stage).map_err(ChoreError::file("remove", &stage))?;
        self.publish_key()?;
        self.index(&made)
    }

    /// Lays out the folder of `pack`; tells whether there is anything in it.
    fn gather(&self, pack: Pack, stage: &Path) -> Result<bool, ChoreError> {
        copy_folder(&root().join("xtask/packs").join(pack.name()), stage)?;
        copy(&root().join("LICENSE"), stage)?;
        let dist = stage.join("dist");
        let has_components = gather_components(pack, &dist)?;
        if pack.plugins().is_empty() {
            return Ok(has_components);
        }
        let mut is_filled = false;
        for target in self.targets()? {
            let folder = dist.join(&target);
            let runtime = match pack.runtime() {
                None => None,
                Some(flavor) => match runtime::files(flavor, &target)? {
                    Some(files) => Some(files),
                    None => continue,
                },
            };
            let libraries = pack.plugins().iter().map(|plugin| self.library(plugin, &target));
            let libraries: Vec<_> = libraries.collect();
            if let Some(missing) = libraries.iter().find(|library| !library.is_file()) {
                let (name, missing) = (pack.name(), missing.display());
                println!("left out: {target} of pack {name}: there is no `{missing}`");
                continue;
            }
            for library in &libraries {
                copy(library, &folder)?;
            }
            if let Some(runtime) = runtime {
                copy_folder(&runtime, &folder.join("onnxruntime"))?;
            }
            is_filled = true;
        }
        if is_filled && !dist.join(self.target).is_dir() {
            self.describe(pack, &dist.join("schemas"))?;
        }
        Ok(is_filled)
    }

    /// Writes what the plugins of this build say about themselves, for a pack that has none of them.
    fn describe(&self, pack: Pack, schemas: &Path) -> Result<(), ChoreError> {
        fs::create_dir_all(schemas).map_err(ChoreError::file("create", schemas))?;
        for line in command::output(&mut self.olive(&["list", "--json"]))?.lines() {
            let Ok(line) = serde_json::from_str::<serde_json::Value>(line) else { continue };
            let descriptor = &line["descriptor"];
            let name = descriptor["name"].as_str().unwrap_or_default();
            let plugin = name.strip_prefix("olive-plugin-");
            if !plugin.is_some_and(|plugin| pack.plugins().contains(&plugin)) {
                continue;
            }
            let path = schemas.join(format!("{name}.json"));
            fs::write(&path, descriptor.to_string()).map_err(ChoreError::file("write", &path))?;
        }
        Ok(())
    }

    /// This build's target, and those that were built elsewhere.
    fn targets(&self) -> Result<Vec<String>, ChoreError> {
        let mut targets = vec![self.target.to_owned()];
        if let Some(folder) = self.prebuilt {
            for entry in fs::read_dir(folder).map_err(ChoreError::file("list", folder))? {
                let path = entry.map_err(ChoreError::file("list", folder))?.path();
                targets.push(path.file_name().unwrap_or_default().to_string_lossy().into_owned());
            }
        }
        targets.sort();
        targets.dedup();
        Ok(targets)
    }

    fn library(&self, plugin: &str, target: &str) -> PathBuf {
        if target == self.target {
            return Profile::Release.folder().join(plugin_library(plugin));
        }
        let stem = format!("olive_plugin_{}", plugin.replace('-', "_"));
        let name = match () {
            () if target.contains("windows") => format!("{stem}.dll"),
            () if target.contains("apple") => format!("lib{stem}.dylib"),
            () => format!("lib{stem}.so"),
        };
        self.prebuilt.unwrap_or(Path::new("")).join(target).join(name)
    }

    fn pack(&self, stage: &Path) -> Result<PathBuf, ChoreError> {
        let mut olive = self.olive(&["pack"]);
        olive.arg(stage).arg("--out").arg(self.out).arg("--key").arg(self.key).arg("--json");
        let said = command::output(&mut olive)?;
        let packed: serde_json::Value = said
            .lines()
            .rev()
            .find_map(|line| serde_json::from_str(line).ok())
            .filter(|line: &serde_json::Value| line["path"].is_string())
            .ok_or_else(|| ChoreError::Content {
                path: stage.to_owned(),
                problem: format!("`olive plugin pack` says {said}"),
            })?;
        let path = PathBuf::from(packed["path"].as_str().unwrap_or_default());
        println!("pack:    {}", path.display());
        Ok(path)
    }

    fn index(&self, packs: &[PathBuf]) -> Result<(), ChoreError> {
        let index = self.out.join("index.json");
        let mut olive = self.olive(&["index", "build", "--name", "program", "--output"]);
        olive.arg(&index).arg("--key").arg(self.key).args(packs);
        command::output(&mut olive).map(drop)?;
        println!("index:   {}", index.display());
        Ok(())
    }

    /// The public key under the name of its publisher, as a program looks for it beside itself.
    fn publish_key(&self) -> Result<(), ChoreError> {
        let public = self.key.with_extension("pub");
        let to = self.out.join("olive.pub");
        fs::copy(&public, to).map(drop).map_err(ChoreError::file("copy", &public))
    }

    fn olive(&self, words: &[&str]) -> Command {
        let mut olive = Command::new(self.program);
        olive.arg("plugin").args(words);
        olive
    }
}

/// Copies the components that were built; tells whether all were.
fn gather_components(pack: Pack, dist: &Path) -> Result<bool, ChoreError> {
    let mut is_whole = true;
    for name in pack.components() {
        let file = Profile::Release.folder().join(component(name));
        if file.is_file() {
            copy(&file, &dist.join("any"))?;
        } else {
            println!("left out: {name} of pack {}, which was not built", pack.name());
            is_whole = false;
        }
    }
    Ok(is_whole)
}

/// The key at `path`; without one, a key of this folder that is made once.
pub(crate) fn key(
    path: Option<PathBuf>,
    program: &Path,
    out: &Path,
) -> Result<PathBuf, ChoreError> {
    if let Some(path) = path {
        return Ok(path);
    }
    let path = out.join("olive.key");
    if !path.is_file() {
        fs::create_dir_all(out).map_err(ChoreError::file("create", out))?;
        let mut olive = Command::new(program);
        olive.args(["plugin", "key", "new", "--no-password"]).arg(&path);
        command::output(&mut olive)?;
        println!("key:     {}, made for this folder; name your own with --key", path.display());
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::Pack;
    use crate::workspace::{components, plugins};

    fn packed(folders: fn(Pack) -> &'static [&'static str]) -> Vec<&'static str> {
        let mut packed: Vec<&str> =
            Pack::USUAL.iter().flat_map(|&pack| folders(pack)).copied().collect();
        packed.sort_unstable();
        packed
    }

    #[test]
    fn every_plugin_is_in_one_usual_pack() {
        assert_eq!(packed(Pack::plugins), plugins().unwrap());
        assert_eq!(packed(Pack::components), components().unwrap());
    }
}
