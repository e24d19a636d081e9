//! An adapter folded into its base model, tensor by tensor: what `merge_and_unload` of PEFT makes.
//!
//! A [`Merge`] is a checkpoint that is nowhere yet: it lists the tensors, says what each is made
//! of, and computes rows of them when asked, in the type that the base stores. The base may be in
//! bitsandbytes' 4 bits, or have been while the adapter was trained; without an adapter its codes
//! become floats and nothing else.

mod merge;
mod base;
mod error;

pub use error::MergeError;
pub use merge::Merge;
pub use merge::parts::Part;
pub use merge::weight::MergedWeight;
