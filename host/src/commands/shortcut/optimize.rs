//! `olive optimize`: a search among what the passes for the model can do.

use std::time::Duration;

use olive_schemas::metric::MetricKind;
use olive_schemas::model::ModelKind;
use olive_schemas::shortcut::Shortcut;
use olive_schemas::step::Accelerator;
use serde_json::{Map, Value};

use super::choose::{Wish, choose, config};
use super::metrics::{self, Asked, asked};
use super::{Begun, accelerator, data, input, words};
use crate::cli::shortcuts::common::{AcceleratorArgs, DataArgs, ModelArgs};
use crate::cli::shortcuts::optimize::{AimArgs, OptimizeArgs};
use crate::config::fit::misfits;
use crate::error::Error;
use crate::plugin::Catalog;
use crate::shortcut::Draft;
use crate::shortcut::figures::Figure;
use crate::shortcut::offers::Offered;

const PASS: &str = "/passes/optimize";
const STRATEGY: &str = "/engine/search_strategy";

/// Searches for the best variant.
pub(in crate::commands) fn run(args: &OptimizeArgs) -> Result<(), Error> {
    let mut begun = Begun::new(&args.shortcut)?;
    let Begun { host, draft, .. } = &mut begun;
    let hunt = Hunt { model: &args.model, data: &args.data, accelerator: &args.accelerator };
    let ground = hunt.put(draft)?;
    let chosen = alternatives(&host.catalog, &ground, args.precision.as_deref())?;
    put_passes(draft, &chosen, args.block_size, args.precision.is_some())?;
    put_figures(draft, asked(&args.aim, &words())?, &args.data, &args.aim)?;
    stop_worse(draft, &args.aim);
    let sampler = args.enable_search.map_or("sequential", |sampler| sampler.name());
    draft.put_from("enable_search", &format!("{STRATEGY}/sampler"), sampler);
    draft.put_if("num_trials", &format!("{STRATEGY}/max_samples"), args.num_trials);
    draft.put_if("seed", &format!("{STRATEGY}/seed"), args.seed);
    put_time(draft, args.time);
    begun.finish("optimize", "optimized-model")
}

/// What is searched for whom.
pub(super) struct Hunt<'a> {
    pub(super) model: &'a ModelArgs,
    pub(super) data: &'a DataArgs,
    pub(super) accelerator: &'a AcceleratorArgs,
}

/// Model and device that passes must suit.
pub(super) struct Ground {
    pub(super) kind: ModelKind,
    pub(super) accelerator: Accelerator,
}

impl Hunt<'_> {
    /// Puts model, data and accelerator into `draft`.
    pub(super) fn put(&self, draft: &mut Draft) -> Result<Ground, Error> {
        let ModelArgs { model_name_or_path, extras } = self.model;
        let kind = input::put(draft, model_name_or_path, extras);
        let accelerator = accelerator::put(draft, self.accelerator);
        data::put(draft, "data", self.data, &[])?;
        Ok(Ground { kind, accelerator })
    }
}

/// The passes that suit `ground`, of one precision or of all.
///
/// # Errors
/// When there is none.
pub(super) fn alternatives<'a>(
    catalog: &'a Catalog,
    ground: &Ground,
    precision: Option<&str>,
) -> Result<Vec<Offered<'a>>, Error> {
    let wish = precision.map(|value| Wish {
        option: "precision",
        value,
        of: |offer| offer.precision.as_deref(),
    });
    let wishes: Vec<Wish<'_>> = wish.into_iter().collect();
    let mut chosen = choose(catalog, Shortcut::Optimize, ground.kind, &wishes)?;
    if precision.is_none() {
        chosen.retain(|offered| unsuited(offered, &ground.accelerator).is_none());
    }
    if chosen.is_empty() {
        let Accelerator { device, execution_provider } = &ground.accelerator;
        let message = format!(
            "no installed pass makes a model of type {} faster for `{execution_provider}` on `{}`: \
             name another with --device or --provider",
            ground.kind,
            device.name()
        );
        return Err(Error::Usage(message));
    }
    Ok(chosen)
}

/// Why `offered` does not suit `accelerator`.
pub(super) fn unsuited(offered: &Offered<'_>, accelerator: &Accelerator) -> Option<String> {
    let Accelerator { device, execution_provider } = accelerator;
    let devices = &offered.offer.devices;
    if !devices.is_empty() && !devices.iter().any(|known| known == device.name()) {
        return Some(format!("it is for {}", devices.join(" and ")));
    }
    let settings = Value::Object(offered.offer.settings.clone());
    let schema = &offered.pass.descriptor.schema;
    let misfit = misfits(&settings, schema, device.name(), execution_provider).into_iter().next();
    misfit.map(|told| told.message)
}

/// Puts the alternatives of the search into `draft`.
///
/// # Errors
/// When a size of blocks is asked for, and no alternative has blocks.
pub(super) fn put_passes(
    draft: &mut Draft,
    chosen: &[Offered<'_>],
    block_size: Option<usize>,
    is_narrowed: bool,
) -> Result<(), Error> {
    let mut passes: Vec<Map<String, Value>> = chosen.iter().map(config).collect();
    let mut fixed = Vec::new();
    for (index, pass) in passes.iter_mut().enumerate() {
        let key = block_size.and_then(|size| fix_block_size(pass, size));
        fixed.extend(key.map(|key| (index, key)));
    }
    if let Some(size) = block_size.filter(|_| fixed.is_empty()) {
        let message = format!(
            "`--block_size {size}` changes nothing: no pass that is tried has a choice of blocks"
        );
        return Err(Error::Usage(message));
    }
    let is_one = passes.len() == 1;
    let place = |index: usize| if is_one { PASS.to_owned() } else { format!("{PASS}/{index}") };
    match <[_; 1]>::try_from(passes) {
        Ok([only]) => draft.put(PASS, only),
        Err(several) => {
            let several: Vec<Value> = several.into_iter().map(Value::Object).collect();
            draft.put(PASS, several);
        }
    }
    if is_narrowed {
        draft.trace("precision", PASS);
    }
    for (index, key) in fixed {
        draft.trace("block_size", &format!("{}/{key}", place(index)));
    }
    Ok(())
}

/// Takes the setting of block sizes out of what is searched, and sets it; gives its name.
fn fix_block_size(pass: &mut Map<String, Value>, size: usize) -> Option<String> {
    let space = pass.get_mut("search_space")?.as_object_mut()?;
    let key = space.keys().find(|key| key.ends_with("block_size"))?.clone();
    space.shift_remove(&key);
    if space.is_empty() {
        pass.shift_remove("search_space");
    }
    pass.insert(key.clone(), size.into());
    Some(key)
}

/// Puts the figures into `draft`; with rows the perplexity of their text is told in any case.
pub(super) fn put_figures(
    draft: &mut Draft,
    mut asked: Vec<Asked>,
    rows: &DataArgs,
    aim: &AimArgs,
) -> Result<(), Error> {
    let measures_quality = asked.iter().any(|asked| asked.figure.needs_data());
    if rows.data_name.is_some() && !measures_quality {
        asked.push(Asked::told(Figure { kind: MetricKind::Accuracy, name: "perplexity" }));
    }
    metrics::put(draft, &asked, (rows, "data"), &aim.measure)
}

/// Has only what may become the result measured to the end, when the user has said what it must
/// reach.
pub(super) fn stop_worse(draft: &mut Draft, aim: &AimArgs) {
    let has_goal = !aim.goal.is_empty();
    draft.put_if("goal", &format!("{STRATEGY}/stop_worse"), has_goal.then_some(true));
}

/// Puts the time of the search into `draft`.
pub(super) fn put_time(draft: &mut Draft, time: Option<Duration>) {
    let seconds = |time: Duration| match time.subsec_nanos() {
        0 => Value::from(time.as_secs()),
        _ => Value::from(time.as_secs_f64()),
    };
    draft.put_if("time", &format!("{STRATEGY}/max_time"), time.map(seconds));
}
