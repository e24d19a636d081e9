//! `olive quantize`.

use olive_schemas::model::ModelKind;
use olive_schemas::shortcut::Shortcut;

use super::choose::{Wish, choose, config};
use super::{Begun, accelerator, input};
use crate::cli::shortcuts::QuantizeArgs;
use crate::error::Error;
use crate::shortcut::offers::offers;

const PASS: &str = "/passes/quantize";

/// Setting of a pass that can write codes for `DequantizeLinear` itself.
const QDQ: &str = "use_qdq";

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
    let mut wishes = vec![
        Wish { option: "algorithm", value: &args.algorithm, of: |it| it.method.as_deref() },
        Wish { option: "precision", value: &args.precision, of: |it| it.precision.as_deref() },
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
            draft.trace("precision", &format!("{PASS}/{key}"));
        }
    }
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
