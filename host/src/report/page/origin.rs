//! Where a run came from: program, plugins and machine, and how to run it again.

use std::collections::BTreeSet;

use olive_schemas::footprint::Footprint;
use olive_schemas::origin::{InputFile, Machine, Origin};
use olive_schemas::step::Device;

use super::escape::escape;
use crate::steps::steps;
use crate::units::bytes;

/// What the run ran in.
pub(super) fn environment(footprint: &Footprint) -> String {
    let facts = facts(footprint).into_iter().map(|(name, values)| {
        let values: Vec<String> = values.iter().map(|value| escape(value)).collect();
        format!("<dt>{name}</dt><dd>{}</dd>", values.join("</dd><dd>"))
    });
    format!(
        "<section>\n<h2>Environment</h2>\n<dl class=\"card inset\">{}</dl>\n</section>\n",
        facts.collect::<String>()
    )
}

/// Names and values of what the run ran in.
pub(in crate::report) fn facts(footprint: &Footprint) -> Vec<(&'static str, Vec<String>)> {
    let plugins: BTreeSet<&str> =
        steps(footprint).into_iter().map(|step| step.record.plugin.as_str()).collect();
    let accelerator = &footprint.accelerator;
    let device = match accelerator.device {
        Device::Cpu => "CPU",
        Device::Gpu => "GPU",
        Device::Npu => "NPU",
    };
    let mut facts = vec![
        ("program", vec![format!("olive {}", footprint.olive_version)]),
        ("plugins", plugins.into_iter().map(str::to_owned).collect()),
        (
            "threads",
            Some(footprint.threads)
                .filter(|count| *count > 0)
                .map(|count| count.to_string())
                .into_iter()
                .collect(),
        ),
        ("accelerator", vec![format!("{device}, {}", accelerator.execution_provider)]),
    ];
    if let Some(Origin { machine, .. }) = &footprint.origin {
        facts.extend(of_machine(machine));
    }
    facts.retain(|(_, values)| !values.is_empty());
    facts
}

fn of_machine(machine: &Machine) -> Vec<(&'static str, Vec<String>)> {
    let Machine { system, processor, num_processors, memory_bytes } = machine;
    let name = processor.as_deref().unwrap_or("processors of an unknown kind");
    let memory = memory_bytes.map(|memory| bytes(memory as f64));
    vec![
        ("system", vec![system.clone()]),
        ("processors", vec![format!("{num_processors} × {name}")]),
        ("memory", memory.into_iter().collect()),
    ]
}

/// How to run it again, and what it read.
pub(super) fn again(footprint: &Footprint) -> String {
    let Some(origin) = &footprint.origin else { return String::new() };
    let inputs: String = origin.inputs.iter().map(input).collect();
    let inputs = if inputs.is_empty() {
        inputs
    } else {
        format!(
            "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Inputs\"><table>\n\
             <thead><tr><th scope=\"col\">input</th><th scope=\"col\" class=\"setting\">path</th>\
             <th scope=\"col\" class=\"setting\">BLAKE3</th></tr></thead>\n<tbody>\n{inputs}</tbody>\
             </table></div>\n"
        )
    };
    format!(
        "<section>\n<h2>Run it again</h2>\n<div class=\"card again\">\n<pre tabindex=\"0\">{}</pre>\n\
         <details><summary>The config, <code>{}</code></summary><pre tabindex=\"0\">{}</pre></details>\n\
         {inputs}</div>\n</section>\n",
        escape(&commands(origin)),
        escape(&origin.config_path),
        escape(&origin.config),
    )
}

/// What to type to run it again.
pub(in crate::report) fn commands(origin: &Origin) -> String {
    format!("cd {}\n{origin}", olive_schemas::origin::quoted(&origin.working_dir))
}

fn input(input: &InputFile) -> String {
    let InputFile { role, path, digest, provenance } = input;
    let revision = provenance.as_ref().and_then(|from| from.revision.as_deref());
    let revision = revision.map(|revision| format!("<br>revision {}", escape(revision)));
    format!(
        "<tr><th scope=\"row\"><bdi>{}</bdi></th><td class=\"setting\"><bdi>{}</bdi></td>\
         <td class=\"setting\"><code>{}</code>{}</td></tr>\n",
        escape(role),
        escape(path),
        escape(digest),
        revision.unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn a_run_tells_how_to_run_it_again() {
        let html = again(&sample::searches::full());
        let command =
            "cd /home/ada/tone\nolive run --config &#39;olive config.json&#39; --threads 2";
        assert!(html.contains(command), "{html}");
        assert!(html.contains("// &lt;smallest&gt; that is good enough"), "{html}");
        assert_eq!(again(&sample::full()), "");
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        let names = |footprint: &Footprint| {
            facts(footprint).into_iter().map(|fact| fact.0).collect::<Vec<_>>()
        };
        assert_eq!(names(&sample::full()), ["program", "plugins", "threads", "accelerator"]);
        assert_eq!(names(&sample::searches::full()).len(), 7);
    }
}
