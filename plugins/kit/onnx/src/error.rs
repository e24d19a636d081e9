//! Why an ONNX file could not be written or read.

use std::io;
use std::path::PathBuf;

/// Why an ONNX file could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum OnnxError {
    /// The file system refused a write.
    #[error("cannot write `{}`", path.display())]
    Write {
        /// File that was being written.
        path: PathBuf,
        /// What the file system said.
        source: io::Error,
    },
    /// The file system refused a read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// File that was being read.
        path: PathBuf,
        /// What the file system said.
        source: io::Error,
    },
    /// The file is no ONNX graph.
    #[error("`{}` is not an ONNX graph", path.display())]
    Decode {
        /// File that was read.
        path: PathBuf,
        /// Where decoding stopped.
        source: prost::DecodeError,
    },
    /// The graph is larger than a protobuf message may be.
    #[error("the graph takes {size} bytes, more than the {limit} a protobuf message may have")]
    TooLarge {
        /// Encoded size of the graph in bytes.
        size: usize,
        /// Largest size in bytes.
        limit: usize,
    },
    /// A file of an adapter would be larger than its offsets can say.
    #[error("`{}` would have {size} bytes, more than {limit}", path.display())]
    LargeAdapter {
        /// File that was to be written.
        path: PathBuf,
        /// Its size in bytes.
        size: u64,
        /// Largest size in bytes.
        limit: u64,
    },
    /// A tensor got more or fewer bytes than its type and shape say.
    #[error("tensor `{name}` takes {expected} bytes but has {actual}")]
    TensorLength {
        /// Name of the tensor.
        name: String,
        /// Bytes its type and shape say.
        expected: u64,
        /// Bytes there are.
        actual: u64,
    },
    /// A tensor says where its data is in a way that cannot be followed.
    #[error("external data of tensor `{name}` has {key} `{value}`")]
    ExternalData {
        /// Name of the tensor.
        name: String,
        /// Entry that is wrong.
        key: &'static str,
        /// What it says, empty when missing.
        value: String,
    },
    /// External data lies behind a link that leads out of the model's folder.
    #[error("external data of tensor `{name}` lies outside the model's folder, in `{}`", path.display())]
    LinkOut {
        /// Name of the tensor.
        name: String,
        /// Where the link leads.
        path: PathBuf,
    },
    /// A file that should hold a model has none.
    #[error("`{}` has no graph", path.display())]
    NoGraph {
        /// File that was read.
        path: PathBuf,
    },
    /// A folder names no graph, and holds none or several.
    #[error("`{}` has {found} `.onnx` files, and nothing says which is the model", folder.display())]
    WhichGraph {
        /// The folder.
        folder: PathBuf,
        /// How many there are.
        found: usize,
    },
    /// A file beside the graph could not be brought along.
    #[error("cannot copy `{}`", path.display())]
    Copy {
        /// The file.
        path: PathBuf,
        /// What the file system said.
        source: io::Error,
    },
    /// A weight could not be computed.
    #[error("cannot compute the weight `{name}`: {problem}")]
    Compute {
        /// Name of the weight.
        name: String,
        /// What is wrong with what it is made of.
        problem: String,
    },
    /// Whoever watched the writing asked to stop.
    #[error("stopped while writing the model")]
    Stopped,
}
