//! What `--dry-run` shows: everything that systems would be sent for the steps of a plan.

use std::collections::BTreeSet;

use olive_schemas::step::{LogLevel, StepEvent};
use olive_schemas::system::Message;
use serde_json::{Value, json};

use super::say;
use crate::engine::{self, Rehearsed};
use crate::error::Error;
use crate::flow::{self, Accepted};
use crate::host::{Host, unplanned};
use crate::plan::{self, Choices, Plan};
use crate::plugin::process::Supervision;
use crate::render::plain;
use crate::search;
use crate::store::{StepKey, Store};
use crate::view::{Mode, View};

/// Shows it for every build of `accepted`, and for every variant of a search.
///
/// # Errors
/// When a build cannot be planned, or a system cannot say what it would send.
pub(super) fn show(host: &Host, accepted: &Accepted, choices: &Choices) -> Result<(), Error> {
    let Accepted { source, checked, .. } = accepted;
    let mut known = BTreeSet::new();
    for (build, choices) in flow::builds(checked, choices) {
        if let Some(searched) = flow::searched(accepted, &build) {
            let outlook = search::outlook(host, &searched, &choices);
            for (plan, _) in outlook.variants.into_iter().filter_map(|variant| variant.plan.ok()) {
                tell(host, &plan, &mut known)?;
            }
            continue;
        }
        let plan = plan::resolve(&build, &source.folder(), &host.catalog, &choices)
            .map_err(|error| unplanned(error, source, &build))?;
        tell(host, &plan, &mut known)?;
    }
    Ok(())
}

/// Tells of the steps of `plan` that are not `known` yet.
fn tell(host: &Host, plan: &Plan, known: &mut BTreeSet<StepKey>) -> Result<(), Error> {
    let mode = if host.is_json { Mode::Json } else { Mode::Lines };
    let view = View::new(mode, host.log_level.unwrap_or(LogLevel::Warning));
    let on_event = |event: StepEvent| view.event(&event);
    let is_cancelled = || host.cancel.is_cancelled();
    let supervision = Supervision { on_event: &on_event, is_cancelled: &is_cancelled };
    let rehearsed = engine::rehearse(plan, &Store::new(&plan.cache_dir), &supervision)
        .map_err(|(title, error)| Error::Step { title, error })?;
    for step in rehearsed {
        if known.insert(step.step.key.clone()) {
            say(&if host.is_json { json(&step) } else { text(&step) });
        }
    }
    Ok(())
}

fn text(rehearsed: &Rehearsed<'_>) -> String {
    let Rehearsed { index, step, system, messages } = rehearsed;
    let title = format!("\nstep {index}, {}, on `{}`:\n", step.title(), system.label);
    let Some(messages) = messages else {
        return format!("{title}system `{}` does not say what it would send\n", system.name);
    };
    let messages = messages.iter().map(|message| {
        let Message { title, content } = message;
        let lines = content.lines().map(|line| line.replace('\t', "    "));
        let lines = lines.map(|line| format!("    {}\n", plain(&line)));
        format!("  {}\n{}", plain(title), lines.collect::<String>())
    });
    title + &messages.collect::<String>()
}

fn json(rehearsed: &Rehearsed<'_>) -> String {
    let Rehearsed { index, step, system, messages } = rehearsed;
    let told: Value = json!({
        "event": "rehearsed",
        "index": index,
        "title": step.title(),
        "key": step.key.to_string(),
        "system": system.label,
        "messages": messages,
    });
    format!("{told}\n")
}
