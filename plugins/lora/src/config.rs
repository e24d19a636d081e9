//! Settings of the passes, as a user writes them.
//!
//! What all passes share is in [`Common`], what the passes of low-rank products share in
//! [`LowRank`]; each pass has a struct of its own that flattens them into one object.

use std::num::NonZero;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

mod common;
mod low_rank;
mod lora;
mod four_bit;
mod lycoris;
mod values;

pub use common::Common;
pub use four_bit::{LoftqConfig, QloraConfig, QuantType};
pub use lora::{DoraConfig, LoraConfig};
pub use low_rank::{InitLoraWeights, LowRank, NamedInit};
pub use lycoris::{InitLokrWeights, LohaConfig, LokrConfig, Lycoris, LycorisInit};
pub use values::{Bias, Layers, Names, TorchDtype};

/// Settings of a pass that trains an adapter.
pub trait AdapterPass:
    Serialize + DeserializeOwned + JsonSchema + Clone + Send + Sync + 'static
{
    /// Name a config selects the pass by, as in Olive.
    const NAME: &'static str;

    /// One sentence on what the pass does.
    const SUMMARY: &'static str;

    /// Whether several processes can train it together.
    const HAS_RANKS: bool = true;

    /// Settings that all passes have.
    fn common(&self) -> &Common;

    /// What is trained.
    fn method(&self) -> Method<'_>;

    /// What it is trained on.
    fn base(&self) -> Base {
        Base::AsStored
    }
}

/// What is trained beside the weights.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Method<'a> {
    /// `W + scale B A`.
    Lora(&'a LowRank),
    /// The same, with a norm for each row of the result.
    Dora(&'a LowRank),
    /// `W + scale (W1a W1b) ∘ (W2a W2b)`.
    Loha {
        /// What it shares with `LoKr`.
        lycoris: &'a Lycoris,
        /// Whether it changes the model from the start.
        starts_random: bool,
    },
    /// `W + scale (W1 ⊗ W2)`.
    Lokr {
        /// What it shares with `LoHa`.
        lycoris: &'a Lycoris,
        /// First values.
        start: InitLokrWeights,
        /// Whether the smaller factor is a product too.
        decomposes_both: bool,
        /// Sizes of the smaller factor; `None` are the nearest to the root.
        factor: Option<usize>,
        /// Whether rows that are not dropped are scaled up.
        scales_rank_dropout: bool,
    },
}

/// What an adapter is trained on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Base {
    /// The weights as they are stored.
    AsStored,
    /// Linear layers in 4 bits.
    FourBit {
        /// Codes of the weights.
        kind: QuantType,
        /// Whether scales are codes too.
        double: bool,
        /// Type of the products; that of the training when `None`.
        compute: Option<TorchDtype>,
        /// Whether the output model says that it is to be loaded so.
        saves_config: bool,
    },
    /// Linear layers in 4 bits, with adapters that start as what rounding has lost.
    Loftq {
        /// Rounds of the alternation.
        iterations: NonZero<usize>,
        /// Type of the products; that of the training when `None`.
        compute: Option<TorchDtype>,
        /// Whether the output model says that it is to be loaded so.
        saves_config: bool,
    },
}
