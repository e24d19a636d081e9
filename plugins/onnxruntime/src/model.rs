//! A decoder graph as a language model.

use std::path::Path;

use olive_kit_measure::{LanguageModel, Logits, ModelError, Positions};
use ort::memory::Allocator;
use ort::session::{IoBinding, Session};
use ort::value::{Outlet, Tensor, TensorElementType, ValueType};

use crate::assignment::Assignment;
use crate::cache::{KeyValueCache, tensor_names};
use crate::error::OnnxError;
use crate::genai_config::{GenaiConfig, ModelSection};
use crate::library::environment;
use crate::provider::Provider;

/// A decoder graph with grouped-query attention, run by ONNX Runtime.
///
/// Inputs are `input_ids`, `attention_mask` and the past keys and values of every layer, outputs
/// the logits and the present keys and values; their names come from `genai_config.json`.
pub struct OnnxLanguageModel {
    config: GenaiConfig,
    session: Session,
    binding: IoBinding,
    cache: KeyValueCache,
    /// f32 `[1, tokens, vocab_size]`, of the last run.
    logits: Tensor<f32>,
    num_logits: usize,
    /// What computes, when that is not the processor through the runtime itself.
    assignment: Option<String>,
}

impl OnnxLanguageModel {
    /// Loads the graph at `path` that `config` describes; the processor computes with `threads`
    /// threads.
    ///
    /// # Errors
    /// When there is no ONNX Runtime library, a file is missing, or the graph is broken or no decoder
    /// with a key-value cache in f32.
    pub fn open(path: &Path, config: GenaiConfig, threads: usize) -> Result<Self, OnnxError> {
        Self::open_on(&Provider::cpu(), path, config, threads)
    }

    /// Loads the graph at `path` that `config` describes; `provider` computes what it can, the
    /// processor the rest with `threads` threads.
    ///
    /// # Errors
    /// When there is no ONNX Runtime library, the provider cannot be used or computes nothing, a
    /// file is missing, or the graph is broken or no decoder with a key-value cache in f32.
    pub(crate) fn open_on(
        provider: &Provider,
        path: &Path,
        config: GenaiConfig,
        threads: usize,
    ) -> Result<Self, OnnxError> {
        let path = path.to_path_buf();
        if let Err(source) = std::fs::File::open(&path) {
            return Err(OnnxError::Unreadable { path, source });
        }
        let environment = environment()?;
        let builder = Session::builder(&environment)?;
        let builder = builder.with_intra_threads(threads).map_err(ort::Error::from)?;
        let mut builder = provider.append(builder, &environment)?;
        let session = match builder.commit_from_file(&path) {
            Ok(session) => session,
            Err(source) => return Err(OnnxError::Graph { path, source }),
        };
        let assignment = assigned(provider, &session, &path)?;
        check_signature(&session, &config)
            .map_err(|problem| OnnxError::Signature { path, problem })?;
        let mut binding = session.create_binding()?;
        let ModelSection { context_length, vocab_size, decoder, .. } = &config.model;
        let cache = if provider.is_cpu() {
            KeyValueCache::in_place(decoder, *context_length, &mut binding)?
        } else {
            KeyValueCache::growing(decoder)?
        };
        let mut logits = Tensor::new(&Allocator::default(), [1, 1, *vocab_size])?;
        binding.bind_output(decoder.outputs.logits.as_str(), &mut logits)?;
        Ok(Self { config, session, binding, cache, logits, num_logits: 1, assignment })
    }

    /// A sentence on which nodes the execution provider computes, unless that is the processor's.
    pub(crate) fn assignment(&self) -> Option<&str> {
        self.assignment.as_deref()
    }

    /// Appends `tokens`; `self.logits` then holds a row for each of them.
    fn run(&mut self, tokens: &[u32]) -> ort::Result<()> {
        let total = self.cache.len() + tokens.len();
        self.cache.reserve(total, &mut self.binding)?;
        let inputs = &self.config.model.decoder.inputs;
        let ids: Vec<i64> = tokens.iter().map(|&token| i64::from(token)).collect();
        let ids = Tensor::from_array(([1, ids.len()], ids))?;
        self.binding.bind_input(inputs.input_ids.as_str(), &ids)?;
        let mask = Tensor::from_array(([1, total], vec![1_i64; total]))?;
        self.binding.bind_input(inputs.attention_mask.as_str(), &mask)?;
        self.reserve_logits(tokens.len())?;
        let outputs = self.session.run_binding(&self.binding)?;
        let selected = self.cache.select(outputs);
        self.cache.keep(&selected, total, &mut self.binding)
    }

    fn reserve_logits(&mut self, positions: usize) -> ort::Result<()> {
        if positions != self.num_logits {
            let shape = [1, positions, self.config.model.vocab_size];
            self.logits = Tensor::new(&Allocator::default(), shape)?;
            let name = self.config.model.decoder.outputs.logits.as_str();
            self.binding.bind_output(name, &mut self.logits)?;
            self.num_logits = positions;
        }
        Ok(())
    }
}

impl LanguageModel for OnnxLanguageModel {
    fn vocab_size(&self) -> usize {
        self.config.model.vocab_size
    }

    fn eos_token_ids(&self) -> &[u32] {
        self.config.model.eos_token_id.as_slice()
    }

    fn max_positions(&self) -> usize {
        self.config.model.context_length
    }

    fn reset(&mut self) {
        self.cache.clear();
    }

    fn forward(&mut self, tokens: &[u32], positions: Positions) -> Result<Logits<'_>, ModelError> {
        self.run(tokens)?;
        let vocab_size = self.vocab_size();
        let (_, values) = self.logits.extract_tensor();
        let wanted = match positions {
            Positions::All => values,
            Positions::Last => &values[values.len() - vocab_size..],
        };
        Ok(Logits::new(wanted, vocab_size))
    }
}

/// A sentence on which nodes `provider` computes, unless it is the processor's.
fn assigned(
    provider: &Provider,
    session: &Session,
    path: &Path,
) -> Result<Option<String>, OnnxError> {
    if provider.is_cpu() {
        return Ok(None);
    }
    let (name, path) = (provider.name(), path.to_owned());
    let assignment = Assignment::of(session)?;
    if assignment.count(name) == 0 {
        return Err(OnnxError::NothingAssigned { name: name.to_owned(), path });
    }
    Ok(Some(assignment.told(name)))
}

/// Says what keeps the graph from being fed as `config` describes.
fn check_signature(session: &Session, config: &GenaiConfig) -> Result<(), String> {
    let decoder = &config.model.decoder;
    let (past, present): (Vec<_>, Vec<_>) = tensor_names(decoder).unzip();
    let tokens = [decoder.inputs.input_ids.clone(), decoder.inputs.attention_mask.clone()];
    let inputs: Vec<_> = tokens.into_iter().chain(past.iter().cloned()).collect();
    let outputs: Vec<_> = [decoder.outputs.logits.clone()].into_iter().chain(present).collect();
    same_names("input", session.inputs(), &inputs)?;
    same_names("output", session.outputs(), &outputs)?;
    let floats =
        session.inputs().iter().filter(|input| past.iter().any(|name| name == input.name()));
    for outlet in floats.chain(session.outputs()) {
        match outlet.dtype() {
            ValueType::Tensor { ty: TensorElementType::Float32, .. } => {}
            other => return Err(format!("has `{}` of type {other}, not f32", outlet.name())),
        }
    }
    Ok(())
}

fn same_names(what: &str, found: &[Outlet], expected: &[String]) -> Result<(), String> {
    if let Some(name) = expected.iter().find(|&name| found.iter().all(|it| it.name() != name)) {
        return Err(format!("has no {what} `{name}`, which genai_config.json names"));
    }
    match found.iter().find(|it| expected.iter().all(|name| name != it.name())) {
        Some(unknown) => {
            let name = unknown.name();
            Err(format!("has the {what} `{name}`, which genai_config.json does not name"))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::iter::zip;
    use std::path::Path;

    use olive_kit_measure::{LanguageModel, Positions};

    use super::OnnxLanguageModel;
    use crate::cache::KeyValueCache;
    use crate::genai_config::GenaiConfig;
    use crate::library::environment;

    #[test]
    fn a_growing_cache_gives_what_one_written_in_place_gives() {
        if let Err(error) = environment() {
            println!("skipped: {error}");
            return;
        }
        for name in ["tiny-phi3-fp32", "tiny-llama-int4"] {
            let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/builder");
            let folder = Path::new(fixtures).join(name);
            let config = GenaiConfig::read(&folder).unwrap();
            let decoder = config.model.decoder.clone();
            let path = folder.join(&decoder.filename);
            let mut model = OnnxLanguageModel::open(&path, config, 1).unwrap();
            let expected = [logits(&mut model), logits(&mut model)].concat();
            model.cache = KeyValueCache::growing(&decoder).unwrap();
            let found = [logits(&mut model), logits(&mut model)].concat();
            assert_eq!(found.len(), expected.len());
            let largest = zip(found, expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(largest < 1e-5, "{name}: {largest}");
        }
    }

    /// The logits of a sequence in runs of several lengths, from a fresh start.
    fn logits(model: &mut OnnxLanguageModel) -> Vec<f32> {
        model.reset();
        let mut found = Vec::new();
        for tokens in [&[5, 9, 2, 7, 40][..], &[11], &[3, 8], &[21]] {
            let logits = model.forward(tokens, Positions::All).unwrap();
            found.extend(logits.rows().flatten().copied());
        }
        found
    }
}
