//! No weights make their reader panic, and every tensor it lends is as long as its shape says.
//!
//! The first byte of the input says what the rest is: the weights of a checkpoint that GPTQ has
//! packed when it is 2, that Olive has when it is 4; else a single file when it is even, the weights
//! of a checkpoint that may be in 4 bits when it is odd.

use std::path::Path;

use olive_kit_checkpoint::{Checkpoint, LinearWeight, PackedCheckpoint, SafetensorsFile, Tensor};

use crate::{check_words, file, folder};

/// A model with one layer, as small as can be.
const CONFIG: &str = r#"{
    "architectures": ["LlamaForCausalLM"], "model_type": "llama",
    "hidden_size": 4, "intermediate_size": 4, "vocab_size": 2, "num_hidden_layers": 1,
    "num_attention_heads": 2, "num_key_value_heads": 1, "max_position_embeddings": 8,
    "rms_norm_eps": 1e-5, "tie_word_embeddings": true,
    "quantization_config": {
        "quant_method": "bitsandbytes", "load_in_4bit": true, "bnb_4bit_quant_type": "nf4"
    }
}"#;

/// A model with one layer, as small as one can be packed.
const PACKED: &str = r#"{
    "architectures": ["LlamaForCausalLM"], "model_type": "llama",
    "hidden_size": 16, "intermediate_size": 16, "vocab_size": 2, "num_hidden_layers": 1,
    "num_attention_heads": 2, "num_key_value_heads": 1, "max_position_embeddings": 8,
    "rms_norm_eps": 1e-5, "tie_word_embeddings": true,
    "quantization_config": { "quant_method": "METHOD", "bits": 4, "group_size": 16 }
}"#;

/// Reads `input` to the last value.
///
/// # Panics
/// When a tensor is not as long as its shape says.
pub fn read(input: &[u8]) {
    let Some((&form, bytes)) = input.split_first() else { return };
    let folder = folder();
    let path = file(&folder, "model.safetensors", bytes);
    match form {
        2 | 4 => {
            let method = if form == 2 { "gptq" } else { "olive" };
            let config = PACKED.replace("METHOD", method);
            file(&folder, "config.json", config.as_bytes());
            read_packed(folder.path());
        }
        _ if form % 2 == 0 => read_file(&path),
        _ => {
            file(&folder, "config.json", CONFIG.as_bytes());
            read_checkpoint(folder.path());
        }
    }
}

fn read_packed(folder: &Path) {
    let checkpoint = match PackedCheckpoint::open(folder) {
        Ok(checkpoint) => checkpoint,
        Err(error) => return check_words(&error),
    };
    if let Err(error) = checkpoint.validate() {
        check_words(&error);
    }
    for linear in checkpoint.description().decoder.all_linears() {
        match checkpoint.rows(&linear, 0..linear.out_features) {
            Ok(rows) => assert_eq!(rows.is_some(), checkpoint.layer(&linear.name).is_some()),
            Err(error) => check_words(&error),
        }
    }
}

fn read_file(path: &Path) {
    let file = match SafetensorsFile::open(path) {
        Ok(file) => file,
        Err(error) => return check_words(&error),
    };
    for name in file.names() {
        assert!(file.contains(name));
        match file.tensor(name) {
            Ok(tensor) => check_tensor(&tensor),
            Err(error) => check_words(&error),
        }
        if let Ok((values, shape)) = file.integers(name) {
            assert_eq!(values.len(), shape.iter().product::<usize>());
        }
    }
}

fn read_checkpoint(folder: &Path) {
    let checkpoint = match Checkpoint::open_quantized(folder) {
        Ok(checkpoint) => checkpoint,
        Err(error) => return check_words(&error),
    };
    if let Err(error) = checkpoint.validate() {
        check_words(&error);
    }
    for linear in checkpoint.decoder().all_linears() {
        match checkpoint.weight(&linear) {
            Ok(LinearWeight::Dense(tensor)) => check_tensor(&tensor),
            Ok(LinearWeight::FourBit(weight)) => {
                let mut values = vec![0.0; linear.out_features * linear.in_features];
                weight.dequantize(0..values.len(), &mut values);
            }
            Err(error) => check_words(&error),
        }
    }
}

fn check_tensor(tensor: &Tensor<'_>) {
    assert_eq!(tensor.bytes.len(), tensor.len() * tensor.dtype.size_bytes());
    assert_eq!(tensor.to_f32().len(), tensor.len());
    if !tensor.is_empty() {
        assert_eq!(tensor.len(), tensor.num_rows() * tensor.row_len());
    }
    for row in [0, tensor.num_rows().saturating_sub(1)] {
        let rows = row..(row + 1).min(tensor.num_rows());
        assert_eq!(tensor.rows_f32(rows.clone()).len(), rows.len() * tensor.row_len());
    }
}
