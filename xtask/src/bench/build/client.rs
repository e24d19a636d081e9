//! What ONNX Runtime GenAI makes of both results.

use std::path::Path;

use serde_json::Value;

use super::super::disk;
use super::super::figures::median;
use super::peer::Peer;
use crate::command;
use crate::error::ChoreError;
use crate::workspace::root;

/// Which tensors of both models differ, how many of their greedy texts are equal, and the tokens a
/// second of each, in turns; with numbers that differ, also the texts of ours with those of theirs.
pub(super) fn compare(
    peer: &Peer,
    [ours, theirs]: [&Path; 2],
    mixed: &Path,
    rounds: usize,
) -> Result<(), ChoreError> {
    let is_mixed = differing(peer, [ours, theirs], mixed)?;
    let mut speeds = [Vec::new(), Vec::new()];
    let mut texts: [Vec<Value>; 2] = [Vec::new(), Vec::new()];
    for _ in 0..rounds {
        for (index, folder) in [ours, theirs].into_iter().enumerate() {
            let made = generate(peer, folder)?;
            speeds[index].push(made.tokens_per_sec);
            texts[index] = made.texts;
        }
    }
    let [ours, theirs] = speeds.map(|speeds| median(&speeds));
    println!(
        "  client: {} of {} texts have the same tokens; {ours:.0} tokens/s, {theirs:.0} from \
         theirs ({:.2} x)",
        equal(&texts[0], &texts[1]),
        texts[1].len(),
        ours / theirs,
    );
    if is_mixed {
        let found = equal(&generate(peer, mixed)?.texts, &texts[1]);
        println!("  with those numbers of theirs in ours: {found} of {}", texts[1].len());
    }
    Ok(())
}

/// Prints the tensors that differ, and says whether `mixed` got ours with numbers of theirs; what
/// has no counterpart of its type and shape stays ours there.
fn differing(peer: &Peer, [ours, theirs]: [&Path; 2], mixed: &Path) -> Result<bool, ChoreError> {
    disk::remove(mixed)?;
    let tensors = said(peer, "tensors.py", &[ours, theirs, mixed])?;
    let tensors = tensors.as_object().cloned().unwrap_or_default();
    if tensors.is_empty() {
        println!("  every tensor has the same bytes");
    }
    for (name, found) in &tensors {
        match found.as_str() {
            Some(words) => println!("  `{name}` {words}: it is not exchanged"),
            None => println!("  `{name}` differs in {} of {} numbers", found[0], found[1]),
        }
    }
    Ok(tensors.values().any(Value::is_array))
}

/// What a folder gives in ONNX Runtime GenAI.
struct Made {
    texts: Vec<Value>,
    tokens_per_sec: f64,
}

fn generate(peer: &Peer, folder: &Path) -> Result<Made, ChoreError> {
    let figures = said(peer, "generate.py", &[folder])?;
    let texts = figures["tokens"].as_array().cloned().unwrap_or_default();
    Ok(Made { texts, tokens_per_sec: figures["tokens_per_sec"].as_f64().unwrap_or(f64::NAN) })
}

/// The line of JSON that a script prints.
fn said(peer: &Peer, script: &str, folders: &[&Path]) -> Result<Value, ChoreError> {
    let script = root().join("xtask/peers").join(script);
    let mut command = peer.command();
    let said = command::output(command.arg(&script).args(folders))?;
    serde_json::from_str(said.trim())
        .map_err(|error| ChoreError::Content { path: script, problem: error.to_string() })
}

fn equal(ours: &[Value], theirs: &[Value]) -> usize {
    ours.iter().zip(theirs).filter(|(ours, theirs)| ours == theirs).count()
}
