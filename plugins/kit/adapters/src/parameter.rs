//! Trained values and their gradients.

/// One trained tensor.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// Name in PEFT's file without `base_model.model.`, such as
    /// `model.layers.0.self_attn.q_proj.lora_A.weight`.
    pub name: String,
    /// Sizes, outermost first.
    pub shape: Vec<usize>,
    /// Values, row after row.
    pub values: Vec<f32>,
}

/// Place of a [`Parameter`] in its [`Adapters`](crate::Adapters).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ParameterId(pub usize);

/// One gradient for each parameter, in their order.
#[derive(Debug, Clone, PartialEq)]
pub struct Gradients(Vec<Vec<f32>>);

impl Gradients {
    /// Zeros in the shapes of these parameters.
    pub fn zeros(parameters: &[Parameter]) -> Self {
        Self(parameters.iter().map(|parameter| vec![0.0; parameter.values.len()]).collect())
    }

    /// Sets all of them to zero.
    pub fn clear(&mut self) {
        self.0.iter_mut().for_each(|gradient| gradient.fill(0.0));
    }

    /// The gradient of one parameter.
    pub fn get(&self, id: ParameterId) -> &[f32] {
        &self.0[id.0]
    }

    /// The gradient of one parameter, to be added to.
    pub fn get_mut(&mut self, id: ParameterId) -> &mut [f32] {
        &mut self.0[id.0]
    }

    /// All gradients, in the order of the parameters.
    pub fn as_slice(&self) -> &[Vec<f32>] {
        &self.0
    }

    /// All gradients, in the order of the parameters.
    pub fn as_mut_slice(&mut self) -> &mut [Vec<f32>] {
        &mut self.0
    }
}
