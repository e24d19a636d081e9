//! Continues a prompt greedily with a model folder, through ONNX Runtime.
//!
//! ```sh
//! cargo run --release -- MODEL_DIR PROMPT [MAX_NEW_TOKENS]
//! ```

use std::env;
use std::error::Error;
use std::fs;
use std::io::{self, Write};
use std::path::Path;

use half::f16;
use ort::environment::Environment;
use ort::memory::Allocator;
use ort::session::{Session, SessionInputValue};
use ort::value::{DynTensor, DynValue, Tensor, TensorElementType};
use serde_json::Value;
use tokenizers::Tokenizer;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> Result<()> {
    let args: Vec<String> = env::args().skip(1).collect();
    let (folder, prompt, limit) = match &args[..] {
        [folder, prompt] => (folder, prompt, 64),
        [folder, prompt, limit] => (folder, prompt, limit.parse()?),
        _ => return Err("usage: generate MODEL_DIR PROMPT [MAX_NEW_TOKENS]".into()),
    };
    let folder = Path::new(folder);
    let tokenizer = Tokenizer::from_file(folder.join("tokenizer.json"))?;
    let mut decoder = Decoder::open(folder)?;
    let mut out = io::stdout().lock();
    let mut next: Vec<i64> =
        tokenizer.encode(prompt.as_str(), true)?.get_ids().iter().map(|&id| id.into()).collect();
    let (mut chosen, mut shown) = (Vec::new(), 0);
    for _ in 0..limit {
        let token = decoder.likeliest(&next)?;
        if decoder.ends.contains(&token) {
            break;
        }
        chosen.push(u32::try_from(token)?);
        next = vec![token];
        let text = tokenizer.decode(&chosen, true)?;
        // A letter of several tokens is shown once it is whole.
        if !text.ends_with('\u{fffd}') {
            out.write_all(&text.as_bytes()[shown..])?;
            out.flush()?;
            shown = text.len();
        }
    }
    writeln!(out)?;
    Ok(())
}

/// A decoder graph with the keys and values of all tokens so far.
struct Decoder {
    session: Session,
    /// `model.decoder` of `genai_config.json`: names of inputs and outputs.
    names: Value,
    /// Tokens that end a text.
    ends: Vec<i64>,
    /// Names of the inputs and outputs of the cache, with the value of the next run's input.
    cache: Vec<(String, String, DynValue)>,
    /// Tokens in the cache.
    len: i64,
}

impl Decoder {
    fn open(folder: &Path) -> Result<Self> {
        let text = fs::read_to_string(folder.join("genai_config.json"))?;
        let model = serde_json::from_str::<Value>(&text)?["model"].take();
        let names = model["decoder"].clone();
        let ends = match &model["eos_token_id"] {
            Value::Array(ids) => ids.iter().filter_map(Value::as_i64).collect(),
            id => id.as_i64().into_iter().collect(),
        };
        let graph = names["filename"].as_str().unwrap_or("model.onnx");
        let session = Session::builder(&environment()?)?.commit_from_file(folder.join(graph))?;
        let mut decoder = Self { session, names, ends, cache: Vec::new(), len: 0 };
        decoder.cache = decoder.empty_cache()?;
        Ok(decoder)
    }

    /// Keys and values of no token: `[1, heads, 0, head size]` for each layer.
    fn empty_cache(&self) -> Result<Vec<(String, String, DynValue)>> {
        let count =
            |key: &str| self.names[key].as_u64().and_then(|count| usize::try_from(count).ok());
        let missing = |key: &str| format!("genai_config.json has no `model.decoder.{key}`");
        let number = |key| count(key).ok_or_else(|| missing(key));
        let (layers, heads) = (number("num_hidden_layers")?, number("num_key_value_heads")?);
        let shape = [1, heads, 0, number("head_size")?];
        let mut cache = Vec::new();
        for layer in 0..layers {
            for part in ["key", "value"] {
                let named = |of: &str, when: &str| {
                    let pattern = self.name(of, &format!("{when}_{part}_names"));
                    pattern.replace("%d", &layer.to_string())
                };
                let (past, present) = (named("inputs", "past"), named("outputs", "present"));
                let input = self.session.inputs().iter().find(|input| input.name() == past);
                let dtype = input.and_then(|input| input.dtype().tensor_type());
                let dtype = dtype.unwrap_or(TensorElementType::Float32);
                let empty = DynTensor::new(&Allocator::default(), dtype, shape)?;
                cache.push((past, present, empty.into_dyn()));
            }
        }
        Ok(cache)
    }

    /// Reads `tokens`, and gives the likeliest next one.
    fn likeliest(&mut self, tokens: &[i64]) -> Result<i64> {
        let count = i64::try_from(tokens.len())?;
        let total = self.len + count;
        let row = |values: Vec<i64>| Tensor::from_array(([1, values.len()], values));
        let mut inputs: Vec<(String, SessionInputValue<'_>)> = vec![
            (self.name("inputs", "input_ids"), row(tokens.to_vec())?.into()),
            (self.name("inputs", "attention_mask"), row(vec![1; usize::try_from(total)?])?.into()),
        ];
        if self.names["inputs"]["position_ids"].is_string() {
            let positions = row((self.len..total).collect())?;
            inputs.push((self.name("inputs", "position_ids"), positions.into()));
        }
        let logits = self.name("outputs", "logits");
        let past = self.cache.drain(..).map(|(past, present, value)| {
            inputs.push((past.clone(), value.into()));
            (past, present)
        });
        let names: Vec<(String, String)> = past.collect();
        let mut outputs = self.session.run(inputs)?;
        let token = argmax_of_last_row(&outputs[logits.as_str()])?;
        for (past, present) in names {
            let value = outputs
                .remove(&present)
                .ok_or_else(|| format!("the graph has no output `{present}`"))?;
            self.cache.push((past, present, value));
        }
        self.len = total;
        Ok(token)
    }

    /// What `genai_config.json` calls `key` of the inputs or outputs.
    fn name(&self, of: &str, key: &str) -> String {
        self.names[of][key].as_str().unwrap_or(key).to_owned()
    }
}

/// ONNX Runtime, from the library that `ORT_DYLIB_PATH` names.
fn environment() -> Result<Environment> {
    let named = env::var_os("ORT_DYLIB_PATH");
    let path = named.ok_or("set ORT_DYLIB_PATH to the library of ONNX Runtime: see README.md")?;
    let path = Path::new(&path);
    let failed = |why: ort::LoadDynamicError| format!("cannot load `{}`: {why}", path.display());
    Ok(ort::init_from(path).map_err(failed)?.build()?)
}

/// Index of the largest logit of the last token, in logits `[1, tokens, vocabulary]`.
fn argmax_of_last_row(logits: &DynValue) -> Result<i64> {
    let largest = |row: &mut dyn Iterator<Item = f32>| {
        let mut best = (0, f32::NEG_INFINITY);
        for (index, value) in row.enumerate() {
            if value > best.1 {
                best = (index, value);
            }
        }
        best.0
    };
    let index = if let Ok((shape, values)) = logits.try_extract_tensor::<f32>() {
        let width = usize::try_from(shape[2])?;
        largest(&mut values[values.len() - width..].iter().copied())
    } else {
        let (shape, values) = logits.try_extract_tensor::<f16>()?;
        let width = usize::try_from(shape[2])?;
        largest(&mut values[values.len() - width..].iter().map(|value| value.to_f32()))
    };
    Ok(i64::try_from(index)?)
}
