//! `olive finetune`.

use olive_schemas::shortcut::Shortcut;

use super::choose::{Wish, choose, config};
use super::{Begun, data, input, key_and_value};
use crate::cli::shortcuts::FinetuneArgs;
use crate::error::Error;
use crate::shortcut::Origin;

const PASS: &str = "/passes/finetune";

/// Trains an adapter.
pub(in crate::commands) fn run(args: &FinetuneArgs) -> Result<(), Error> {
    let mut begun = Begun::new(&args.shortcut)?;
    put(&mut begun, args)?;
    begun.finish("finetune", "finetuned-adapter")
}

fn put(begun: &mut Begun<'_>, args: &FinetuneArgs) -> Result<(), Error> {
    let Begun { host, draft, .. } = begun;
    let kind = input::put(draft, &args.model.model_name_or_path, &args.model.extras);
    let method = Wish { option: "method", value: &args.method, of: |it| it.method.as_deref() };
    let chosen = choose(&host.catalog, Shortcut::Finetune, kind, &[method])?;
    if !data::put(draft, "train", &args.data, &args.eval_data_files)? {
        let message =
            "name the rows to train on: --data FILE, or --data_name FORMAT --data_files FILES";
        return Err(Error::Usage(message.into()));
    }
    draft.put_from("method", PASS, config(&chosen[0]));
    draft.put_if("lora_r", &format!("{PASS}/r"), args.lora_r);
    draft.put_if("lora_alpha", &format!("{PASS}/alpha"), args.lora_alpha);
    let modules = Some(args.target_modules.clone()).filter(|names| !names.is_empty());
    draft.put_if("target_modules", &format!("{PASS}/target_modules"), modules);
    draft.put_if("torch_dtype", &format!("{PASS}/torch_dtype"), args.torch_dtype.clone());
    draft.put_from("data_name", &format!("{PASS}/train_data_config"), "train");
    if !args.eval_data_files.is_empty() {
        draft.put_from("eval_data_files", &format!("{PASS}/eval_data_config"), "eval");
    }
    for argument in &args.training_arg {
        let (key, value) = key_and_value(argument)?;
        let pointer = format!("{PASS}/training_args/{key}");
        draft.put(&pointer, value);
        draft.trace_to(Origin::Option(key.to_owned(), 0), &pointer);
    }
    Ok(())
}
