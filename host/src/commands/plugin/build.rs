//! `olive plugin build`.

use std::io::{self, Write};

use olive_workshop::BuildContext;
use olive_workshop::build::{self, Built, Kind};

use super::super::say;
use crate::cli::plugin::BuildArgs;
use crate::error::Error;
use crate::home::cache_home;

/// Builds the plugin of a folder, and tells what it became.
pub(super) fn run(args: &BuildArgs) -> Result<(), Error> {
    let out = args.out.clone().unwrap_or_else(|| args.dir.join("dist"));
    let context = BuildContext { cache: &cache_home(), say: &tell };
    let built = build::build(&args.dir, &out, &context)?;
    say(&text(&built));
    Ok(())
}

/// Says what goes on, beside what the compiler says.
fn tell(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

fn text(built: &Built) -> String {
    let kind = match &built.kind {
        Kind::Library => "library".to_owned(),
        Kind::Component(interfaces) if interfaces.is_empty() => "component".to_owned(),
        Kind::Component(interfaces) => format!("component with {}", interfaces.join(", ")),
    };
    format!("{}  {kind}, {} bytes\n", built.path.display(), built.bytes)
}
