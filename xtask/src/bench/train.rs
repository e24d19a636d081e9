//! Training, in turns with PEFT on the same model, blocks and threads.

mod costs;
mod peer;
mod runs;

use std::path::PathBuf;

use serde_json::json;

use self::peer::Peer;
pub(crate) use self::runs::Writer;
use self::runs::{Side, Training, Trial};
use super::{Extent, shapes};
use crate::error::ChoreError;
use crate::workspace::target;

/// What `cargo xtask bench train` may be told.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct TrainArgs {
    /// Threads of both sides, and of `quantize`.
    #[arg(long, default_value_t = 2)]
    pub(crate) threads: usize,
    /// Steps of each run; the first is not counted.
    #[arg(long, default_value_t = 4)]
    pub(crate) steps: usize,
    /// Lengths of a block in tokens.
    #[arg(long, value_delimiter = ',', default_values_t = [512, 2048])]
    pub(crate) lengths: Vec<usize>,
}

/// Projections that are adapted: those of attention.
const TARGETS: [&str; 4] = ["q_proj", "k_proj", "v_proj", "o_proj"];

/// Prints the tables.
pub(crate) fn run(
    args: &TrainArgs,
    extent: &Extent,
    rounds: usize,
    python: Option<PathBuf>,
) -> Result<(), ChoreError> {
    let trial =
        Trial { writer: Writer::new(&target().join("bench/train"))?, threads: args.threads };
    let peak = trial.peak()?;
    println!("best products: {:.0} GFLOP/s in f32, {:.0} in bf16", peak.f32 / 1e9, peak.bf16 / 1e9);
    if extent.phi3 {
        return costs::phi3(&trial);
    }
    let model = trial.writer.random_model("smollm2", &shapes::smollm2(30))?;
    if extent.scaling {
        return costs::scaling(&trial, args.steps);
    }
    let peer = if extent.alone { None } else { Some(Peer::new(python)?) };
    for &seq in &args.lengths {
        for precision in ["f32", "bf16", "nf4"] {
            for checkpointing in [false, true] {
                let training = Training {
                    model: model.clone(),
                    precision: precision.into(),
                    seq,
                    batch: 1,
                    rank: 64,
                    targets: TARGETS.map(str::to_owned).to_vec(),
                    checkpointing,
                    steps: args.steps,
                };
                compare(&trial, peer.as_ref(), &training, rounds, peak.of(precision))?;
            }
        }
    }
    Ok(())
}

/// Runs both sides in turns and prints their medians and ratios.
fn compare(
    trial: &Trial,
    peer: Option<&Peer>,
    training: &Training,
    rounds: usize,
    peak: f64,
) -> Result<(), ChoreError> {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        ours.push(trial.ours(training)?);
        if let Some(peer) = peer {
            theirs.push(peer.best(trial, training)?);
        }
    }
    let suffix = if training.checkpointing { ", checkpointed" } else { "" };
    println!("\n{} T={}{suffix}", training.precision, training.seq);
    let ours = Side::median(&ours);
    let share = costs::operations(training)? / ours.seconds / peak;
    println!("  ours: {ours}, {:.0} % of the best products' rate", 100.0 * share);
    if theirs.is_empty() {
        println!("  skipped: the peer, as `--alone` asks for");
        return Ok(());
    }
    let theirs = Side::median(&theirs);
    println!("  PEFT: {theirs}");
    println!(
        "  ours / PEFT: {:.2} x the tokens/s, {:.2} x by CPU-seconds, {:.2} of the memory",
        theirs.seconds / ours.seconds,
        theirs.cpu_seconds / ours.cpu_seconds,
        ours.peak_bytes / theirs.peak_bytes,
    );
    println!("{}", json!({"training": training, "ours": ours.figures(), "peft": theirs.figures()}));
    Ok(())
}
