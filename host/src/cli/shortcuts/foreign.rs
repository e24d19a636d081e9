//! Options that commands of Olive take and those here do not, and training arguments among options.

use clap::Command;
use clap::error::ErrorKind;

/// Names of commands that take options of Olive.
pub const COMMANDS: [&str; 7] =
    ["finetune", "quantize", "convert", "optimize", "auto", "benchmark", "run-pass"];

/// What becomes of an option of Olive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It says what is so anyway: it is read, and nothing follows.
    Harmless,
    /// It is refused, with the way out.
    Refused(&'static str),
}

use Verdict::{Harmless, Refused};

const PYTHON: Verdict =
    Refused("Python code is never run: export the model, and name the ONNX file");
const SPLITS: Verdict = Refused("local files have one split: name other files");
const PASS: Verdict =
    Refused("`olive run-pass --list-passes` has passes that do it, one at a time");
const STATIC: Verdict =
    Refused("activations are quantized while the model runs, by `--implementation ort`");
const TASKS: Verdict = Refused(
    "`--data FILE` measures perplexity and answers; a config reads tasks of lm-eval from files",
);

/// Options of Olive's commands by name, whether they take a value, and what becomes of them.
pub const OPTIONS: [(&str, bool, Verdict); 36] = [
    ("disable_telemetry", false, Harmless),
    ("trust_remote_code", false, Harmless),
    ("use_model_builder", false, Harmless),
    ("use_ort_genai", false, Harmless),
    ("account_name", true, Refused("there is no shared cache")),
    ("container_name", true, Refused("there is no shared cache")),
    ("model_script", true, PYTHON),
    ("script_dir", true, PYTHON),
    ("test", false, Refused("no random model is made: name a small one")),
    ("train_subset", true, SPLITS),
    ("subset", true, SPLITS),
    ("eval_subset", true, SPLITS),
    ("eval_split", true, Refused("local files have one split: name the rows in --eval_data_files")),
    ("input_cols", true, Refused("rows are text: write --text_field or --text_template")),
    (
        "batch_size",
        true,
        Refused("write --per_device_train_batch_size to train; rows are measured one by one"),
    ),
    ("act_precision", true, STATIC),
    ("exporter", true, Refused("there is one way to ONNX, which `olive convert` takes")),
    (
        "use_dynamo_exporter",
        false,
        Refused("there is one way to ONNX, which `olive convert` takes"),
    ),
    ("use_mobius_builder", false, Refused("models for several kinds of input are not built")),
    ("conversion_device", true, Refused("models are built by the processor, for any device")),
    ("fixed_param_dict", true, PASS),
    ("past_key_value_name", true, Refused("the graph has the names of ONNX Runtime GenAI")),
    ("target_opset", true, PASS),
    ("num_split", true, PASS),
    ("num_splits", true, PASS),
    ("cost_model", true, PASS),
    ("dim_param", true, PASS),
    ("dim_value", true, PASS),
    ("surgeries", true, PASS),
    ("use_qdq_format", false, Refused("`olive quantize` writes it with --use_qdq_encoding")),
    ("modality", true, Refused("models of text are what is optimized")),
    ("enable_aot", false, Refused("no compiler of a vendor is called")),
    ("qnn_env_path", true, Refused("no compiler of a vendor is called")),
    ("tasks", true, TASKS),
    (
        "backend",
        true,
        Refused("ONNX models run in ONNX Runtime, checkpoints in the evaluator here"),
    ),
    ("max_length", true, Refused("write --max_seq_len for rows, --max_new_tokens for answers")),
];

/// The words of a command line with options of Olive taken out that change nothing, numbers of
/// `--log_level` as names, and training arguments of `finetune` as `--training_arg NAME=VALUE`.
///
/// # Errors
/// When an option of Olive is refused; it is to be shown as one about the command line.
pub fn readable(words: Vec<String>, cli: &Command) -> Result<Vec<String>, clap::Error> {
    let mut commands = words.iter().enumerate().skip(1);
    let found = commands.find_map(|(at, word)| Some((at, cli.find_subcommand(word)?)));
    let Some((at, command)) = found.filter(|(_, it)| COMMANDS.contains(&it.get_name())) else {
        return Ok(words);
    };
    let (mut out, mut rest) = (words[..=at].to_vec(), words[at + 1..].iter().peekable());
    while let Some(word) = rest.next() {
        let Some(name) = long(word).filter(|name| !knows(command, cli, name)) else {
            out.push(word.clone());
            continue;
        };
        let written = word.split_once('=').map(|(_, value)| value.to_owned());
        let mut value = || {
            let next = rest.next_if(|next| !next.starts_with('-') || is_number(next)).cloned();
            written.clone().or(next)
        };
        if let Some((_, takes_value, verdict)) = OPTIONS.iter().find(|(known, _, _)| *known == name)
        {
            if let Refused(reason) = verdict {
                let message = format!("`--{name}` of Olive is not taken here: {reason}");
                return Err(cli.clone().error(ErrorKind::UnknownArgument, message));
            }
            if *takes_value {
                value();
            }
        } else if command.get_name() == "finetune" && !name.is_empty() {
            let value = value().unwrap_or_else(|| "true".to_owned());
            out.extend(["--training_arg".to_owned(), format!("{name}={value}")]);
        } else {
            out.push(word.clone());
        }
    }
    Ok(levels(out))
}

/// The name of a long option, with the underscores of Olive.
fn long(word: &str) -> Option<String> {
    let name = word.strip_prefix("--")?.split('=').next()?;
    Some(name.replace('-', "_"))
}

/// Whether `command` takes the option `name` itself.
fn knows(command: &Command, cli: &Command, name: &str) -> bool {
    let global = cli.get_arguments().filter(|argument| argument.is_global_set());
    let mut names = command.get_arguments().chain(global).flat_map(|argument| {
        let aliases = argument.get_all_aliases().unwrap_or_default();
        argument.get_long().into_iter().chain(aliases)
    });
    ["help", "version"].contains(&name) || names.any(|known| known.replace('-', "_") == name)
}

fn is_number(word: &str) -> bool {
    word.parse::<f64>().is_ok()
}

/// `words` with the levels of Olive, which are numbers, by name.
fn levels(mut words: Vec<String>) -> Vec<String> {
    const NAMES: [&str; 5] = ["debug", "info", "warning", "error", "error"];
    for index in 1..words.len() {
        if long(&words[index - 1]).as_deref() == Some("log_level")
            && let Some(name) = words[index].parse().ok().and_then(|level: usize| NAMES.get(level))
        {
            (*name).clone_into(&mut words[index]);
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{COMMANDS, OPTIONS, readable};
    use crate::cli::line;

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn training_arguments_are_told_from_options() {
        let line = "olive finetune -m m --learning_rate 1e-4 --lora_r 8 --max_steps -1 --bf16 -o x";
        let expected = "olive finetune -m m --training_arg learning_rate=1e-4 --lora_r 8 \
                        --training_arg max_steps=-1 --training_arg bf16=true -o x";
        assert_eq!(readable(words(line), &line::command()).unwrap(), words(expected));
    }

    #[test]
    fn what_changes_nothing_goes_and_what_cannot_be_done_is_refused() {
        let line = "olive quantize -m m --disable_telemetry --log_level 1 --trust-remote-code";
        let expected = words("olive quantize -m m --log_level info");
        assert_eq!(readable(words(line), &line::command()).unwrap(), expected);
        let line = "olive optimize -m m --num_split 2";
        let told = readable(words(line), &line::command()).unwrap_err().to_string();
        assert!(told.contains("`--num_split` of Olive is not taken here"), "{told}");
    }

    #[test]
    fn other_commands_are_left_alone() {
        let line = words("olive run --disable_telemetry");
        assert_eq!(readable(line.clone(), &line::command()).unwrap(), line);
    }

    #[test]
    fn no_option_is_both_taken_and_refused_and_the_page_tells_all() {
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/shortcuts.md");
        let page = std::fs::read_to_string(page).unwrap();
        let cli = line::command();
        for (name, _, _) in OPTIONS {
            assert!(page.contains(&format!("`--{name}`")), "docs/shortcuts.md: --{name}");
            let mut commands = COMMANDS.iter().filter_map(|command| cli.find_subcommand(command));
            assert!(!commands.all(|command| super::knows(command, &cli, name)), "{name}");
        }
    }
}
