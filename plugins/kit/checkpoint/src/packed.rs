//! Checkpoints whose linear layers GPTQ, AWQ or Olive has packed: `qweight`, `scales`, `qzeros` and
//! `g_idx` in the place of `weight`; Olive packs embeddings too.
//!
//! Width and groups of a layer are what its tensors say. Layers without `qweight` are in floats.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use olive_kit_quant::{Bits, BlockFormat, PackedMatrix, Packer};
use serde_json::Value;

use crate::checkpoint::{Checkpoint, Description};
use crate::config;
use crate::decoder::Decoder;
use crate::error::CheckpointError;
use crate::fields::Fields;
use crate::tensor::Tensor;
use crate::tensors::Linear;

/// A model folder with packed layers, mapped.
#[derive(Debug)]
pub struct PackedCheckpoint {
    checkpoint: Checkpoint,
    packer: Packer,
    /// Whether the order of inputs is told where it is the plain one too.
    keeps_order: bool,
    layers: BTreeMap<String, PackedLayer>,
}

/// How one layer is packed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackedLayer {
    /// Width of codes, size of groups, and whether there are zero points.
    pub format: BlockFormat,
    /// Group of each input, `[in_features]`, where they do not follow each other.
    pub order: Option<Vec<i32>>,
}

/// Some rows of a packed layer, in the layout of `MatMulNBits`.
#[derive(Debug, Clone, PartialEq)]
pub struct PackedRows {
    /// Codes, `[rows, blocks, block bytes]`.
    pub qweight: Vec<u8>,
    /// Scales, `[rows, blocks]`.
    pub scales: Vec<f32>,
    /// Zero points, `[rows, zero point bytes]`.
    pub zero_points: Option<Vec<u8>>,
}

impl PackedCheckpoint {
    /// Whether the config of the model folder `dir` says that it is such a checkpoint.
    ///
    /// # Errors
    /// When the config is damaged.
    pub fn is_in(dir: &Path) -> Result<bool, CheckpointError> {
        let path = dir.join("config.json");
        if !path.is_file() {
            return Ok(false);
        }
        let config = config::read_object(&path)?;
        let method = config.get("quantization_config").and_then(|it| it.get("quant_method"));
        Ok(["gptq", "awq", "olive"].map(Value::from).iter().any(|known| method == Some(known)))
    }

    /// Reads the config files of `dir`, maps its safetensors files and checks the packed layers.
    ///
    /// # Errors
    /// As [`Checkpoint::open`], and when layers are packed in a way that is not read.
    pub fn open(dir: impl AsRef<Path>) -> Result<Self, CheckpointError> {
        let checkpoint = Checkpoint::open_packed(dir.as_ref())?;
        let path = dir.as_ref().join("config.json");
        let (packer, keeps_order) = packer(&Fields::new(&path, checkpoint.config()))?;
        let mut opened = Self { checkpoint, packer, keeps_order, layers: BTreeMap::new() };
        opened.check_embedding()?;
        let mut layers = BTreeMap::new();
        let decoder = opened.checkpoint.decoder();
        for linear in decoder.all_linears().into_iter().chain([decoder.embedding_table()]) {
            if opened.checkpoint.contains(&opened.part(&linear.name, CODES)) {
                let layer = opened.describe(&linear)?;
                layers.insert(linear.name, layer);
            }
        }
        opened.layers = layers;
        Ok(opened)
    }

    /// All the config files say.
    pub fn description(&self) -> &Description {
        self.checkpoint.description()
    }

    /// The safetensors files, sorted.
    pub fn weight_files(&self) -> impl Iterator<Item = &Path> {
        self.checkpoint.weight_files()
    }

    /// The layer at this module path, if it is packed.
    pub fn layer(&self, path: &str) -> Option<&PackedLayer> {
        self.layers.get(path)
    }

    /// A tensor in floats.
    ///
    /// # Errors
    /// As [`Checkpoint::tensor`].
    pub fn tensor(&self, name: &str) -> Result<Tensor<'_>, CheckpointError> {
        self.checkpoint.tensor(name)
    }

    /// Some rows of a layer, or of [`Decoder::embedding_table`]; `None` where it is not packed.
    ///
    /// # Errors
    /// None that [`PackedCheckpoint::open`] would not have found.
    ///
    /// # Panics
    /// When a row is past the end.
    pub fn rows(
        &self,
        linear: &Linear,
        rows: Range<usize>,
    ) -> Result<Option<PackedRows>, CheckpointError> {
        let Some(layer) = self.layers.get(&linear.name) else { return Ok(None) };
        let matrix = self.matrix(linear, layer)?;
        let scales = self.checkpoint.tensor(&self.part(&linear.name, SCALES))?.to_f32();
        Ok(Some(PackedRows {
            qweight: matrix.qweight(rows.clone()),
            scales: matrix.scales(&scales, rows.clone()),
            zero_points: matrix.zero_points(rows),
        }))
    }

    /// Zero points of some rows of a layer, as [`PackedRows`] has them; `None` where it has none, or
    /// is not packed.
    ///
    /// # Errors
    /// As [`PackedCheckpoint::rows`].
    ///
    /// # Panics
    /// When a row is past the end.
    pub fn zero_points(
        &self,
        linear: &Linear,
        rows: Range<usize>,
    ) -> Result<Option<Vec<u8>>, CheckpointError> {
        let Some(layer) = self.layers.get(&linear.name) else { return Ok(None) };
        Ok(self.matrix(linear, layer)?.zero_points(rows))
    }

    /// Gives the memory of a tensor, or of the packed layer at this module path, back to the system.
    pub fn release(&self, name: &str) {
        self.checkpoint.release(name);
        if self.layers.contains_key(name) {
            for part in PARTS {
                self.checkpoint.release(&self.part(name, part));
            }
        }
    }

    /// Checks that every tensor the decoder needs is there with its shape, packed or not.
    ///
    /// # Errors
    /// The one problem, or [`CheckpointError::Several`] with all of them.
    pub fn validate(&self) -> Result<(), CheckpointError> {
        let is_packed = |name: &str| {
            name.strip_suffix(".weight").is_some_and(|path| self.layers.contains_key(path))
        };
        let needed = self.checkpoint.decoder().tensors();
        let plain = needed.iter().filter(|(name, _)| !is_packed(name));
        let problems = plain.filter_map(|(name, shape)| self.checkpoint.shaped(name, shape).err());
        self.checkpoint.sum_up(problems.collect())
    }

    /// Tensor name of a part of the layer at a module path: Olive has written `weight_qweight` too.
    fn part(&self, name: &str, part: &str) -> String {
        let of_weight = format!("{name}.weight_{part}");
        let is_of_weight = self.packer == Packer::Olive && self.checkpoint.contains(&of_weight);
        if is_of_weight { of_weight } else { format!("{name}.{part}") }
    }

    fn matrix(
        &self,
        linear: &Linear,
        layer: &PackedLayer,
    ) -> Result<PackedMatrix<'_>, CheckpointError> {
        let codes = |part: &str| {
            let (_, bytes) =
                self.checkpoint.codes(&self.part(&linear.name, part), code_type(self.packer))?;
            Ok::<_, CheckpointError>(bytes)
        };
        Ok(PackedMatrix {
            packer: self.packer,
            format: layer.format,
            n: linear.out_features,
            k: linear.in_features,
            codes: codes(CODES)?,
            zero_points: (!layer.format.is_symmetric).then(|| codes(ZERO_POINTS)).transpose()?,
        })
    }

    /// Checks that the embedding is in floats or packed by Olive, who alone packs embeddings, and
    /// that the matrix of logits is not packed beside it where it is the same.
    fn check_embedding(&self) -> Result<(), CheckpointError> {
        let is_tied = self.checkpoint.decoder().ties_embeddings;
        let embedding = (self.packer != Packer::Olive).then_some(Decoder::EMBEDDING_MODULE);
        let modules = [embedding, is_tied.then_some(Decoder::LM_HEAD_MODULE)];
        let is_packed = |name: &&str| self.checkpoint.contains(&self.part(name, CODES));
        match modules.into_iter().flatten().find(is_packed) {
            Some(name) => Err(CheckpointError::Packed {
                name: name.to_owned(),
                problem: "it gives the embedding, which is read in floats only".to_owned(),
            }),
            None => Ok(()),
        }
    }

    /// How a layer is packed, by its tensors, which must fit each other.
    fn describe(&self, linear: &Linear) -> Result<PackedLayer, CheckpointError> {
        let [codes, zero_points, scales] = PARTS.map(|part| self.part(&linear.name, part));
        let dtype = code_type(self.packer);
        let of_codes = self.checkpoint.codes(&codes, dtype)?.0;
        let of_scales = self.checkpoint.tensor(&scales)?.shape;
        let has_zero_points =
            self.packer != Packer::Olive || self.checkpoint.contains(&zero_points);
        let refused =
            |problem: String| CheckpointError::Packed { name: linear.name.clone(), problem };
        let format = BlockFormat {
            bits: bits(self.packer, linear, of_codes).map_err(refused)?,
            block_size: block_size(self.packer, linear, of_scales).map_err(refused)?,
            is_symmetric: !has_zero_points,
        };
        let expected = self.packer.shapes(format, linear.out_features, linear.in_features);
        let mut found = vec![(codes, of_codes, expected[0]), (scales, of_scales, expected[2])];
        if has_zero_points {
            let shape = self.checkpoint.codes(&zero_points, dtype)?.0;
            found.push((zero_points, shape, expected[1]));
        }
        for (name, found, expected) in found {
            if found != expected {
                let (found, expected) = (found.to_vec(), expected.to_vec());
                return Err(CheckpointError::Shape { name, found, expected });
            }
        }
        Ok(PackedLayer { format, order: self.order(linear, format)? })
    }

    /// The group of each input, where they do not follow each other.
    fn order(
        &self,
        linear: &Linear,
        format: BlockFormat,
    ) -> Result<Option<Vec<i32>>, CheckpointError> {
        let name = format!("{}.g_idx", linear.name);
        let is_ordered = matches!(self.packer, Packer::Gptq { .. });
        if !is_ordered || !self.checkpoint.contains(&name) {
            return Ok(None);
        }
        let (shape, bytes) = self.checkpoint.codes(&name, "I32")?;
        if shape != [linear.in_features] {
            let expected = vec![linear.in_features];
            return Err(CheckpointError::Shape { name, found: shape.to_vec(), expected });
        }
        let groups: Vec<_> =
            bytes.as_chunks().0.iter().map(|bytes| i32::from_le_bytes(*bytes)).collect();
        let group = |index: usize| usize::try_from(groups[index]).ok();
        let num_groups = format.blocks(linear.in_features);
        if let Some(index) =
            (0..groups.len()).find(|&it| group(it).is_none_or(|it| it >= num_groups))
        {
            let problem = format!("input {index} is of group {} of {num_groups}", groups[index]);
            return Err(CheckpointError::Packed { name: linear.name.clone(), problem });
        }
        let is_plain = (0..groups.len()).all(|it| group(it) == Some(it / format.block_size));
        Ok((self.keeps_order || !is_plain).then_some(groups))
    }
}

/// What a packed layer has instead of a weight: codes, zero points, scales.
pub(crate) const PARTS: [&str; 3] = [CODES, ZERO_POINTS, SCALES];
const CODES: &str = "qweight";
const ZERO_POINTS: &str = "qzeros";
const SCALES: &str = "scales";

/// Who packed the layers, and whether with an order of inputs that is always written.
fn packer(config: &Fields<'_>) -> Result<(Packer, bool), CheckpointError> {
    let settings = config.object("quantization_config")?.unwrap_or(*config);
    match settings.text("quant_method")? {
        Some("gptq") => {
            let zero_offset = match settings.text("checkpoint_format")?.unwrap_or("gptq") {
                "gptq" => 1,
                "gptq_v2" => 0,
                other => {
                    let known = "known are gptq, gptq_v2";
                    return Err(
                        config.error(format!("unknown `checkpoint_format` `{other}`; {known}"))
                    );
                }
            };
            Ok((Packer::Gptq { zero_offset }, settings.flag("desc_act")?.unwrap_or(false)))
        }
        Some("awq") => match settings.text("version")?.unwrap_or("gemm") {
            "gemm" | "GEMM" => Ok((Packer::Awq, false)),
            other => {
                Err(config.error(format!("unknown `version` `{other}` of AWQ; known is gemm")))
            }
        },
        Some("olive") => Ok((Packer::Olive, false)),
        _ => Err(config.error("`quant_method` is none of gptq, awq, olive")),
    }
}

/// What safetensors calls the type of codes.
fn code_type(packer: Packer) -> &'static str {
    match packer {
        Packer::Gptq { .. } | Packer::Awq => "I32",
        Packer::Olive => "U8",
    }
}

/// Width of the codes of a layer whose codes have this shape.
fn bits(packer: Packer, linear: &Linear, codes: &[usize]) -> Result<Bits, String> {
    let &[first, second] = codes else { return Err(format!("its codes have shape {codes:?}")) };
    let (bits, width) = match packer {
        Packer::Gptq { .. } => (first.saturating_mul(32), linear.in_features),
        Packer::Awq => (second.saturating_mul(32), linear.out_features),
        Packer::Olive => (second.saturating_mul(8), linear.in_features),
    };
    match bits.checked_div(width) {
        Some(4) => Ok(Bits::Four),
        Some(8) if packer != Packer::Awq => Ok(Bits::Eight),
        bits => Err(format!("its codes have {} bits", bits.unwrap_or_default())),
    }
}

/// Inputs in a group of a layer whose scales have this shape.
fn block_size(packer: Packer, linear: &Linear, scales: &[usize]) -> Result<usize, String> {
    let groups = match packer {
        Packer::Gptq { .. } | Packer::Awq => scales.first(),
        Packer::Olive => scales.get(1),
    };
    let width = linear.in_features;
    let size = groups.and_then(|&groups| width.checked_div(groups)).unwrap_or_default();
    let is_known = BlockFormat::BLOCK_SIZES.contains(&size) && width.is_multiple_of(size);
    let sizes = "16, 32, 64, 128 or 256";
    is_known.then_some(size).ok_or_else(|| {
        format!("its {width} inputs are not in groups of {sizes}, by scales of shape {scales:?}")
    })
}
