//! Text: datasets, templates, tokenization, packing into training blocks.
//!
//! [`rows::open`] reads the files of a data set as [`Row`]s; [`texts`], [`examples`] and [`questions()`]
//! make text of them by templates; [`Tokenizer`] makes tokens of text; [`pack`] does all of it row by row and
//! lays the tokens out in training [`Block`]s, which [`split`] divides as the `datasets` library
//! does. [`preview`] tells what came of a data config.

pub mod rows;
mod value;
mod marked;
mod template;
mod chat;
mod pair;
mod sample;
mod texts;
mod questions;
mod asking;
mod tokenizer;
mod tokens;
mod block;
mod pack;
mod preview;
mod split;
mod mersenne;
mod pcg64;
mod error;

pub use asking::{Asking, Shots, Turns, delimited};
pub use block::{Block, IGNORED_LABEL};
pub use error::TextError;
pub use pack::{Packed, pack};
pub use preview::{BlockPreview, Piece, PieceKind, Preview, SplitSizes, preview};
pub use questions::{Question, questions};
pub use rows::{Place, Row, Rows};
pub use split::{EvalSize, split};
pub use texts::{Example, examples, prompts, texts};
pub use tokenizer::Tokenizer;
pub use value::Value;
