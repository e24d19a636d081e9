//! What adapters add to a linear layer, and its gradients.

pub(crate) mod lora;
pub(crate) mod dora;
pub(crate) mod loha;
pub(crate) mod lokr;
pub(crate) mod whole_delta;
#[cfg(test)]
mod tests;
