//! SmolLM2-135M-Instruct (`Q4_1`), where it is in the cache.

use std::env;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use olive_kit_checkpoint::Checkpoint;
use serde_json::json;
use tokenizers::Tokenizer;

use crate::run;

/// Names the file, for those who have it elsewhere.
const VARIABLE: &str = "OLIVE_TEST_GGUF";
/// Where `cargo xtask fetch` puts it, below the cache's home.
const FILE: &str = "models/smollm2-135m-instruct/SmolLM2-135M-Instruct.Q4_1.gguf";

#[test]
fn the_real_model_is_imported() {
    let Some(gguf) = find() else { return };
    let kept = env::var_os("OLIVE_TEST_IMPORT_DIR").map(PathBuf::from);
    let temporary = tempfile::tempdir().unwrap();
    let output = kept.as_deref().unwrap_or(temporary.path());
    let started = Instant::now();
    run(&gguf, output, &json!({"layout": "phi3"})).unwrap();
    say(&format!("imported in {:.2} s", started.elapsed().as_secs_f64()));
    let checkpoint = Checkpoint::open(output).unwrap();
    checkpoint.validate().unwrap();
    check_tokens(output);
}

/// Ids of an independent implementation: llama.cpp's two patterns for `smollm`, then merges by rank.
fn check_tokens(model: &Path) {
    let tokenizer = Tokenizer::from_file(model.join("tokenizer.json")).unwrap();
    let rows: [(&str, &[u32]); 8] = [
        ("Hello, world!", &[19556, 28, 905, 17]),
        (
            "The year 2024 had 366 days, 1,000 more than -634.",
            &[
                504, 713, 216, 34, 32, 34, 36, 761, 216, 35, 38, 38, 2009, 28, 216, 33, 28, 32, 32,
                32, 540, 670, 731, 38, 35, 36, 30,
            ],
        ),
        (
            "<|im_start|>user\nWhat is the capital of France?<|im_end|>\n",
            &[1, 4093, 198, 1780, 314, 260, 3575, 282, 4649, 47, 2, 198],
        ),
        (
            "  leading and   inner spaces\t\n\n\ttabs  ",
            &[216, 2899, 284, 256, 6210, 5600, 197, 1116, 197, 100, 7366, 256],
        ),
        (
            "I'm sure they'll say it's fine, we've seen it.",
            &[57, 5248, 2090, 502, 3060, 1643, 357, 506, 4979, 28, 392, 3543, 2269, 357, 30],
        ),
        (
            "naïve café Ångström 你好，世界 Привет 😀👍🏽",
            &[
                3546, 46494, 37366, 5549, 223, 863, 1321, 45682, 216, 18645, 250, 48392, 138,
                12831, 7906, 240, 178, 239, 230, 5470, 249, 46879, 16464, 32547, 40303, 218, 10813,
                235, 231, 10813, 233, 138,
            ],
        ),
        (
            "### Text: we finally won the cup\n### The tone is:\njoy",
            &[3757, 9378, 42, 392, 5087, 3763, 260, 7118, 198, 3757, 378, 9238, 314, 42, 198, 2641],
        ),
        (
            "x1y2z3 ½ ² Ⅷ ٣٤",
            &[
                104, 33, 105, 34, 106, 35, 216, 16738, 216, 19133, 216, 173, 223, 117, 216, 164,
                113, 164, 114,
            ],
        ),
    ];
    for (text, ids) in rows {
        let encoded = tokenizer.encode(text, true).unwrap();
        assert_eq!(encoded.get_ids(), ids, "{text}");
        assert_eq!(tokenizer.decode(ids, false).unwrap(), text);
    }
}

/// The file, in the cache or where the variable says; says so when there is none.
fn find() -> Option<PathBuf> {
    let named = env::var_os(VARIABLE).map(PathBuf::from);
    let path = named.or_else(|| Some(cache_home()?.join(FILE)))?;
    if !path.is_file() {
        say(&format!("skipped: no `{}`; set {VARIABLE} to it", path.display()));
        return None;
    }
    Some(path)
}

fn cache_home() -> Option<PathBuf> {
    let folder = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    folder("OLIVE_CACHE_HOME")
        .or_else(|| Some(folder("XDG_CACHE_HOME")?.join("olive")))
        .or_else(|| Some(folder("HOME")?.join(".cache/olive")))
}

/// Prints past the harness, which hides what passing tests print.
fn say(sentence: &str) {
    io::stderr().write_all(format!("{sentence}\n").as_bytes()).unwrap();
}
