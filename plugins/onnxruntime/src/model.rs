//! A decoder graph as a language model.

use std::path::Path;

use half::f16;
use olive_kit_measure::{LanguageModel, Logits, ModelError, Positions};
use ort::memory::Allocator;
use ort::session::{IoBinding, Session};
use ort::value::{DynTensor, Tensor, TensorElementType};

use crate::assignment::Assignment;
use crate::cache::KeyValueCache;
use crate::error::OnnxError;
use crate::genai_config::{GenaiConfig, ModelSection};
use crate::library::environment;
use crate::provider::Provider;
use crate::session::SessionSettings;
use crate::signature::Signature;

/// A decoder graph with grouped-query attention, run by ONNX Runtime.
///
/// Inputs are `input_ids`, `attention_mask`, where the graph asks for them `position_ids`, and the
/// past keys and values of every layer, outputs the logits and the present keys and values; their
/// names come from `genai_config.json`. Caches may be f32, f16 or bf16, logits f32 or f16.
pub struct OnnxLanguageModel {
    config: GenaiConfig,
    signature: Signature,
    session: Session,
    binding: IoBinding,
    cache: KeyValueCache,
    /// `[1, rows, vocab_size]`, of the last run.
    logits: DynTensor,
    num_logits: usize,
    /// The logits asked for last, `[positions, vocab_size]`, where a tensor does not hold them.
    gathered: Vec<f32>,
    /// What computes, when that is not the processor through the runtime itself.
    assignment: Option<String>,
}

impl OnnxLanguageModel {
    /// Loads the graph at `path` that `config` describes; the processor computes with `threads`
    /// threads.
    ///
    /// # Errors
    /// When there is no ONNX Runtime library, a file is missing, or the graph is broken or no decoder
    /// with a key-value cache.
    pub fn open(path: &Path, config: GenaiConfig, threads: usize) -> Result<Self, OnnxError> {
        Self::open_with(&SessionSettings::cpu(threads), path, config)
    }

    /// Loads the graph at `path` that `config` describes, to be run as `settings` say.
    ///
    /// # Errors
    /// When there is no ONNX Runtime library, the settings cannot be kept, their provider cannot be
    /// used or computes nothing, a file is missing, or the graph is broken or no decoder with a
    /// key-value cache.
    pub(crate) fn open_with(
        settings: &SessionSettings,
        path: &Path,
        config: GenaiConfig,
    ) -> Result<Self, OnnxError> {
        let path = path.to_path_buf();
        if let Err(source) = std::fs::File::open(&path) {
            return Err(OnnxError::Unreadable { path, source });
        }
        let provider = settings.provider();
        let mut builder = settings.builder(&environment()?)?;
        let session = match builder.commit_from_file(&path) {
            Ok(session) => session,
            Err(source) => return Err(OnnxError::Graph { path, source }),
        };
        let assignment = assigned(provider, &session, &path)?;
        let signature = Signature::of(&session, &config.model.decoder)
            .map_err(|problem| OnnxError::Signature { path, problem })?;
        let mut binding = session.create_binding()?;
        let ModelSection { context_length, vocab_size, decoder, .. } = &config.model;
        let cache = if provider.is_cpu() {
            KeyValueCache::in_place(decoder, signature.cache, *context_length, &mut binding)?
        } else {
            KeyValueCache::growing(decoder, signature.cache)?
        };
        let shape = [1, 1, *vocab_size];
        let mut logits = DynTensor::new(&Allocator::default(), signature.logits, shape)?;
        binding.bind_output(decoder.outputs.logits.as_str(), &mut logits)?;
        let (num_logits, gathered) = (1, Vec::new());
        Ok(Self {
            config,
            signature,
            session,
            binding,
            cache,
            logits,
            num_logits,
            gathered,
            assignment,
        })
    }

    /// A sentence on which nodes the execution provider computes, unless that is the processor's.
    pub(crate) fn assignment(&self) -> Option<&str> {
        self.assignment.as_deref()
    }

    /// Appends `tokens`; `self.logits` then holds a row for each of them, or for the last only where
    /// the graph gives no more.
    fn run(&mut self, tokens: &[u32]) -> ort::Result<()> {
        let past = self.cache.len();
        let total = past + tokens.len();
        self.cache.reserve(total, &mut self.binding)?;
        let inputs = &self.config.model.decoder.inputs;
        let ids: Vec<i64> = tokens.iter().map(|&token| i64::from(token)).collect();
        let ids = Tensor::from_array(([1, ids.len()], ids))?;
        self.binding.bind_input(inputs.input_ids.as_str(), &ids)?;
        let mask = Tensor::from_array(([1, total], vec![1_i64; total]))?;
        self.binding.bind_input(inputs.attention_mask.as_str(), &mask)?;
        if let Some(name) = &inputs.position_ids {
            let places: Vec<i64> = (0_i64..).take(total).skip(past).collect();
            let places = Tensor::from_array(([1, tokens.len()], places))?;
            self.binding.bind_input(name.as_str(), &places)?;
        }
        let rows = if self.signature.gives_last_only { 1 } else { tokens.len() };
        self.reserve_logits(rows)?;
        let outputs = self.session.run_binding(&self.binding)?;
        let selected = self.cache.select(outputs);
        self.cache.keep(&selected, total, &mut self.binding)
    }

    fn reserve_logits(&mut self, rows: usize) -> ort::Result<()> {
        if rows != self.num_logits {
            let shape = [1, rows, self.config.model.vocab_size];
            self.logits = DynTensor::new(&Allocator::default(), self.signature.logits, shape)?;
            let name = self.config.model.decoder.outputs.logits.as_str();
            self.binding.bind_output(name, &mut self.logits)?;
            self.num_logits = rows;
        }
        Ok(())
    }

    /// The last `rows` rows of logits of the last run, where they are f32.
    fn last_logits(&self, rows: usize) -> ort::Result<&[f32]> {
        let (_, logits) = self.logits.try_extract_tensor()?;
        Ok(&logits[logits.len() - rows * self.config.model.vocab_size..])
    }

    /// Appends the last `rows` rows of logits of the last run to those gathered.
    fn gather(&mut self, rows: usize) -> ort::Result<()> {
        let values = rows * self.config.model.vocab_size;
        if self.signature.logits == TensorElementType::Float16 {
            let (_, logits) = self.logits.try_extract_tensor::<f16>()?;
            let last = &logits[logits.len() - values..];
            self.gathered.extend(last.iter().map(|value| value.to_f32()));
        } else {
            let (_, logits) = self.logits.try_extract_tensor()?;
            self.gathered.extend_from_slice(&logits[logits.len() - values..]);
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

    fn truncate(&mut self, tokens: usize) -> bool {
        self.cache.truncate(tokens)
    }

    fn forward(&mut self, tokens: &[u32], positions: Positions) -> Result<Logits<'_>, ModelError> {
        let vocab_size = self.vocab_size();
        let is_stepwise = self.signature.gives_last_only && positions == Positions::All;
        let is_gathered = is_stepwise || self.signature.logits != TensorElementType::Float32;
        let step = if is_stepwise { 1 } else { tokens.len().max(1) };
        let rows = if positions == Positions::All { step } else { 1 };
        self.gathered.clear();
        for tokens in tokens.chunks(step) {
            self.run(tokens)?;
            if is_gathered {
                self.gather(rows)?;
            }
        }
        let logits = if is_gathered { &self.gathered } else { self.last_logits(rows)? };
        Ok(Logits::new(logits, vocab_size))
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
        for name in ["tiny-phi3-fp32", "tiny-llama-int4", "tiny-gemma2-int4", "tiny-llama-int4-dml"]
        {
            let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/builder");
            let folder = Path::new(fixtures).join(name);
            let config = GenaiConfig::read(&folder).unwrap();
            let decoder = config.model.decoder.clone();
            let path = folder.join(&decoder.filename);
            let mut model = OnnxLanguageModel::open(&path, config, 1).unwrap();
            let expected = [logits(&mut model), logits(&mut model)].concat();
            model.cache = KeyValueCache::growing(&decoder, model.signature.cache).unwrap();
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
