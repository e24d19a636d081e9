//! `olive auto`: what suits this machine, and a search among it.

use std::io::{self, BufRead, IsTerminal, Write};
use std::path::Path;

use olive_schemas::error::PluginError;
use olive_schemas::shortcut::Shortcut;

use super::metrics::{Asked, asked};
use super::optimize::{
    Ground, Hunt, alternatives, put_figures, put_passes, put_time, stop_worse, unsuited,
};
use super::{Begun, words};
use crate::cli::shortcuts::optimize::AutoArgs;
use crate::error::Error;
use crate::plugin::Catalog;
use crate::shortcut::machine::Machine;
use crate::shortcut::offers::{Offered, offers};
use crate::shortcut::weights::Weights;
use crate::shortcut::{Origin, goal};
use crate::units::{bytes, duration};

/// What the result must reach when there are data and no goal.
const GOAL: &str = "perplexity <= +5%";

/// Proposes a search for this machine, and runs it.
pub(in crate::commands) fn run(args: &AutoArgs) -> Result<(), Error> {
    let mut begun = Begun::new(&args.shortcut)?;
    let Begun { host, draft, .. } = &mut begun;
    let hunt = Hunt { model: &args.model, data: &args.data, accelerator: &args.accelerator };
    let ground = hunt.put(draft)?;
    let machine = Machine::of(&host.catalog);
    let model = Weights::of(Path::new(&args.model.model_name_or_path));
    let chosen = alternatives(&host.catalog, &ground, None)?;
    let chosen = fitting(chosen, &machine, model.as_ref())?;
    let mut asked = asked(&args.aim, &words())?;
    if args.data.data_name.is_some() && args.aim.goal.is_empty() {
        ask_for_quality(&mut asked);
    }
    let proposal = proposal(args, &ground, &machine, model.as_ref(), &chosen, &host.catalog);
    put_passes(draft, &chosen, None, false)?;
    drop(chosen);
    put_figures(draft, asked, &args.data, &args.aim)?;
    stop_worse(draft, &args.aim);
    draft.put("/engine/search_strategy/sampler", "tpe");
    put_time(draft, Some(args.time));
    // Standard output is the config's, or that of programs.
    let _ = io::stderr().write_all(proposal.as_bytes());
    if !args.shortcut.dry_run && !args.yes && io::stdin().is_terminal() && !agrees() {
        return Err(Error::Step { title: "auto".into(), error: PluginError::cancelled() });
    }
    begun.finish("auto", "auto-model")
}

/// Holds the result to the usual goal.
fn ask_for_quality(asked: &mut Vec<Asked>) {
    let Ok(wanted) = goal::parse(GOAL) else { return };
    let goal = Some((wanted.goal, Origin::Option("data_name".into(), 0)));
    match asked.iter_mut().find(|asked| asked.figure == wanted.figure) {
        Some(same) => same.goal = goal,
        None => asked.push(Asked { goal, ..Asked::told(wanted.figure) }),
    }
}

/// Whether the user at the terminal wants to go on.
fn agrees() -> bool {
    let _ = write!(io::stderr(), "Go on? [Y/n] ").and_then(|()| io::stderr().flush());
    let mut answer = String::new();
    let is_read = io::stdin().lock().read_line(&mut answer).is_ok_and(|length| length > 0);
    is_read && ["", "y", "yes"].contains(&answer.trim().to_lowercase().as_str())
}

/// Those of `chosen` whose weights fit into the memory that a step may fill.
fn fitting<'a>(
    mut chosen: Vec<Offered<'a>>,
    machine: &Machine,
    model: Option<&Weights>,
) -> Result<Vec<Offered<'a>>, Error> {
    let budget = machine.budget.map_or(f64::INFINITY, |budget| budget as f64);
    let size = |offered: &Offered<'_>| model?.in_precision(offered.offer.precision.as_deref()?);
    let least = chosen.iter().filter_map(size).reduce(f64::min);
    chosen.retain(|offered| size(offered).is_none_or(|bytes| bytes <= budget));
    match (chosen.is_empty(), least) {
        (true, Some(least)) => Err(Error::Usage(format!(
            "the smallest variant takes about {}, and a step may fill {}: give it more with --memory",
            bytes(least),
            bytes(budget)
        ))),
        _ => Ok(chosen),
    }
}

/// What is proposed and why, on one screen.
fn proposal(
    args: &AutoArgs,
    ground: &Ground,
    machine: &Machine,
    model: Option<&Weights>,
    chosen: &[Offered<'_>],
    catalog: &Catalog,
) -> String {
    let told = machine.told();
    let mut lines = vec!["machine".to_owned(), told.trim_end().to_owned(), "model".to_owned()];
    let name = &args.model.model_name_or_path;
    let size = model.map(|model| format!(", {} of weights", bytes(model.bytes as f64)));
    lines.push(format!("  {} `{name}`{}", ground.kind, size.unwrap_or_default()));
    lines.push("passes".to_owned());
    let precision = |offered: &Offered<'_>| offered.offer.precision.clone().unwrap_or_default();
    for offered in chosen {
        let size = model.and_then(|model| model.in_precision(&precision(offered)));
        let size = size.map(|size| format!(" (about {})", bytes(size))).unwrap_or_default();
        let reason = offered.offer.reason.as_deref().unwrap_or(&offered.pass.descriptor.summary);
        let title = format!("{} {}", offered.name(), precision(offered));
        lines.push(format!("  {title}{size}: {reason}"));
    }
    for offered in offers(catalog, Shortcut::Optimize, ground.kind) {
        let is_chosen = chosen
            .iter()
            .any(|other| other.name() == offered.name() && other.offer == offered.offer);
        if !is_chosen {
            let why = unsuited(&offered, &ground.accelerator);
            let why = why.unwrap_or_else(|| "its weights do not fit into memory".into());
            let title = format!("{} {}", offered.name(), precision(&offered));
            lines.push(format!("  not {title}: {why}"));
        }
    }
    let goals: Vec<&str> = args.aim.goal.iter().map(|wanted| wanted.text.as_str()).collect();
    let goals = match (&goals[..], &args.data.data_name) {
        ([], Some(_)) => format!("goal {GOAL}"),
        ([], None) => "without a goal: --data FILE measures quality".into(),
        (goals, _) => format!("goals {}", goals.join(", ")),
    };
    let time = duration(args.time.as_secs_f64());
    lines.push(format!("search\n  at most {time}, sampler `tpe`, {goals}\n"));
    lines.join("\n")
}
