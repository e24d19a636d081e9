//! Writes `../../src/proto/generated.rs` from `../onnx.proto`.

use std::error::Error;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let types = protox::compile([here.join("../onnx.proto")], [here.join("..")])?;
    let scratch = here.join("target/generated");
    std::fs::create_dir_all(&scratch)?;
    prost_build::Config::new()
        .disable_comments(["."])
        .bytes([".onnx.TensorProto.raw_data"])
        .out_dir(&scratch)
        .compile_fds(types)?;
    std::fs::create_dir_all(here.join("../../src/proto"))?;
    std::fs::copy(scratch.join("onnx.rs"), here.join("../../src/proto/generated.rs"))?;
    Ok(())
}
