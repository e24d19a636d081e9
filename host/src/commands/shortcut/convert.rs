//! `olive convert`.

use olive_schemas::shortcut::Shortcut;
use olive_schemas::step::Device;
use serde_json::{Map, Value};

use super::choose::{Wish, choose, config};
use super::{Begun, accelerator, input, key_and_value};
use crate::cli::shortcuts::ConvertArgs;
use crate::error::Error;

const PASS: &str = "/passes/convert";

/// Writes a model as ONNX.
pub(in crate::commands) fn run(args: &ConvertArgs) -> Result<(), Error> {
    let mut begun = Begun::new(&args.shortcut)?;
    put(&mut begun, args)?;
    begun.finish("convert", "onnx-model")
}

fn put(begun: &mut Begun<'_>, args: &ConvertArgs) -> Result<(), Error> {
    let Begun { host, draft, .. } = begun;
    let kind = input::put(draft, &args.model.model_name_or_path, &args.model.extras);
    let device = accelerator::put(draft, &args.accelerator).device;
    let usual = if device == Device::Cpu { "fp32" } else { "fp16" };
    let value = args.precision.as_deref().unwrap_or(usual);
    let precision = Wish { option: "precision", value, of: |it| it.precision.as_deref() };
    let chosen = choose(&host.catalog, Shortcut::Convert, kind, &[precision])?;
    draft.put_from("precision", PASS, config(&chosen[0]));
    let block_size = args.int4_block_size;
    draft.put_if("int4_block_size", &format!("{PASS}/int4_block_size"), block_size);
    let level = args.int4_accuracy_level;
    draft.put_if("int4_accuracy_level", &format!("{PASS}/int4_accuracy_level"), level);
    for (option, is_on) in [
        ("exclude_embeds", args.exclude_embeds),
        ("exclude_lm_head", args.exclude_lm_head),
        ("enable_cuda_graph", args.enable_cuda_graph),
    ] {
        draft.put_if(option, &format!("{PASS}/{option}"), is_on.then_some(true));
    }
    let options = args.extra_mb_options.iter().map(|option| key_and_value(option));
    let options: Map<String, Value> = options
        .map(|option| option.map(|(key, value)| (key.to_owned(), value)))
        .collect::<Result<_, _>>()?;
    let options = Some(options).filter(|options| !options.is_empty());
    draft.put_if("extra_mb_options", &format!("{PASS}/extra_options"), options);
    Ok(())
}
