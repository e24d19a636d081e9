//! Goals and how they came out.

use std::fmt::Write as _;

use olive_schemas::footprint::Footprint;

use super::escape::escape;
use crate::report::goals::lines;

/// A table of goals, when the run has any.
pub(super) fn render(footprint: &Footprint) -> String {
    let lines = lines(footprint);
    if lines.is_empty() {
        return String::new();
    }
    let mut rows = String::new();
    for line in lines {
        let (class, word) = if line.is_met { ("good", "met") } else { ("bad", "missed") };
        // Writing into memory does not fail.
        let _ = writeln!(
            rows,
            "<tr><th scope=\"row\">{}</th><td>{}</td><td class=\"wanted\">{}</td>\
             <td><span class=\"badge {class}\">{word}</span></td></tr>",
            escape(&line.subject.replace('`', "")),
            escape(&line.value),
            escape(&line.wanted.replace('`', "")),
        );
    }
    format!(
        "<section>\n<h2>Goals</h2>\n<div class=\"card scroll\" tabindex=\"0\" \
         role=\"region\" aria-label=\"Goals\"><table>\n<thead><tr>\
         <th scope=\"col\">figure</th><th scope=\"col\">value</th>\
         <th scope=\"col\">wanted</th><th scope=\"col\">outcome</th></tr></thead>\n\
         <tbody>\n{rows}</tbody>\n</table></div>\n</section>\n"
    )
}
