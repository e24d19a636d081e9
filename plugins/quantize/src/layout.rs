//! How codes are written: the layout, and what `config.json` says about it.

use olive_kit_checkpoint::{Checkpoint, CheckpointError, Decoder, Dtype};
use olive_kit_quant::Packer;
use olive_kit_solve::Grid;
use olive_plugin_api::Diagnostic;
use serde_json::{Map, Value, json};

use crate::config::{CheckpointFormat, Method, Quantizer};
use crate::targets::Targets;

const FORMAT: &str = "/checkpoint_format";

/// How codes are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Layout {
    /// Who reads them.
    pub(crate) format: CheckpointFormat,
    /// Type of scales.
    pub(crate) scale_type: Dtype,
}

impl Layout {
    /// The layout that a pass writes for a model; `None` where it leaves weights in floats.
    ///
    /// Scales are of 16 bits as `AutoGPTQ` and `AutoAWQ` write them, in Olive's layout of the type
    /// that weights have had.
    ///
    /// # Errors
    /// When the first linear layer has no weight that is read.
    pub(crate) fn of(
        config: &impl Quantizer,
        checkpoint: &Checkpoint,
        targets: &Targets,
    ) -> Result<Option<Self>, CheckpointError> {
        let Some(codes) = config.codes() else { return Ok(None) };
        let format = codes.checkpoint_format.unwrap_or_else(|| {
            if codes.embeds {
                return CheckpointFormat::Olive;
            }
            let all = |fits: fn(Grid) -> bool| targets.linears.iter().all(|(_, it)| fits(*it));
            if matches!(config.method(), Method::Awq(_)) && all(|grid| grid.bits == 4) {
                CheckpointFormat::Awq
            } else if all(|grid| grid.is_symmetric) {
                CheckpointFormat::Gptq
            } else {
                CheckpointFormat::GptqV2
            }
        });
        let first = checkpoint.decoder().linears_of_layers().next();
        let scale_type = match first.filter(|_| format == CheckpointFormat::Olive) {
            // What merging makes of codes in 4 bits.
            Some(linear) if checkpoint.is_four_bit(&linear) => Dtype::F32,
            Some(linear) => checkpoint.linear(&linear)?.dtype,
            None => Dtype::F16,
        };
        Ok(Some(Self { format, scale_type }))
    }

    /// What `config.json` says of the codes under `quantization_config`.
    pub(crate) fn settings(self, method: Method<'_>, targets: &Targets) -> Value {
        let usual = targets.usual;
        let group_size = json!(group_size(usual));
        match self.format {
            CheckpointFormat::Gptq | CheckpointFormat::GptqV2 => {
                let mut settings = json!({
                    "quant_method": "gptq",
                    "bits": usual.bits,
                    "group_size": group_size,
                    "sym": usual.is_symmetric,
                    "desc_act": false,
                    "lm_head": has_head(targets),
                    "checkpoint_format": self.format.name(),
                });
                if let Method::Gptq(gptq) = method {
                    settings["desc_act"] = json!(gptq.scatters(usual));
                    settings["damp_percent"] = json!(gptq.damp_percent);
                    settings["static_groups"] = json!(gptq.is_static());
                    settings["true_sequential"] = json!(gptq.true_sequential);
                }
                let dynamic = dynamic(targets);
                if !dynamic.is_empty() {
                    settings["dynamic"] = dynamic.into();
                }
                settings
            }
            CheckpointFormat::Awq => json!({
                "quant_method": "awq",
                "bits": usual.bits,
                "group_size": group_size,
                "zero_point": true,
                "version": "gemm",
                "modules_to_not_convert": left(targets),
            }),
            CheckpointFormat::Olive => json!({
                "quant_method": "olive",
                "bits": usual.bits,
                "symmetric": usual.is_symmetric,
                "group_size": group_size,
                "lm_head": has_head(targets),
                "embeds": targets.embedding.is_some(),
                "modules_to_not_convert": left(targets),
                "overrides": overrides(targets),
            }),
        }
    }
}

/// What has no place in the layout that is asked for.
pub(crate) fn check(
    layout: Layout,
    config: &impl Quantizer,
    targets: &Targets,
    decoder: &Decoder,
) -> Vec<Diagnostic> {
    let (packer, name) = (layout.format.packer(), layout.format.name());
    let mut found = Vec::new();
    if targets.embedding.is_some() && packer != Packer::Olive {
        let message = format!("the layout `{name}` has no place for an embedding in codes");
        let problem = Diagnostic::error("conflict", FORMAT, message);
        found.push(problem.with_help("write `olive`, or leave `embeds` out"));
    }
    let misfit = targets.all(decoder).find_map(|(path, shape, grid)| {
        misfit(packer, shape, grid).map(|misfit| format!("`{path}` {misfit}"))
    });
    if let Some(misfit) = misfit {
        let message = format!("{misfit}, which the layout `{name}` has no place for");
        let problem = Diagnostic::error("not-supported", FORMAT, message);
        found.push(problem.with_help("write another layout, or other bits in `overrides`"));
    }
    if let Some((linear, _)) = targets
        .linears
        .iter()
        .find(|(_, grid)| packer == Packer::Awq && grid.group_size != targets.usual.group_size)
    {
        let message =
            format!("the layout `awq` has one group size, and `{}` has another", linear.name);
        let problem = Diagnostic::error("conflict", "/overrides", message);
        found.push(problem.with_help("write the layout `gptq_v2` or `olive`"));
    }
    if let Method::Gptq(gptq) = config.method()
        && !matches!(packer, Packer::Gptq { .. })
        && let Some((linear, _)) = targets.linears.iter().find(|(_, grid)| gptq.scatters(*grid))
    {
        let message = format!(
            "`desc_act` lets groups of `{}` be of inputs here and there, which the layout `{name}` \
             has no place for",
            linear.name
        );
        let problem = Diagnostic::error("conflict", "/desc_act", message);
        found.push(problem.with_help("set `static_groups`, or write the layout `gptq_v2`"));
    }
    found
}

/// Why a matrix `[n, k]` cannot be packed.
fn misfit(packer: Packer, [n, k]: [usize; 2], grid: Grid) -> Option<String> {
    if !packer.widths().contains(&grid.bits) {
        return Some(format!("has codes of {} bits", grid.bits));
    }
    let [of_outputs, of_inputs] = packer.multiples(grid.bits);
    let fits = n.is_multiple_of(of_outputs) && k.is_multiple_of(of_inputs);
    let which = if n.is_multiple_of(of_outputs) {
        (k, "inputs", of_inputs)
    } else {
        (n, "outputs", of_outputs)
    };
    (!fits).then(|| format!("has {} {}, no multiple of {}", which.0, which.1, which.2))
}

fn group_size(grid: Grid) -> i64 {
    grid.group_size.and_then(|size| i64::try_from(size).ok()).unwrap_or(-1)
}

/// Rules by which `GPTQModel` tells layers with other grids, and those in floats.
fn dynamic(targets: &Targets) -> Map<String, Value> {
    let usual = targets.usual;
    let others = targets.linears.iter().filter(|(_, grid)| *grid != usual).map(|(linear, grid)| {
        let rule = json!({
            "bits": grid.bits, "group_size": group_size(*grid), "sym": grid.is_symmetric,
        });
        (format!("+:^{}$", escaped(&linear.name)), rule)
    });
    // GPTQModel leaves the head alone unless `lm_head` is set.
    let in_layers = targets.left.iter().filter(|path| *path != Decoder::LM_HEAD_MODULE);
    let left = in_layers.map(|path| (format!("-:^{}$", escaped(path)), json!({})));
    others.chain(left).collect()
}

fn escaped(path: &str) -> String {
    path.replace('.', r"\.")
}

/// Whether logits are made of codes, be they shared with the embedding.
fn has_head(targets: &Targets) -> bool {
    !targets.left.iter().any(|path| path == Decoder::LM_HEAD_MODULE)
}

/// Layers in floats, for readers that take all others for packed; `null` where there are none.
fn left(targets: &Targets) -> Value {
    if targets.left.is_empty() { Value::Null } else { json!(targets.left) }
}

/// Grids other than the usual one, as Olive tells them; `null` where there are none.
fn overrides(targets: &Targets) -> Value {
    let usual = targets.usual;
    let linears = targets.linears.iter().map(|(linear, grid)| (linear.name.as_str(), *grid));
    let embedding = targets.embedding.map(|grid| (Decoder::EMBEDDING_MODULE, grid));
    let others = linears.chain(embedding).filter(|(_, grid)| *grid != usual);
    let others = others.map(|(path, grid)| {
        let mut other = Map::new();
        if grid.bits != usual.bits {
            other.insert("bits".into(), json!(grid.bits));
        }
        if grid.is_symmetric != usual.is_symmetric {
            other.insert("symmetric".into(), json!(grid.is_symmetric));
        }
        if grid.group_size != usual.group_size {
            other.insert("group_size".into(), json!(group_size(grid)));
        }
        (path.to_owned(), Value::Object(other))
    });
    let others: Map<_, _> = others.collect();
    if others.is_empty() { Value::Null } else { others.into() }
}
