//! `olive plugin verify`.

use olive_packs::PackError;
use olive_packs::installed::flag;
use olive_packs::store::{ActivePack, Damage, Scope};
use serde_json::{Value, json};

use super::super::say;
use super::changing::{self, Line};
use crate::cli::packs::VerifyArgs;
use crate::error::Error;
use crate::install::{Destination, upgrade};

/// Exit code when a file is not as it was installed.
const DAMAGED: u8 = 12;

/// Compares installed files with their manifests; the program's exit code.
pub(super) fn run(args: &VerifyArgs) -> Result<u8, Error> {
    let store = Destination::new(args.scope.project.as_deref())?.store;
    let active = store.active()?;
    let packs = upgrade::chosen(&active.packs, &args.names)?;
    if packs.is_empty() && !args.json {
        say("no pack is installed here\n");
        return Ok(0);
    }
    let titles: Vec<String> =
        packs.iter().map(|pack| format!("{} {}", pack.name, pack.version)).collect();
    let width = titles.iter().map(String::len).max().unwrap_or(0);
    let mut is_sound = true;
    for (pack, title) in packs.into_iter().zip(titles) {
        let found = store.verify(pack);
        is_sound &= found.as_ref().is_ok_and(Vec::is_empty);
        // A large pack takes a moment: each is told when it is done.
        say(&changing::text(
            [line(pack, store.scope(), &format!("{title:width$}"), found)],
            args.json,
        ));
    }
    Ok(if is_sound { 0 } else { DAMAGED })
}

/// What came of a pack: one line for each damaged file, or one that says that there is none.
fn line(
    pack: &ActivePack,
    scope: Scope,
    title: &str,
    found: Result<Vec<Damage>, PackError>,
) -> Line {
    let problems: Vec<(Option<String>, String)> = match found {
        Ok(damage) => {
            damage.into_iter().map(|one| (Some(one.path), one.problem.to_owned())).collect()
        }
        Err(error) => vec![(None, error.to_string())],
    };
    let ActivePack { name, version, source, .. } = pack;
    let mut texts: Vec<String> = problems
        .iter()
        .map(|(path, problem)| match path {
            Some(path) => format!("{title}  `{}` {problem}", path.escape_debug()),
            None => format!("{title}  {problem}"),
        })
        .collect();
    texts.push(if problems.is_empty() {
        format!("{title}  as it was installed")
    } else {
        format!("{title}  install it again: `olive plugin install {}{source}`", flag(scope))
    });
    let damage: Vec<Value> =
        problems.iter().map(|(path, problem)| json!({"path": path, "problem": problem})).collect();
    let json = json!({"event": "verified", "name": name, "version": version, "damage": damage});
    Line { text: texts.join("\n"), json }
}
