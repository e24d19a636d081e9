//! The source.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use olive_plugin_api::{Fetched, PluginError, Source, StepContext};

use crate::settings::{Settings, io};

/// Goes on after what an earlier attempt has left, and forgets that it was there.
#[derive(Default)]
pub struct Forgetful;

impl Source for Forgetful {
    type Config = Settings;

    const NAME: &'static str = "Forgetful";
    const SUMMARY: &'static str = "Write a note in two halves.";

    fn fetch(&self, reference: &Settings, ctx: &StepContext<'_>) -> Result<Fetched, PluginError> {
        let part = ctx.checkpoint_dir().unwrap_or(ctx.scratch_dir()).join("note");
        append(&part, &reference.note)?;
        ctx.progress("half", 1, 2, &[]);
        let start = Instant::now();
        while start.elapsed() < Duration::from_millis(500) {
            ctx.check_cancelled()?;
            thread::sleep(Duration::from_millis(5));
        }
        append(&part, &reference.note)?;
        ctx.progress("half", 2, 2, &[]);
        let to = ctx.output_dir().join("note");
        fs::copy(&part, &to).map_err(io)?;
        Ok(to.into())
    }
}

fn append(path: &Path, text: &str) -> Result<(), PluginError> {
    let mut file = OpenOptions::new().create(true).append(true).open(path).map_err(io)?;
    file.write_all(text.as_bytes()).map_err(io)
}
