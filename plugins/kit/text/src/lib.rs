//! Text: datasets, templates, tokenization, packing into training blocks.
//!
//! [`rows::read`] reads the files of a data set into [`Row`]s; [`texts`] and [`examples`] fill
//! templates from them; [`Tokenizer`] makes tokens of text; [`pack`] does all of it and lays the
//! tokens out in training [`Block`]s, which [`split`] divides as the `datasets` library does.

pub mod rows;
mod value;
mod template;
mod texts;
mod tokenizer;
mod pack;
mod split;
mod pcg64;
mod error;

pub use error::TextError;
pub use pack::{Block, IGNORED_LABEL, Packed, pack};
pub use rows::Row;
pub use split::{EvalSize, split};
pub use texts::{Example, examples, texts};
pub use tokenizer::Tokenizer;
pub use value::Value;
