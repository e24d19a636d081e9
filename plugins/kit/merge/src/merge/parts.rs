//! Where each tensor of the merged checkpoint comes from.

use olive_kit_adapters::AdapterFolder;
use olive_kit_checkpoint::{CheckpointError, Decoder, Dtype, Linear, Tensor};

use super::Merge;
use crate::error::MergeError;

/// One tensor of the merged checkpoint.
#[derive(Debug)]
pub struct Part<'a> {
    /// Its name.
    pub name: String,
    /// Type of its values, which is that of the base.
    pub dtype: Dtype,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Where its values come from.
    pub(super) source: Source<'a>,
}

/// Where the values of a tensor come from.
#[derive(Debug)]
pub(super) enum Source<'a> {
    /// From the base, as they are, or from the adapter, which has trained them whole.
    Whole(Tensor<'a>),
    /// From the base's weight of a layer, through codes or an adapter or both.
    Merged {
        /// The layer.
        linear: Linear,
        /// What changes it, where something does.
        adapter: Option<&'a AdapterFolder>,
    },
}

impl Part<'_> {
    /// Number of rows: the first size.
    pub fn num_rows(&self) -> usize {
        self.shape.first().copied().unwrap_or(1)
    }

    /// Values in a row: the product of all sizes but the first.
    pub fn row_len(&self) -> usize {
        self.shape.iter().skip(1).product()
    }
}

/// Whether the adapter makes two weights of the one that embedding and `lm_head` share.
pub(super) fn is_untied(adapter: &AdapterFolder) -> Result<bool, MergeError> {
    let is_adapted = adapter.linears().iter().any(|linear| linear.name == Decoder::LM_HEAD_MODULE);
    let saved = [
        adapter.saved_weight(Decoder::EMBEDDING_MODULE)?,
        adapter.saved_weight(Decoder::LM_HEAD_MODULE)?,
    ];
    Ok(match saved {
        _ if is_adapted => true,
        [None, None] => false,
        [Some(embedding), Some(head)] => embedding.bytes != head.bytes,
        [Some(_), None] | [None, Some(_)] => true,
    })
}

impl Merge {
    /// The tensors of the merged checkpoint, in the order of the base.
    ///
    /// # Errors
    /// When a tensor holds values of another type than weights.
    pub fn parts(&self) -> Result<Vec<Part<'_>>, MergeError> {
        let names = self.checkpoint.tensor_names().into_iter();
        let names = names.filter(|name| self.is_kept(name)).map(|name| self.part(name));
        let head = self.unties().then(|| self.part(Decoder::LM_HEAD));
        names.chain(head).collect()
    }

    /// The tensor of the merged checkpoint called `name`.
    ///
    /// # Errors
    /// When there is none, or it holds values of another type than weights.
    pub fn part(&self, name: &str) -> Result<Part<'_>, MergeError> {
        if name == Decoder::LM_HEAD && self.is_tied() {
            return self.untied_head();
        }
        match self.linears.get(name) {
            Some(linear) => self.linear_part(name, linear),
            None => self.other_part(name),
        }
    }

    /// Whether a tensor of the base is one of the merged checkpoint, or makes one.
    fn is_kept(&self, name: &str) -> bool {
        // A head that is stored although it is tied is nothing but the embedding again.
        let is_tied_head = name == Decoder::LM_HEAD && self.is_tied();
        !is_tied_head && !self.is_state(name)
    }

    fn untied_head(&self) -> Result<Part<'_>, MergeError> {
        let name = Decoder::LM_HEAD.to_owned();
        if !self.unties() {
            let path = self.checkpoint.dir().to_owned();
            return Err(CheckpointError::TensorMissing { name, path }.into());
        }
        let head = self.checkpoint.decoder().lm_head();
        self.linear_part(&name, &Linear { name: Decoder::LM_HEAD_MODULE.to_owned(), ..head })
    }

    fn linear_part(&self, name: &str, linear: &Linear) -> Result<Part<'_>, MergeError> {
        let shape = vec![linear.out_features, linear.in_features];
        let stored = || self.checkpoint.tensor(&format!("{}.weight", self.stored_path(linear)));
        let dtype = if self.checkpoint.is_four_bit(linear) {
            self.checkpoint.description().dtype.unwrap_or(Dtype::BF16)
        } else {
            stored()?.dtype
        };
        let part = |source| Part { name: name.to_owned(), dtype, shape, source };
        let saved = self.adapter.as_ref().map(|adapter| adapter.saved_weight(&linear.name));
        if let Some(saved) = saved.transpose()?.flatten() {
            return Ok(part(Source::Whole(saved)));
        }
        let is_its = |adapted: &Linear| adapted.name == linear.name;
        let adapter = self.adapter.as_ref().filter(|adapter| adapter.linears().iter().any(is_its));
        if adapter.is_some() || self.is_four_bit(linear) {
            return Ok(part(Source::Merged { linear: linear.clone(), adapter }));
        }
        Ok(part(Source::Whole(stored()?)))
    }

    /// A tensor that is no weight of a linear layer.
    fn other_part(&self, name: &str) -> Result<Part<'_>, MergeError> {
        let stored = self.checkpoint.tensor(name)?;
        let replaced = match &self.adapter {
            None => None,
            Some(adapter) => match (name.strip_suffix(".weight"), name.strip_suffix(".bias")) {
                (Some(path), _) => adapter.saved_weight(path)?,
                (_, Some(path)) => adapter.bias(path)?,
                (None, None) => None,
            },
        };
        let (dtype, shape) = (stored.dtype, stored.shape.to_vec());
        let source = Source::Whole(replaced.unwrap_or(stored));
        Ok(Part { name: name.to_owned(), dtype, shape, source })
    }

    /// Whether a tensor only says how another one is stored in 4 bits.
    fn is_state(&self, name: &str) -> bool {
        let Some(end) = name.find(".weight.").map(|at| at + ".weight".len()) else { return false };
        self.linears.get(&name[..end]).is_some_and(|linear| self.checkpoint.is_four_bit(linear))
    }
}
