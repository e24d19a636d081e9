//! A model folder: config read at once, weights lent from memory maps.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::archive::SafetensorsFile;
use crate::config;
use crate::decoder::Decoder;
use crate::dtype::Dtype;
use crate::error::CheckpointError;
use crate::fields::Fields;
use crate::quantized::{self, Quantization, Quantized};
use crate::tensor::Tensor;
use crate::tensors::Linear;

/// Name of a checkpoint's only weight file.
pub(crate) const WEIGHTS: &str = "model.safetensors";
/// Name of the file that says which shard holds which tensor.
pub(crate) const INDEX: &str = "model.safetensors.index.json";

/// What a model folder's config files say, without its weights.
#[derive(Debug, Clone)]
pub struct Description {
    /// The folder.
    pub dir: PathBuf,
    /// `config.json` as it is.
    pub config: Map<String, Value>,
    /// What it describes.
    pub decoder: Decoder,
    /// Type of the weights, where the config names one.
    pub dtype: Option<Dtype>,
    /// How linear layers are quantized, of a checkpoint in 4 bits.
    pub quantization: Option<Quantization>,
}

impl Description {
    /// What the files of a model say that is stored otherwise, at `place`: `config` is what its
    /// `config.json` would be, `generation` its `generation_config.json`.
    ///
    /// # Errors
    /// When they describe a model that is not known or quantized.
    pub fn of_config(
        place: &Path,
        config: &Map<String, Value>,
        generation: &Map<String, Value>,
    ) -> Result<Self, CheckpointError> {
        let (config, generation) = (Fields::new(place, config), Fields::new(place, generation));
        parse(place, &config, Some(&generation), Quantized::Refused)
    }
}

/// A model folder with its weights mapped.
///
/// Opening costs the headers; a tensor's pages are read when its values are, and the system may
/// drop them again, so a model larger than memory can be walked through.
#[derive(Debug)]
pub struct Checkpoint {
    description: Description,
    shards: Vec<SafetensorsFile>,
    /// Position in `shards` of the file that holds a tensor.
    homes: BTreeMap<String, usize>,
}

impl Checkpoint {
    /// Reads the config files of `dir` and maps its safetensors files.
    ///
    /// # Errors
    /// When a file is missing or damaged, when weights exist only as pickle, or when the config
    /// describes a model that is not known or quantized. Whether the tensors fit the config is left
    /// to [`Checkpoint::validate`].
    pub fn open(dir: impl AsRef<Path>) -> Result<Self, CheckpointError> {
        Self::of(Self::describe(dir)?)
    }

    /// As [`Checkpoint::open`], of a checkpoint that bitsandbytes may have stored in 4 bits; its
    /// linear layers are read by [`Checkpoint::weight`].
    ///
    /// # Errors
    /// As [`Checkpoint::open`], and when it is quantized otherwise.
    pub fn open_quantized(dir: impl AsRef<Path>) -> Result<Self, CheckpointError> {
        Self::of(Self::describe_quantized(dir)?)
    }

    /// As [`Checkpoint::open`], whatever the config says of quantization.
    pub(crate) fn open_packed(dir: &Path) -> Result<Self, CheckpointError> {
        Self::of(describe(dir, Quantized::Packed)?)
    }

    fn of(description: Description) -> Result<Self, CheckpointError> {
        let shards = open_shards(&description.dir)?;
        let mut homes = BTreeMap::new();
        for (position, shard) in shards.iter().enumerate() {
            homes.extend(shard.names().into_iter().map(|name| (name.to_owned(), position)));
        }
        Ok(Self { description, shards, homes })
    }

    /// Reads only the config files of `dir`.
    ///
    /// # Errors
    /// When they are missing or describe a model that is not known or quantized.
    pub fn describe(dir: impl AsRef<Path>) -> Result<Description, CheckpointError> {
        describe(dir.as_ref(), Quantized::Refused)
    }

    /// As [`Checkpoint::describe`], of a checkpoint that may be in 4 bits.
    ///
    /// # Errors
    /// As [`Checkpoint::describe`], and when it is quantized otherwise.
    pub fn describe_quantized(dir: impl AsRef<Path>) -> Result<Description, CheckpointError> {
        describe(dir.as_ref(), Quantized::Read)
    }

    /// The model folder.
    pub fn dir(&self) -> &Path {
        &self.description.dir
    }

    /// What the model is.
    pub fn decoder(&self) -> &Decoder {
        &self.description.decoder
    }

    /// `config.json` as it is.
    pub fn config(&self) -> &Map<String, Value> {
        &self.description.config
    }

    /// All the config files say.
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// The safetensors files, sorted.
    pub fn weight_files(&self) -> impl Iterator<Item = &Path> {
        self.shards.iter().map(SafetensorsFile::path)
    }

    /// Names of all tensors, in the order they are stored.
    pub fn tensor_names(&self) -> Vec<&str> {
        let names = self.shards.iter().enumerate().map(|(position, shard)| {
            shard.names().into_iter().filter(move |name| self.homes.get(*name) == Some(&position))
        });
        names.flatten().collect()
    }

    /// Whether there is a tensor of this name.
    pub fn contains(&self, name: &str) -> bool {
        self.homes.contains_key(name)
    }

    /// The tensor called `name`.
    ///
    /// # Errors
    /// When there is none, or its values are neither F32, F16 nor BF16.
    pub fn tensor(&self, name: &str) -> Result<Tensor<'_>, CheckpointError> {
        let Some(&position) = self.homes.get(name) else {
            let path = self.dir().to_owned();
            return Err(CheckpointError::TensorMissing { name: name.to_owned(), path });
        };
        self.shards[position].tensor(name)
    }

    /// Gives the memory of a tensor's values back to the system; they are read again when touched.
    ///
    /// A walk through a model that releases each tensor after use is never larger than a tensor.
    pub fn release(&self, name: &str) {
        if let Some(&position) = self.homes.get(name) {
            self.shards[position].release(name);
        }
    }

    /// The tensor called `name`, which must have this shape.
    ///
    /// # Errors
    /// As [`Checkpoint::tensor`], and when the shape is another.
    pub fn shaped(&self, name: &str, shape: &[usize]) -> Result<Tensor<'_>, CheckpointError> {
        let tensor = self.tensor(name)?;
        if tensor.shape != shape {
            return Err(CheckpointError::Shape {
                name: name.to_owned(),
                found: tensor.shape.to_vec(),
                expected: shape.to_vec(),
            });
        }
        Ok(tensor)
    }

    /// The weight of a linear layer in floats, `[out_features, in_features]`.
    ///
    /// # Errors
    /// As [`Checkpoint::shaped`], and when the weight is in 4 bits.
    pub fn linear(&self, linear: &Linear) -> Result<Tensor<'_>, CheckpointError> {
        if self.is_four_bit(linear) {
            return Err(CheckpointError::InFourBits(linear.weight()));
        }
        self.dense(linear)
    }

    pub(crate) fn dense(&self, linear: &Linear) -> Result<Tensor<'_>, CheckpointError> {
        self.shaped(&linear.weight(), &[linear.out_features, linear.in_features])
    }

    /// The stored bytes of a tensor of any type.
    pub(crate) fn bytes(&self, name: &str) -> Option<&[u8]> {
        self.shards[*self.homes.get(name)?].bytes(name)
    }

    /// The stored codes of a tensor and its shape.
    pub(crate) fn codes(
        &self,
        name: &str,
        dtype: &'static str,
    ) -> Result<(&[usize], &[u8]), CheckpointError> {
        let Some(&position) = self.homes.get(name) else {
            let path = self.dir().to_owned();
            return Err(CheckpointError::TensorMissing { name: name.to_owned(), path });
        };
        self.shards[position].codes(name, dtype)
    }

    /// Checks that every tensor the decoder needs is there with its shape and a readable type.
    ///
    /// # Errors
    /// The one problem, or [`CheckpointError::Several`] with all of them.
    pub fn validate(&self) -> Result<(), CheckpointError> {
        let linears = self.decoder().all_linears();
        let linears: BTreeMap<_, _> =
            linears.iter().map(|linear| (linear.weight(), linear)).collect();
        let needed = self.decoder().tensors();
        let problems = needed.iter().filter_map(|(name, shape)| match linears.get(name) {
            Some(linear) => self.weight_problem(linear),
            None => self.shaped(name, shape).err(),
        });
        self.sum_up(problems.collect())
    }

    /// The one problem, or several of them.
    pub(crate) fn sum_up(&self, mut problems: Vec<CheckpointError>) -> Result<(), CheckpointError> {
        match problems.len() {
            0 => Ok(()),
            1 => Err(problems.remove(0)),
            _ => Err(CheckpointError::Several { path: self.dir().to_owned(), problems }),
        }
    }
}

fn describe(dir: &Path, quantized: Quantized) -> Result<Description, CheckpointError> {
    if !dir.is_dir() {
        return Err(CheckpointError::NoFolder(dir.to_owned()));
    }
    let path = dir.join("config.json");
    let config = config::read_object(&path)?;
    let generation_path = dir.join("generation_config.json");
    let generation = generation_path.is_file().then(|| config::read_object(&generation_path));
    let generation = generation.transpose()?;
    let generation = generation.as_ref().map(|map| Fields::new(&generation_path, map));
    parse(dir, &Fields::new(&path, &config), generation.as_ref(), quantized)
}

fn parse(
    dir: &Path,
    config: &Fields<'_>,
    generation: Option<&Fields<'_>>,
    quantized: Quantized,
) -> Result<Description, CheckpointError> {
    let quantization = quantized::quantization(config, quantized)?;
    let decoder = config::decoder(config, generation)?;
    let dtype = dtype(config)?;
    let config = config.map().clone();
    Ok(Description { dir: dir.to_owned(), config, decoder, dtype, quantization })
}

fn dtype(config: &Fields<'_>) -> Result<Option<Dtype>, CheckpointError> {
    let name = match config.text("dtype")? {
        Some(name) => Some(name),
        None => config.text("torch_dtype")?,
    };
    Ok(name.and_then(Dtype::from_config_name))
}

fn open_shards(dir: &Path) -> Result<Vec<SafetensorsFile>, CheckpointError> {
    let single = dir.join(WEIGHTS);
    if single.is_file() {
        return Ok(vec![SafetensorsFile::open(&single)?]);
    }
    let index = dir.join(INDEX);
    if !index.is_file() {
        return Err(no_weights(dir));
    }
    let files = shard_names(&index)?;
    files.iter().map(|file| SafetensorsFile::open(&dir.join(file))).collect()
}

/// Names of the shards, each once and in order; a name that leaves the folder is refused.
fn shard_names(index: &Path) -> Result<Vec<String>, CheckpointError> {
    let object = config::read_object(index)?;
    let fields = Fields::new(index, &object);
    let Some(homes) = object.get("weight_map").and_then(Value::as_object) else {
        return Err(fields.error("`weight_map` is missing"));
    };
    let mut files = Vec::new();
    for (tensor, file) in homes {
        let name = file.as_str().filter(|name| Path::new(name).file_name() == Some(name.as_ref()));
        let Some(name) = name else {
            return Err(fields.error(format!("`{tensor}` is in {file}, which is no file name")));
        };
        files.push(name.to_owned());
    }
    files.sort();
    files.dedup();
    Ok(files)
}

fn no_weights(dir: &Path) -> CheckpointError {
    let names = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let names = names.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let is_pickle = |name: &String| {
        let extension = Path::new(name).extension();
        extension.is_some_and(|e| e == "bin" || e == "pt" || e == "pth")
            && !name.starts_with("training_args")
    };
    match names.filter(is_pickle).min() {
        Some(file) => CheckpointError::PickleOnly { dir: dir.to_owned(), file },
        None => CheckpointError::NoWeights(dir.to_owned()),
    }
}
