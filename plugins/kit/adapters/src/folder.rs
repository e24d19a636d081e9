//! An adapter's folder: `adapter_config.json` and `adapter_model.safetensors`, as PEFT's.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use olive_kit_checkpoint::{
    CheckpointError, Decoder, Dtype, Linear, SafetensorsFile, SafetensorsWriter, Tensor, TensorSpec,
};

use crate::adapters::{Adapters, Layer};
use crate::config::{AdapterConfig, LayerSettings, MethodConfig};
use crate::error::AdapterError;
use crate::layout;
use crate::start::bias_parameter;
use crate::targets::{Modules, Names, TargetModules, last_name};

/// Name of an adapter's file of weights.
pub const WEIGHTS: &str = "adapter_model.safetensors";
const PICKLE: &str = "adapter_model.bin";
/// What PEFT puts before the name of every tensor.
pub const PREFIX: &str = "base_model.model.";
/// Copies of biases that PEFT stores beside those of modules that are trained whole.
const COPIES: [&str; 2] = [".original_module.bias", ".modules_to_save.bias"];

/// An adapter's folder, mapped, that fits a decoder.
#[derive(Debug)]
pub struct AdapterFolder {
    config: AdapterConfig,
    settings: LayerSettings,
    file: SafetensorsFile,
    /// Adapted layers in order of computation.
    linears: Vec<Linear>,
    /// Names in the file of biases, by module path.
    biases: BTreeMap<String, String>,
    /// Module paths of weights that are replaced.
    saved: BTreeSet<String>,
}

/// What is added to a weight, `scale * B A`, in a file.
#[derive(Debug)]
pub struct Factors<'a> {
    /// `A`, `[rank, in_features]`.
    pub a: Tensor<'a>,
    /// `B`, `[out_features, rank]`.
    pub b: Tensor<'a>,
    /// Factor on the product.
    pub scale: f64,
}

impl AdapterFolder {
    /// Reads the config in `dir`, maps the weights and checks all of them against `decoder`.
    ///
    /// # Errors
    /// When a file is missing or damaged, a setting is not supported, or the adapter was made for
    /// another model.
    pub fn open(dir: &Path, decoder: &Decoder) -> Result<Self, AdapterError> {
        if !dir.is_dir() {
            return Err(AdapterError::NoFolder(dir.to_owned()));
        }
        let config = AdapterConfig::read(dir)?;
        let settings = LayerSettings::new(&config)?;
        let file = SafetensorsFile::open(&weights_path(dir)?)?;
        let mut folder = Self {
            config,
            settings,
            file,
            linears: Vec::new(),
            biases: BTreeMap::new(),
            saved: BTreeSet::new(),
        };
        folder.find_parts(decoder)?;
        folder.check_shapes(decoder)?;
        Ok(folder)
    }

    /// Its settings.
    pub fn config(&self) -> &AdapterConfig {
        &self.config
    }

    /// The safetensors file.
    pub fn weight_file(&self) -> &Path {
        self.file.path()
    }

    /// Adapted layers in order of computation; that of the logits is called `lm_head`.
    pub fn linears(&self) -> &[Linear] {
        &self.linears
    }

    /// Module paths of weights that are replaced, sorted.
    pub fn saved(&self) -> impl Iterator<Item = &str> {
        self.saved.iter().map(String::as_str)
    }

    /// Module paths of biases that are replaced, sorted.
    pub fn biases(&self) -> impl Iterator<Item = &str> {
        self.biases.keys().map(String::as_str)
    }

    /// What replaces the weight of the module at this path.
    ///
    /// # Errors
    /// None that [`AdapterFolder::open`] would not have found.
    pub fn saved_weight(&self, path: &str) -> Result<Option<Tensor<'_>>, AdapterError> {
        let name = self.saved.contains(path).then(|| format!("{PREFIX}{path}.weight"));
        Ok(name.map(|name| self.file.tensor(&name)).transpose()?)
    }

    /// What replaces the bias of the module at this path.
    ///
    /// # Errors
    /// None that [`AdapterFolder::open`] would not have found.
    pub fn bias(&self, path: &str) -> Result<Option<Tensor<'_>>, AdapterError> {
        Ok(self.biases.get(path).map(|name| self.file.tensor(name)).transpose()?)
    }

    /// The two matrices of a layer adapted by plain `LoRA`, as they are stored; `None` for a layer
    /// that is not adapted, or otherwise.
    ///
    /// # Errors
    /// None that [`AdapterFolder::open`] would not have found.
    pub fn factors(&self, path: &str) -> Result<Option<Factors<'_>>, CheckpointError> {
        let is_plain = matches!(self.config.method, MethodConfig::Lora(lora) if !lora.use_dora);
        if !is_plain || !self.linears.iter().any(|linear| linear.name == path) {
            return Ok(None);
        }
        let tensor = |name| self.file.tensor(&format!("{PREFIX}{path}.{name}"));
        let (a, b) = (tensor(layout::LORA_A)?, tensor(layout::LORA_B)?);
        Ok(Some(Factors { a, b, scale: self.settings.scale(path) }))
    }

    /// The adapter of one layer alone, in memory.
    ///
    /// # Errors
    /// None that [`AdapterFolder::open`] would not have found.
    pub fn layer(&self, linear: &Linear) -> Result<(Adapters, Layer), AdapterError> {
        let mut adapters = Adapters::none();
        let layer = self.load_layer(linear, &mut adapters)?;
        Ok((adapters, layer))
    }

    /// All of it, in memory.
    ///
    /// # Errors
    /// None that [`AdapterFolder::open`] would not have found.
    pub fn load(&self) -> Result<Adapters, AdapterError> {
        let mut adapters = Adapters::none();
        for linear in &self.linears {
            let layer = self.load_layer(linear, &mut adapters)?;
            adapters.layers.insert(linear.name.clone(), layer);
        }
        for (path, name) in &self.biases {
            let tensor = self.file.tensor(name)?;
            let name = bias_parameter(path, adapters.layers.contains_key(path));
            let id = adapters.push(name, tensor.shape, tensor.to_f32().into_owned());
            adapters.biases.insert(path.clone(), id);
        }
        for path in &self.saved {
            let name = format!("{path}.weight");
            let tensor = self.file.tensor(&format!("{PREFIX}{name}"))?;
            let id = adapters.push(name, tensor.shape, tensor.to_f32().into_owned());
            adapters.saved.insert(path.clone(), id);
        }
        Ok(adapters)
    }

    fn load_layer(&self, linear: &Linear, adapters: &mut Adapters) -> Result<Layer, AdapterError> {
        let rank = self.settings.rank(&linear.name);
        let method = layout::method(&self.config.method, linear, rank, |name, shape| {
            let name = format!("{}.{name}", linear.name);
            let tensor = self.file.tensor(&format!("{PREFIX}{name}"))?;
            let values = tensor.to_f32().into_owned();
            Ok::<_, AdapterError>(adapters.push(name, shape, values))
        })?;
        let scale = self.settings.scale(&linear.name);
        Ok(Layer { method, scale, drop: layout::drop(&self.config.method) })
    }

    /// Finds out what each tensor of the file belongs to.
    fn find_parts(&mut self, decoder: &Decoder) -> Result<(), AdapterError> {
        let modules = Modules::of(decoder);
        let mut adapted = BTreeSet::new();
        for name in self.file.names() {
            let unknown = || AdapterError::UnknownTensor {
                name: name.to_owned(),
                path: self.file.path().to_owned(),
                method: self.config.method.name(),
            };
            let path = name.strip_prefix(PREFIX).ok_or_else(unknown)?;
            if let Some(module) = adapted_module(path) {
                adapted.insert(module);
            } else if COPIES.iter().any(|copy| path.ends_with(copy)) {
                // The module's own bias is stored beside.
            } else if let Some(path) = path.strip_suffix(".bias") {
                let path = path.strip_suffix(".base_layer").unwrap_or(path);
                self.biases.insert(path.to_owned(), name.to_owned());
            } else {
                let path = path.strip_suffix(".weight").ok_or_else(unknown)?;
                self.saved.insert(path.to_owned());
            }
        }
        for module in &adapted {
            if !modules.linears.iter().any(|linear| linear.name == *module) {
                return Err(AdapterError::NoLayer { module: (*module).to_owned() });
            }
        }
        let is_adapted = |linear: &Linear| adapted.contains(linear.name.as_str());
        self.linears = modules.linears.into_iter().filter(is_adapted).collect();
        Ok(())
    }

    /// Compares every tensor with what the config and the decoder ask for.
    fn check_shapes(&self, decoder: &Decoder) -> Result<(), AdapterError> {
        let mut expected = BTreeSet::new();
        for linear in &self.linears {
            let rank = self.settings.rank(&linear.name);
            layout::method(&self.config.method, linear, rank, |name, shape| {
                let name = format!("{PREFIX}{}.{name}", linear.name);
                self.check_shape(&name, shape)?;
                expected.insert(name);
                Ok::<_, AdapterError>(crate::ParameterId(0))
            })?;
        }
        let modules = Modules::of(decoder);
        let module = |path: &str| modules.weighted.iter().find(|module| module.path == path);
        for path in &self.saved {
            let missing = || AdapterError::NoTensor { name: format!("{path}.weight") };
            let module = module(path).ok_or_else(missing)?;
            self.check_shape(&format!("{PREFIX}{path}.weight"), &module.shape)?;
        }
        for (path, name) in &self.biases {
            let missing = || AdapterError::NoTensor { name: format!("{path}.bias") };
            let module = module(path).filter(|module| module.has_bias).ok_or_else(missing)?;
            self.check_shape(name, &module.shape[..1])?;
        }
        let rest = self.file.names().into_iter().find(|name| {
            let path = name.strip_prefix(PREFIX).unwrap_or(name);
            adapted_module(path).is_some() && !expected.contains(*name)
        });
        match rest {
            Some(name) => Err(AdapterError::UnknownTensor {
                name: name.to_owned(),
                path: self.file.path().to_owned(),
                method: self.config.method.name(),
            }),
            None => Ok(()),
        }
    }

    fn check_shape(&self, name: &str, expected: &[usize]) -> Result<(), AdapterError> {
        let found = self.file.tensor(name)?.shape;
        if found == expected {
            return Ok(());
        }
        Err(AdapterError::Misfit {
            name: name.to_owned(),
            found: found.to_vec(),
            expected: expected.to_vec(),
        })
    }
}

impl Adapters {
    /// Reads the adapter in `dir` for `decoder` into memory.
    ///
    /// # Errors
    /// When a file is missing or damaged, a setting is not supported, or the adapter was made for
    /// another model.
    pub fn open(dir: &Path, decoder: &Decoder) -> Result<Self, AdapterError> {
        AdapterFolder::open(dir, decoder)?.load()
    }

    /// Writes the adapter as f32 into the folder `dir`, from which PEFT loads it.
    ///
    /// Where `config` leaves the choice of layers to the model's family, or wants all, the layers
    /// that are adapted are named.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write(&self, dir: &Path, config: &AdapterConfig) -> Result<(), AdapterError> {
        let mut parameters: Vec<_> = self.parameters.iter().collect();
        parameters.sort_by(|a, b| a.name.cmp(&b.name));
        let name = |name: &str| format!("{PREFIX}{name}");
        let specs =
            parameters.iter().map(|p| TensorSpec::new(name(&p.name), Dtype::F32, &*p.shape));
        let mut writer = SafetensorsWriter::create(dir.join(WEIGHTS), specs)?;
        for parameter in parameters {
            writer.append_f32(&name(&parameter.name), &parameter.values)?;
        }
        writer.finish()?;
        self.named(config).write(dir)
    }

    /// `config` with the adapted layers by name.
    fn named(&self, config: &AdapterConfig) -> AdapterConfig {
        let mut config = config.clone();
        if !matches!(config.targets.modules, Some(TargetModules::Named(_))) {
            let names: BTreeSet<_> = self.layers.keys().map(|path| last_name(path)).collect();
            let names = names.into_iter().map(str::to_owned).collect();
            config.targets.modules = Some(TargetModules::Named(Names::Listed(names)));
        }
        config
    }
}

/// Path of the module whose adapter the tensor at `path` belongs to.
fn adapted_module(path: &str) -> Option<&str> {
    layout::NAMES.iter().find_map(|name| path.strip_suffix(name)?.strip_suffix('.'))
}

fn weights_path(dir: &Path) -> Result<PathBuf, AdapterError> {
    let path = dir.join(WEIGHTS);
    if !path.is_file() && dir.join(PICKLE).is_file() {
        let (dir, file) = (dir.to_owned(), PICKLE.to_owned());
        return Err(CheckpointError::PickleOnly { dir, file }.into());
    }
    Ok(path)
}
