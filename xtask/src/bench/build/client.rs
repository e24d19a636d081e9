//! What ONNX Runtime GenAI makes of both results.

use std::path::Path;

use serde_json::Value;

use super::super::figures::median;
use super::peer::Peer;
use crate::command;
use crate::error::ChoreError;
use crate::workspace::root;

/// How many greedy texts of both models are equal, and the tokens a second of each, in turns.
pub(super) fn compare(
    peer: &Peer,
    ours: &Path,
    theirs: &Path,
    rounds: usize,
) -> Result<(), ChoreError> {
    let mut speeds = [Vec::new(), Vec::new()];
    let mut texts: [Vec<Value>; 2] = [Vec::new(), Vec::new()];
    for _ in 0..rounds {
        for (index, folder) in [ours, theirs].into_iter().enumerate() {
            let script = root().join("xtask/peers/generate.py");
            let mut command = peer.command();
            let said = command::output(command.arg(&script).arg(folder))?;
            let figures: Value = serde_json::from_str(said.trim()).map_err(|error| {
                ChoreError::Content { path: script, problem: error.to_string() }
            })?;
            speeds[index].push(figures["tokens_per_sec"].as_f64().unwrap_or(f64::NAN));
            texts[index] = figures["tokens"].as_array().cloned().unwrap_or_default();
        }
    }
    let [ours, theirs] = speeds.map(|speeds| median(&speeds));
    let equal = texts[0].iter().zip(&texts[1]).filter(|(ours, theirs)| ours == theirs).count();
    println!(
        "  client: {equal} of {} texts have the same tokens; {ours:.0} tokens/s, {theirs:.0} from \
         theirs ({:.2} x)",
        texts[1].len(),
        ours / theirs,
    );
    Ok(())
}
