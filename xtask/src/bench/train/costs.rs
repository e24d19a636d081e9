//! What a training costs by its sizes: counted, and measured.

use std::fs;

use serde_json::Value;

use super::super::shapes::{phi3_mini, smollm2};
use super::TARGETS;
use super::runs::{Side, Training, Trial};
use crate::error::ChoreError;

/// Operations of a step: two for each weight, token and direction; six for each trained value and
/// token; attention's two products forward and five backward over half of all pairs. What
/// checkpointing computes again is not counted.
pub(super) fn operations(training: &Training) -> Result<f64, ChoreError> {
    let path = training.model.join("config.json");
    let content = |problem: String| ChoreError::Content { path: path.clone(), problem };
    let bytes = fs::read(&path).map_err(ChoreError::file("read", &path))?;
    let config: Value = serde_json::from_slice(&bytes).map_err(|e| content(e.to_string()))?;
    let size =
        |name: &str| config[name].as_f64().ok_or_else(|| content(format!("it has no `{name}`")));
    let (hidden, inner, layers) =
        (size("hidden_size")?, size("intermediate_size")?, size("num_hidden_layers")?);
    let (heads, kv_heads) = (size("num_attention_heads")?, size("num_key_value_heads")?);
    let kv = hidden / heads * kv_heads;
    let weights = layers * (2.0 * hidden * hidden + 2.0 * hidden * kv + 3.0 * hidden * inner)
        + size("vocab_size")? * hidden;
    let rank = training.rank as f64;
    let fused = training.targets.iter().any(|target| target == "qkv_proj");
    let adapted = if fused {
        2.0 * hidden + (2.0 * hidden + 2.0 * kv)
    } else {
        4.0 * hidden + 2.0 * (hidden + kv)
    };
    let (seq, batch) = (training.seq as f64, training.batch as f64);
    let tokens = seq * batch;
    let attention = 7.0 * 2.0 * hidden * seq * seq / 2.0 * batch * layers;
    Ok(4.0 * weights * tokens + 6.0 * layers * rank * adapted * tokens + attention)
}

/// Doubles length, batch, rank and layers, each alone.
pub(super) fn scaling(trial: &Trial, steps: usize) -> Result<(), ChoreError> {
    let model = |layers| trial.writer.random_model(&format!("smollm2-{layers}"), &smollm2(layers));
    let base = Training {
        model: model(15)?,
        precision: "bf16".into(),
        seq: 512,
        batch: 1,
        rank: 32,
        targets: TARGETS.map(str::to_owned).to_vec(),
        checkpointing: false,
        steps,
    };
    let variants = [
        ("as it is", base.clone()),
        ("length 1024", Training { seq: 1024, ..base.clone() }),
        ("length 2048", Training { seq: 2048, ..base.clone() }),
        ("batch 2", Training { batch: 2, ..base.clone() }),
        ("batch 4", Training { batch: 4, ..base.clone() }),
        ("rank 64", Training { rank: 64, ..base.clone() }),
        ("rank 128", Training { rank: 128, ..base.clone() }),
        ("30 layers", Training { model: model(30)?, ..base.clone() }),
    ];
    println!("bf16, T=512, batch 1, rank 32, 15 layers; what is doubled, time, operations, memory");
    let mut first: Option<(Side, f64)> = None;
    for (name, training) in variants {
        let (side, counted) = (trial.ours(&training)?, operations(&training)?);
        let (base, base_counted) = first.get_or_insert_with(|| (side.clone(), counted));
        println!(
            "  {name:<12} {:.3} s ({:.2} x), {:.0} GFLOP ({:.2} x), {:.0} MiB ({:.2} x)",
            side.seconds,
            side.seconds / base.seconds,
            counted / 1e9,
            counted / *base_counted,
            side.peak_bytes / f64::from(1 << 20),
            side.peak_bytes / base.peak_bytes,
        );
    }
    Ok(())
}

/// `QLoRA` on Phi-3-mini's shape.
pub(super) fn phi3(trial: &Trial) -> Result<(), ChoreError> {
    let training = Training {
        model: trial.writer.random_model("phi3-mini", &phi3_mini())?,
        precision: "nf4".into(),
        seq: 1024,
        batch: 1,
        rank: 64,
        targets: vec!["qkv_proj".into(), "o_proj".into()],
        checkpointing: true,
        steps: 3,
    };
    let side = trial.ours(&training)?;
    println!("Phi-3-mini, QLoRA, T=1024, checkpointed: {side}");
    Ok(())
}
