//! One walk, measured: `cargo xtask bench calibrate` runs it on random models.
//!
//! `walk run DIR SEQUENCES TOKENS MIB` walks with so many sequences of so many tokens and so many MiB
//! of hidden states in memory, reads every input and writes every weight again; it prints a JSON
//! object of its time, its peak memory and what was estimated.

#![expect(clippy::print_stdout, reason = "figures are all it is for")]

use std::error::Error;
use std::fs;
use std::path::Path;
use std::time::Instant;

use olive_kit_calibrate::{
    CalibrateError, Calibration, Inputs, LayerWeights, Memory, Order, Silent, Site, Visitor,
    estimate, stream,
};
use olive_kit_checkpoint::Checkpoint;
use olive_kit_testing::random_tokens;
use serde_json::json;

type Failure = Box<dyn Error>;

fn main() -> Result<(), Failure> {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["run", dir, sequences, tokens, mib] => {
            run(Path::new(dir), (sequences.parse()?, tokens.parse()?), mib.parse()?)
        }
        _ => {
            println!("skipped: `cargo xtask bench calibrate` says what to measure");
            Ok(())
        }
    }
}

fn run(dir: &Path, (num_sequences, len): (usize, usize), mib: u64) -> Result<(), Failure> {
    let checkpoint = Checkpoint::open(dir)?;
    let decoder = checkpoint.decoder();
    let vocab_size = u32::try_from(decoder.vocab_size)?;
    let sequences = (1..).take(num_sequences).map(|seed| random_tokens(len, vocab_size, seed));
    let calibration = Calibration { sequences: sequences.collect() };
    let memory = Memory { states_bytes: mib << 20, ..Memory::new(std::env::temp_dir()) };
    let order = Order::TrueSequential;
    let needs = estimate(decoder, (num_sequences, len), &memory, order);
    let (start, before) = (Instant::now(), peak_bytes());
    let mut rewriter = Rewriter::default();
    stream(&checkpoint, &calibration, &memory, order, &mut rewriter, &mut Silent)?;
    let figures = json!({
        "seconds": start.elapsed().as_secs_f64(),
        "largest_input": rewriter.largest,
        "before_bytes": before,
        "peak_bytes": peak_bytes(),
        "estimated_bytes": before + needs.memory_bytes,
        "largest_weight_bytes": rewriter.largest_weight_bytes,
        "scratch_bytes": needs.scratch_bytes,
    });
    println!("{figures}");
    Ok(())
}

/// Reads every input and writes every weight of the layers again.
#[derive(Default)]
struct Rewriter {
    largest: f32,
    largest_weight_bytes: usize,
}

impl Visitor for Rewriter {
    type Error = CalibrateError;

    fn visit(
        &mut self,
        site: Site,
        layer: &mut LayerWeights<'_>,
        inputs: &mut Inputs<'_>,
    ) -> Result<(), CalibrateError> {
        inputs.each(|rows| {
            self.largest = rows.iter().fold(self.largest, |largest, value| largest.max(*value));
            Ok::<_, CalibrateError>(())
        })?;
        if site == Site::LmHead {
            return Ok(());
        }
        for linear in layer.linears(site).to_vec() {
            let values = layer.weight(&linear.name)?;
            self.largest_weight_bytes = self.largest_weight_bytes.max(size_of_val(&values[..]));
            layer.replace_weight(&linear.name, &values)?;
        }
        Ok(())
    }
}

/// The largest resident memory so far in bytes; 0 where the system does not tell.
fn peak_bytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}
