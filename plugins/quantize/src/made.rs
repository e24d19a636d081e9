//! What comes of the weights of a layer, until it is written.

use std::collections::BTreeMap;

use olive_kit_solve::Coded;

/// Codes by module path, and tensors in floats that are other than they were by name.
#[derive(Debug, Default)]
pub(crate) struct Made {
    codes: BTreeMap<String, Coded>,
    floats: BTreeMap<String, Vec<f32>>,
}

impl Made {
    /// Keeps the codes of a layer.
    pub(crate) fn keep_codes(&mut self, path: &str, coded: Coded) {
        self.codes.insert(path.to_owned(), coded);
    }

    /// Keeps values of a tensor, in the place of others.
    pub(crate) fn keep_floats(&mut self, tensor: String, values: Vec<f32>) {
        self.floats.insert(tensor, values);
    }

    /// Hands over the codes of a layer.
    pub(crate) fn take_codes(&mut self, path: &str) -> Option<Coded> {
        self.codes.remove(path)
    }

    /// Hands over the values of a tensor.
    pub(crate) fn take_floats(&mut self, tensor: &str) -> Option<Vec<f32>> {
        self.floats.remove(tensor)
    }
}
