//! Execution providers of others, laid out as folders that `olive plugin pack` makes packs of.

use std::env::consts::{ARCH, OS};
use std::fs;
use std::path::Path;

use clap::ValueEnum;
use serde_json::{Value, json};

use super::wheel::{self, Wheel};
use super::{create, files, name, take, take_all};
use crate::error::ChoreError;

/// An execution provider for ONNX Runtime that its maker ships as a Python package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Provider {
    /// Intel's OpenVINO, for Intel's processors.
    Openvino,
    /// WebGPU, for graphics processors.
    Webgpu,
}

impl Provider {
    /// Its short name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Openvino => "openvino",
            Self::Webgpu => "webgpu",
        }
    }

    /// The maker's version.
    pub(super) fn version(self) -> &'static str {
        match self {
            Self::Openvino => "1.8.1",
            Self::Webgpu => "0.4.0",
        }
    }

    /// The wheel for this machine, with the target triple that it fits.
    pub(super) fn wheel(self) -> Result<(&'static str, Wheel), ChoreError> {
        let builds = match self {
            Self::Openvino => &wheel::OPENVINO[..],
            Self::Webgpu => &wheel::WEBGPU[..],
        };
        let found = builds.iter().find(|(_, wheel)| wheel.is_for(OS, ARCH));
        found.copied().ok_or_else(|| ChoreError::Platform {
            wheel: builds[0].1.requirement,
            known: builds.iter().map(|(target, _)| *target).collect::<Vec<_>>().join(", "),
            os: OS,
            arch: ARCH,
            way_out: "its maker has no build for it",
        })
    }

    /// The folder of the Python package.
    fn module(self) -> &'static str {
        match self {
            Self::Openvino => "onnxruntime_ep_openvino",
            Self::Webgpu => "onnxruntime_ep_webgpu",
        }
    }

    /// Whether a file of the package goes into the pack.
    ///
    /// Of OpenVINO what its provider for processors needs: its plugins for graphics and neural
    /// processors would make the pack three times as large on some systems.
    fn is_part(self, file: &str) -> bool {
        match self {
            Self::Openvino => {
                let file = file.strip_prefix("lib").unwrap_or(file);
                let parts = ["openvino", "openvino_intel_cpu_plugin", "openvino_onnx_frontend"];
                let stem = file.split('.').next().unwrap_or_default();
                let is_helper = stem.starts_with("tbb") && stem != "tbbmalloc_proxy";
                is_entry(file, "onnxruntime_providers_openvino_plugin")
                    || parts.contains(&stem)
                    || is_helper
                    || stem == "hwloc"
            }
            Self::Webgpu => [".so", ".dylib", ".dll"].iter().any(|end| file.ends_with(end)),
        }
    }

    /// Whether a file of the package is the one that ONNX Runtime loads.
    fn is_main(self, file: &str) -> bool {
        let file = file.strip_prefix("lib").unwrap_or(file);
        match self {
            Self::Openvino => is_entry(file, "onnxruntime_providers_openvino_plugin"),
            Self::Webgpu => is_entry(file, "onnxruntime_providers_webgpu"),
        }
    }

    /// Texts of the wheel that travel along: its terms.
    fn texts(self) -> Vec<String> {
        let info = format!("{}-{}.dist-info", self.module(), self.version());
        match self {
            Self::Openvino => {
                vec![format!("{}/third-party-programs.txt", self.module()), info + "/METADATA"]
            }
            Self::Webgpu => ["LICENSE", "ThirdPartyNotices.txt"]
                .map(|text| format!("{info}/licenses/{text}"))
                .to_vec(),
        }
    }

    /// What `olive-pack.json` says, of a build for `target` whose library is `entry`.
    fn recipe(self, target: &str, entry: &str, docs: &[String]) -> Value {
        let (title, license, homepage, provider) = match self {
            Self::Openvino => (
                "Runs ONNX models on Intel's processors through OpenVINO",
                "MIT AND Apache-2.0 AND BSD-3-Clause",
                "https://pypi.org/project/onnxruntime-ep-openvino/",
                json!({
                    "name": "OpenVINOExecutionProvider",
                    "devices": ["cpu"],
                    "onnxruntime": ">=1.24.0, <2.0.0"
                }),
            ),
            Self::Webgpu => (
                "Runs ONNX models on graphics processors through WebGPU",
                "MIT",
                "https://pypi.org/project/onnxruntime-ep-webgpu/",
                json!({
                    "name": "WebGpuExecutionProvider",
                    "devices": ["gpu"],
                    "onnxruntime": ">=1.24.4, <2.0.0"
                }),
            ),
        };
        let mut provider = provider;
        provider["entry"] = json!({target: entry});
        json!({
            "name": format!("olive/ep-{}", self.name()),
            "version": self.version(),
            "publisher": {"id": "olive", "name": "Olive"},
            "license": license,
            "description": title,
            "homepage": homepage,
            "docs": docs,
            "execution_providers": [provider]
        })
    }

    /// Moves what goes into a pack from the `unpacked` wheel to `out`.
    ///
    /// ```text
    /// <out>/olive-pack.json
    /// <out>/dist/<target>/<name>/…
    /// <out>/LICENSE and the like
    /// ```
    pub(super) fn lay_out(
        self,
        target: &str,
        unpacked: &Path,
        out: &Path,
    ) -> Result<(), ChoreError> {
        let folder = out.join("dist").join(target).join(self.name());
        create(&folder)?;
        let module = unpacked.join(self.module());
        let texts = self.texts();
        for text in &texts {
            take(&unpacked.join(text), out)?;
        }
        take_all(&module, |file| self.is_part(file), &folder)?;
        let main = files(&folder)?.iter().map(|file| name(file)).find(|file| self.is_main(file));
        let Some(main) = main else {
            let file = "library of the execution provider".to_owned();
            return Err(ChoreError::NotInWheel { wheel: self.module().to_owned(), file });
        };
        let docs: Vec<String> = texts.iter().map(|text| name(Path::new(text))).collect();
        let recipe = self.recipe(target, &format!("{}/{main}", self.name()), &docs);
        let path = out.join("olive-pack.json");
        fs::write(&path, format!("{recipe:#}\n")).map_err(ChoreError::file("write", &path))
    }
}

/// Whether `file` is the library called `stem`, not one of its names with a version.
fn is_entry(file: &str, stem: &str) -> bool {
    [".so", ".dylib", ".dll"].iter().any(|end| file.strip_suffix(end) == Some(stem))
}

#[cfg(test)]
mod tests {
    use super::Provider;

    #[test]
    fn the_parts_for_processors_are_packed() {
        let rows = [
            ("libonnxruntime_providers_openvino_plugin.so", true, true),
            ("libonnxruntime_providers_openvino_plugin.so.1.8.1", false, false),
            ("onnxruntime_providers_openvino_plugin.dll", true, true),
            ("libopenvino.so.2641", true, false),
            ("openvino.dll", true, false),
            ("libopenvino_intel_cpu_plugin.so", true, false),
            ("libopenvino_onnx_frontend.so.2641", true, false),
            ("libtbb.so.12", true, false),
            ("tbb12.dll", true, false),
            ("libtbbmalloc_proxy.so.2", false, false),
            ("libhwloc.so.15", true, false),
            ("libopenvino_intel_gpu_plugin.so", false, false),
            ("libopenvino_auto_plugin.so", false, false),
            ("cache.json", false, false),
            ("__init__.py", false, false),
        ];
        for (file, is_part, is_main) in rows {
            let found = (Provider::Openvino.is_part(file), Provider::Openvino.is_main(file));
            assert_eq!(found, (is_part, is_main), "{file}");
        }
    }
}
