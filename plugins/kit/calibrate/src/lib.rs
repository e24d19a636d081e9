//! Calibration: what the linear layers of a decoder are given when it reads some sequences, one
//! layer in memory at a time.
//!
//! [`stream()`] walks the layers of a checkpoint with the hidden states of all sequences. A
//! [`Visitor`] is called at each [`Site`], the linear layers that share an input: it walks that
//! input, looks at the weights and replaces them. What it writes is what is computed with from there
//! on, so the error of earlier layers reaches the inputs of later ones; [`Order`] says whether it
//! does so within a layer too.
//!
//! Peak memory is that of one layer in f32, of the hidden states as far as [`Memory`] has room for
//! them (the rest is in a temporary file that has no name), and of the stages of a few sequences;
//! [`estimate()`] tells it. The number of layers does not matter.
//!
//! [`sensitivity()`] has the whole model in memory instead: it tells what the logits gain where a
//! linear layer is rounded less.
//!
//! ```no_run
//! use olive_kit_calibrate::{
//!     CalibrateError, Calibration, Inputs, LayerWeights, Memory, Order, Silent, Site, Visitor, stream,
//! };
//! use olive_kit_checkpoint::Checkpoint;
//!
//! /// Counts what every site is given.
//! #[derive(Default)]
//! struct Rows(usize);
//!
//! impl Visitor for Rows {
//!     type Error = CalibrateError;
//!
//!     fn visit(
//!         &mut self,
//!         _site: Site,
//!         _layer: &mut LayerWeights<'_>,
//!         inputs: &mut Inputs<'_>,
//!     ) -> Result<(), CalibrateError> {
//!         let width = inputs.width();
//!         inputs.each(|rows: &[f32]| {
//!             self.0 += rows.len() / width;
//!             Ok(())
//!         })
//!     }
//! }
//!
//! # fn main() -> Result<(), CalibrateError> {
//! let checkpoint = Checkpoint::open("models/phi-3-mini")?;
//! let calibration = Calibration { sequences: vec![vec![1, 15, 27, 2]] };
//! let memory = Memory::new("/tmp");
//! let mut rows = Rows::default();
//! stream(&checkpoint, &calibration, &memory, Order::TrueSequential, &mut rows, &mut Silent)?;
//! # Ok(())
//! # }
//! ```

pub mod visitor;
pub mod stream;
pub mod estimate;
pub mod sensitivity;
mod layers;
pub mod inputs;
pub mod weights;
mod states;
mod pieces;
pub mod memory;
pub mod calibration;
pub mod order;
pub mod site;
pub mod observer;
pub mod error;

pub use calibration::Calibration;
pub use error::CalibrateError;
pub use estimate::{Estimate, estimate};
pub use inputs::Inputs;
pub use memory::Memory;
pub use observer::{Observer, Progress, Silent};
pub use order::Order;
pub use sensitivity::{Rounded, Sensitivity, sensitivity, sensitivity_bytes};
pub use site::Site;
pub use stream::stream;
pub use visitor::Visitor;
pub use weights::LayerWeights;
