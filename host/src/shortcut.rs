//! Shortcuts: configs that commands write by themselves.
//!
//! A command makes a [`Draft`] of its arguments: the config as a tree, and which argument each part
//! comes from. Its text is checked, planned and run as that of any config; what is found about it is
//! told with the argument that caused it ([`Trace`]). Which passes there are to choose from is told
//! by their schemas ([`offers`]).

pub mod draft;
pub mod text;
pub mod typed;
pub mod trace;
pub mod offers;
pub mod figures;
pub mod goal;
pub mod machine;
pub mod weights;

pub use draft::{Draft, Origin};
pub use trace::Trace;
pub use typed::Typed;
