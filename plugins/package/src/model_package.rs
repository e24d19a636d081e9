//! The packager `ModelPackage`: a folder `.ortpackage` whose variants ONNX Runtime chooses among.
//!
//! ```text
//! manifest.json                          name, version, components
//! configs/                               genai_config.json without what variants differ in, tokenizer
//! models/<component>/metadata.json       the variants with their execution providers
//! models/<component>/<variant>/          graph, weights and
//!     genai_config_overlay.json          what of genai_config.json is this variant's own
//! ```
//!
//! Each part of a model, such as `decoder`, is a component, and each model of the run a variant of
//! it. The form is that of Olive's `generate-model-package`, schema version 1.

mod overlay;
mod parts;

use std::path::PathBuf;

use olive_plugin_api::{Candidate, ModelKind, Package, Packager, PluginError, StepContext};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::contents::Contents;
use crate::documents::accelerator_name;
use crate::error::PackageError;
use crate::genai;
use overlay::{base_config, overlay};
use parts::{Part, is_of_graph, parts};

/// Version of the form, of both the manifest and the metadata.
const SCHEMA_VERSION: u32 = 1;

/// Settings of the `ModelPackage` packager.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ModelPackageConfig {
    /// Name of the model in the manifest; that of the package when left out.
    pub model_name: Option<String>,
    /// Version of the model in the manifest.
    pub model_version: String,
}

impl Default for ModelPackageConfig {
    fn default() -> Self {
        Self { model_name: None, model_version: "1.0".into() }
    }
}

/// Makes a model package of ONNX Runtime.
#[derive(Debug, Default)]
pub struct ModelPackage;

impl Packager for ModelPackage {
    type Config = ModelPackageConfig;

    const NAME: &'static str = "ModelPackage";
    const SUMMARY: &'static str = "A model package of ONNX Runtime, each model a variant.";

    fn accepts() -> &'static [ModelKind] {
        &[ModelKind::Onnx]
    }

    fn pack(
        &self,
        package: &Package,
        config: &ModelPackageConfig,
        ctx: &StepContext<'_>,
    ) -> Result<PathBuf, PluginError> {
        let name = format!("{}.ortpackage", package.name);
        Ok(contents(package, config)?.write_folder(&name, ctx)?)
    }
}

/// A model of the package.
struct Variant<'a> {
    name: String,
    candidate: &'a Candidate,
    genai: Map<String, Value>,
    parts: Vec<Part<'a>>,
}

fn contents(package: &Package, config: &ModelPackageConfig) -> Result<Contents, PackageError> {
    let variants = variants(package)?;
    let mut contents = Contents::default();
    let mut components: Vec<&str> = Vec::new();
    for part in variants.iter().flat_map(|variant| &variant.parts) {
        if !components.contains(&part.role.as_str()) {
            components.push(&part.role);
        }
    }
    for component in &components {
        add_component(component, &variants, &mut contents)?;
    }
    add_configs(&variants, &mut contents)?;
    let name = config.model_name.as_ref().unwrap_or(&package.name);
    let manifest = json!({
        "schema_version": SCHEMA_VERSION,
        "package_name": name,
        "package_version": config.model_version,
        "components": components,
        "configs_dir": "configs",
        "producer": producer(name, &config.model_version, &components),
    });
    contents.add_json("manifest.json", &manifest)?;
    Ok(contents)
}

/// The models with what their `genai_config.json` says.
fn variants(package: &Package) -> Result<Vec<Variant<'_>>, PackageError> {
    let is_alone = package.candidates.len() == 1;
    let named = package.candidates.iter().enumerate().map(|(index, candidate)| {
        let accelerator = accelerator_name(&candidate.accelerator);
        let name = if is_alone { accelerator } else { format!("{accelerator}_rank{}", index + 1) };
        variant(name, candidate)
    });
    named.collect()
}

fn variant(name: String, candidate: &Candidate) -> Result<Variant<'_>, PackageError> {
    let missing = || PackageError::Genai { why: "is missing: it tells the parts".into() };
    let genai = genai::config(candidate)?.ok_or_else(missing)?;
    let parts = parts(&genai, candidate)?;
    Ok(Variant { name, candidate, genai, parts })
}

/// Adds what all variants have of one part of the model.
fn add_component(
    component: &str,
    variants: &[Variant<'_>],
    contents: &mut Contents,
) -> Result<(), PackageError> {
    let mut listed = Map::new();
    for Variant { name, genai, parts, .. } in variants {
        let Some(part) = parts.iter().find(|part| part.role == component) else { continue };
        let folder = format!("models/{component}/{name}");
        for (place, file) in &part.files {
            contents.add_file(format!("{folder}/{place}"), &file.path)?;
        }
        contents.add_json(format!("{folder}/genai_config_overlay.json"), &overlay(genai, part))?;
        let mut told = json!({"ep": part.provider});
        if let Some(compatibility) = &part.compatibility {
            told["compatibility_string"] = compatibility.as_str().into();
        }
        listed.insert(name.clone(), told);
    }
    let metadata = json!({
        "schema_version": SCHEMA_VERSION,
        "component_name": component,
        "variants": listed,
    });
    contents.add_json(format!("models/{component}/metadata.json"), &metadata)
}

/// Adds what variants share: that of the one with the most parts, the first of several.
fn add_configs(variants: &[Variant<'_>], contents: &mut Contents) -> Result<(), PackageError> {
    let most = variants.iter().map(|variant| variant.parts.len()).max();
    let richest = variants.iter().find(|variant| Some(variant.parts.len()) == most);
    let Some(Variant { candidate, genai, parts, .. }) = richest else { return Ok(()) };
    for file in &candidate.files {
        let mut of_parts = parts.iter().flat_map(|part| part.files.values());
        let is_part = of_parts.any(|of_part| of_part.name == file.name);
        if file.name == genai::FILE {
            contents.add_json(format!("configs/{}", file.name), &base_config(genai, parts))?;
        } else if !is_part && !is_of_graph(&file.name) {
            contents.add_file(format!("configs/{}", file.name), &file.path)?;
        }
    }
    Ok(())
}

/// Who made the package, and of what.
fn producer(name: &str, version: &str, components: &[&str]) -> Value {
    let mut producer = json!({
        "tool": env!("CARGO_PKG_NAME"),
        "tool_version": env!("CARGO_PKG_VERSION"),
        "model_name": name,
        "model_version": version,
    });
    let has = |role: &str| components.contains(&role);
    if has("decoder") {
        let task = if has("encoder") { "text2text_generation" } else { "text_generation" };
        producer["task"] = task.into();
    }
    producer
}
