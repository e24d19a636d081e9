//! What ONNX Runtime GenAI makes of both results.

use std::path::Path;

use serde_json::Value;

use super::super::figures::median;
use super::peer::Peer;
use crate::command;
use crate::error::ChoreError;
use crate::workspace::root;

/// Greedy texts of both models, which must be equal, and the tokens a second of each, in turns.
pub(super) fn compare(
    peer: &Peer,
    ours: &Path,
    theirs: &Path,
    rounds: usize,
) -> Result<(), ChoreError> {
    let mut speeds = [Vec::new(), Vec::new()];
    let mut texts: [Option<Value>; 2] = [None, None];
    for _ in 0..rounds {
        for (index, folder) in [ours, theirs].into_iter().enumerate() {
            let script = root().join("xtask/peers/generate.py");
            let mut command = peer.command();
            let said = command::output(command.arg(&script).arg(folder))?;
            let figures: Value = serde_json::from_str(said.trim()).map_err(|error| {
                ChoreError::Content { path: script, problem: error.to_string() }
            })?;
            speeds[index].push(figures["tokens_per_sec"].as_f64().unwrap_or(f64::NAN));
            texts[index] = Some(figures["tokens"].clone());
        }
    }
    let [ours, theirs] = speeds.map(|speeds| median(&speeds));
    let are_equal = texts[0] == texts[1];
    let verdict = if are_equal { "the same tokens" } else { "OTHER TOKENS" };
    println!(
        "  client: {verdict}; {ours:.0} tokens/s, {theirs:.0} from theirs ({:.2} x)",
        ours / theirs
    );
    Ok(())
}
