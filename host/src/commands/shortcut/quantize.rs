//! `olive quantize`.

use olive_schemas::model::ModelKind;
use olive_schemas::shortcut::Shortcut;

use super::choose::{Wish, choose, config};
use super::{Begun, accelerator, data, input};
use crate::cli::shortcuts::QuantizeArgs;
use crate::error::Error;
use crate::shortcut::Draft;
use crate::shortcut::offers::{Offered, offers};

const PASS: &str = "/passes/quantize";

/// Setting of a pass that can write codes for `DequantizeLinear` itself.
const QDQ: &str = "use_qdq";
/// Setting of a pass that calibrates.
const DATA: &str = "data_config";
/// What passes call the weights that share a scale.
const GROUP_SIZES: [&str; 3] = ["group_size", "block_size", "int4_block_size"];

/// Quantizes weights.
pub(in crate::commands) fn run(args: &QuantizeArgs) -> Result<(), Error> {
    let mut begun = Begun::new(&args.shortcut)?;
    put(&mut begun, args)?;
    begun.finish("quantize", "quantized-model")
}

fn put(begun: &mut Begun<'_>, args: &QuantizeArgs) -> Result<(), Error> {
    let Begun { host, draft, .. } = begun;
    let kind = input::put(draft, &args.model.model_name_or_path, &args.model.extras);
    accelerator::put(draft, &args.accelerator);
    let bits = args.bits.map(|bits| bits.to_string());
    let of_width = if bits.is_some() { "bits" } else { "precision" };
    let width = match &bits {
        Some(value) => {
            Wish { option: of_width, value, of: |it| it.precision.as_deref()?.strip_prefix("int") }
        }
        None => Wish { option: of_width, value: &args.precision, of: |it| it.precision.as_deref() },
    };
    let mut wishes = vec![
        Wish { option: "algorithm", value: &args.algorithm, of: |it| it.method.as_deref() },
        width,
    ];
    if let Some(value) = &args.implementation {
        wishes.push(Wish {
            option: "implementation",
            value,
            of: |it| it.implementation.as_deref(),
        });
    }
    let chosen = choose(&host.catalog, Shortcut::Quantize, kind, &wishes)?;
    let chosen = &chosen[0];
    draft.put_from("algorithm", PASS, config(chosen));
    for key in ["precision", "bits"] {
        if chosen.offer.settings.contains_key(key) {
            draft.trace(of_width, &format!("{PASS}/{key}"));
        }
    }
    put_group_size(draft, args, chosen)?;
    put_data(draft, args, chosen)?;
    if !args.use_qdq_encoding {
        return Ok(());
    }
    if chosen.has_setting(QDQ) {
        draft.put_from("use_qdq_encoding", &format!("{PASS}/{QDQ}"), true);
        return Ok(());
    }
    let encoders = offers(&host.catalog, Shortcut::EncodeQdq, ModelKind::Onnx);
    let Some(encoder) = encoders.first() else {
        let what = "no installed plugin has a pass that writes codes for `DequantizeLinear`";
        return Err(host.catalog.absent(what.into()).into());
    };
    draft.put_from("use_qdq_encoding", "/passes/qdq", config(encoder));
    Ok(())
}

/// Puts the size of groups under the name that the pass has for it.
fn put_group_size(
    draft: &mut Draft,
    args: &QuantizeArgs,
    chosen: &Offered<'_>,
) -> Result<(), Error> {
    let Some(size) = args.group_size else { return Ok(()) };
    let Some(key) = GROUP_SIZES.into_iter().find(|key| chosen.has_setting(key)) else {
        let message = format!("the pass `{}` has no group size to set", chosen.name());
        return Err(Error::Usage(message));
    };
    draft.put_from("group_size", &format!("{PASS}/{key}"), size);
    Ok(())
}

/// Puts the rows that are calibrated on; they are there when the pass calibrates, and only then.
fn put_data(draft: &mut Draft, args: &QuantizeArgs, chosen: &Offered<'_>) -> Result<(), Error> {
    let (name, algorithm) = ("calibration", &args.algorithm);
    let message = match (chosen.has_setting(DATA), data::put(draft, name, &args.data, &[])?) {
        (true, true) => {
            draft.put_from("data_name", &format!("{PASS}/{DATA}"), name);
            return Ok(());
        }
        (false, false) => return Ok(()),
        (true, false) => format!(
            "`{algorithm}` calibrates: name rows, best those that the model was tuned on, by --data \
             FILE, or --data_name FORMAT --data_files FILES"
        ),
        (false, true) => format!("`{algorithm}` looks at weights only: leave the rows out"),
    };
    Err(Error::Usage(message))
}
