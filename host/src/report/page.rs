//! The report for people: one page without scripts that asks nothing of the network.

mod notices;
mod trials;
mod models;
mod goals;
mod trade_off;
mod tree;
mod curves;
mod chart;
mod axis;
mod whiskers;
mod layers;
mod timeline;
mod steps;
pub(super) mod origin;
mod escape;

use olive_schemas::footprint::{Footprint, StepStatus};
use olive_schemas::search::SearchEnd;

use crate::clock::readable;
use crate::units::duration;
use escape::escape;

const STYLE: &str = include_str!("page/style.css");
/// Nothing is loaded and nothing runs, whatever a log or config says.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

/// The page.
pub(super) fn render(footprint: &Footprint) -> String {
    let sections = [
        header(footprint),
        notices::render(footprint),
        trials::summary(footprint),
        models::tiles(footprint),
        goals::render(footprint),
        trade_off::render(footprint),
        trials::render(footprint),
        tree::render(footprint),
        models::render(footprint),
        curves::render(footprint),
        layers::render(footprint),
        timeline::render(footprint),
        steps::render(footprint),
        origin::environment(footprint),
        origin::again(footprint),
        footer(footprint),
    ];
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n{body}</main>\n\
         </body>\n</html>\n",
        title = escape(&format!("{} – Olive report", footprint.workflow_id)),
        body = sections.concat(),
    )
}

fn header(footprint: &Footprint) -> String {
    let threads = match footprint.threads {
        0 => String::new(),
        1 => "1 thread".to_owned(),
        count => format!("{count} threads"),
    };
    let took = match footprint.duration_sec {
        0.0 => String::new(),
        seconds => format!("took {}", duration(seconds)),
    };
    let facts = [
        readable(&footprint.start_time),
        took,
        threads,
        footprint.accelerator.execution_provider.clone(),
        format!("olive {}", footprint.olive_version),
    ];
    let is_known = |fact: &&String| !fact.is_empty();
    let facts = facts.iter().filter(is_known).map(|fact| format!("<li>{}</li>", escape(fact)));
    let facts: String = facts.collect();
    let (class, word) = state(footprint);
    format!(
        "<header>\n<p class=\"kind\">Olive run</p>\n\
         <h1><bdi>{}</bdi> <span class=\"badge {class}\">{word}</span></h1>\n\
         <ul class=\"facts\">{facts}</ul>\n{}</header>\n",
        escape(&footprint.workflow_id),
        models::chain(footprint),
    )
}

fn state(footprint: &Footprint) -> (&'static str, &'static str) {
    let steps = crate::steps::steps(footprint);
    let has = |status: StepStatus| steps.iter().any(|step| step.record.status == status);
    let is_survived = footprint.search.is_some() && footprint.is_complete();
    let search = footprint.search.as_ref();
    let is_nearest = search.is_some_and(|search| search.nearest.is_some());
    if search.is_some_and(|search| search.end == SearchEnd::Cancelled) {
        ("warn", "cancelled")
    } else if is_nearest {
        ("bad", "goals missed")
    } else if has(StepStatus::Failed) && !is_survived {
        ("bad", "failed")
    } else if footprint.search.is_some() && !is_survived {
        ("bad", "no result")
    } else if has(StepStatus::Cancelled) && !is_survived {
        ("warn", "cancelled")
    } else if !steps.is_empty() && steps.iter().all(|s| s.record.status == StepStatus::Reused) {
        ("good", "nothing to do")
    } else {
        ("good", "complete")
    }
}

fn footer(footprint: &Footprint) -> String {
    let Some(folder) = &footprint.output_dir else { return String::new() };
    let is_measured = footprint.models.last().is_some_and(|model| !model.metrics.is_empty());
    let metrics = if is_measured { ", <code>metrics.json</code>" } else { "" };
    format!(
        "<footer>Result in <code>{}</code>, with <code>run.json</code>{metrics} and \
         <code>run_history.txt</code> beside it.</footer>\n",
        escape(folder)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    /// Whether every tag that must be closed is, in order.
    fn check_nesting(page: &str) {
        const VOID: [&str; 3] = ["meta", "!doctype", "br"];
        let body = page.replace(STYLE, "");
        let mut open: Vec<&str> = Vec::new();
        for piece in body.split('<').skip(1) {
            let (tag, _) = piece.split_once('>').unwrap_or_else(|| panic!("no tag: {piece}"));
            let name = tag.split([' ', '\n', '/']).find(|part| !part.is_empty()).unwrap();
            if tag.starts_with('/') {
                assert_eq!(open.pop(), Some(name), "{piece}");
            } else if !tag.ends_with('/') && !VOID.contains(&name) {
                open.push(name);
            }
        }
        assert_eq!(open, Vec::<&str>::new());
    }

    #[test]
    fn pages_are_well_formed() {
        for footprint in [
            sample::full(),
            sample::failed(),
            sample::shares(&[None, None, None]),
            sample::searches::full(),
            sample::searches::unreached(),
            sample::searches::many(),
            sample::searches::failed(),
        ] {
            check_nesting(&render(&footprint));
        }
    }

    #[test]
    fn nothing_of_the_run_becomes_markup() {
        let page = render(&sample::full());
        for text in ["<script", "<int4>", "<this>", "<32>", "</pre><script", "phrase & tone"] {
            assert!(!page.contains(text), "{text}");
        }
        for text in ["&lt;script&gt;alert(1)", "build &lt;int4&gt;", "phrase &amp; tone"] {
            assert!(page.contains(text), "{text}");
        }
    }

    #[test]
    fn the_page_asks_nothing_of_the_network() {
        let page = render(&sample::full());
        for text in ["http://", "https://", "src=", "@import", "url(", "<link"] {
            assert!(!page.contains(text), "{text}");
        }
    }

    #[test]
    fn a_failed_run_leads_with_its_error() {
        let page = render(&sample::failed());
        let error = page.find("killed by signal 9").unwrap();
        assert!(error < page.find("<table").unwrap());
        assert!(page.contains("<span class=\"badge bad\">failed</span>"));
        assert!(page.contains("&lt;no memory left&gt;"));
    }

    /// Writes the sample pages where `OLIVE_SAMPLE_PAGES` says, for a look in a browser.
    #[test]
    fn pages_can_be_looked_at() {
        let Some(folder) = std::env::var_os("OLIVE_SAMPLE_PAGES") else { return };
        let folder = std::path::Path::new(&folder);
        for (name, footprint) in [
            ("full.html", sample::full()),
            ("failed.html", sample::failed()),
            ("search.html", sample::searches::full()),
            ("unreached.html", sample::searches::unreached()),
            ("many.html", sample::searches::many()),
            ("nothing.html", sample::searches::failed()),
        ] {
            std::fs::write(folder.join(name), render(&footprint)).unwrap();
        }
    }
}
