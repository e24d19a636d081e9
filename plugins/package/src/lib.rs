//! Packages of a result, for whoever will use it.
//!
//! [`Zipfile`] is one archive with the models of a run, [`Dockerfile`] a folder that an image is
//! built of, [`ModelPackage`] a folder whose variants ONNX Runtime chooses among. The first two come
//! with sample code that runs the model.
//!
//! Each says first what is in the package, as `contents` by name; files are then copied in pieces
//! of a megabyte. No model is ever in memory, and the same models make the same bytes.

mod zipfile;
mod dockerfile;
mod model_package;
mod documents;
mod mlflow;
mod samples;
mod genai;
mod contents;
mod error;

pub use dockerfile::{Dockerfile, DockerfileConfig};
pub use error::PackageError;
pub use model_package::{ModelPackage, ModelPackageConfig};
pub use zipfile::{Zipfile, ZipfileConfig};

olive_plugin_api::export_plugin! {
    packagers: [Zipfile, Dockerfile, ModelPackage]
}
