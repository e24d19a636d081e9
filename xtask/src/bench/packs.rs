//! What packs cost: installing one of 30 MB, and starting the program with fifty installed.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use super::figures::median;
use crate::command;
use crate::error::ChoreError;
use crate::workspace::{Profile, root, target};

/// Packs that are installed while starts are timed.
const NUM_PACKS: usize = 50;
/// Bytes of the large pack, which do not compress.
const LARGE_BYTES: u64 = 30_000_000;
/// Installs and starts that are timed.
const INSTALLS: usize = 5;
const STARTS: usize = 20;
/// Publisher of the packs.
const PUBLISHER: &str = "bench";

/// Measures and prints.
pub(super) fn run() -> Result<(), ChoreError> {
    let bench = Bench::new()?;
    bench.large()?;
    bench.many()
}

/// A folder with a key, and packs signed by it.
struct Bench {
    folder: PathBuf,
}

impl Bench {
    fn new() -> Result<Self, ChoreError> {
        let folder = target().join("bench/packs");
        if folder.exists() {
            fs::remove_dir_all(&folder).map_err(ChoreError::file("remove", &folder))?;
        }
        fs::create_dir_all(&folder).map_err(ChoreError::file("create", &folder))?;
        let bench = Self { folder };
        let key = bench.key();
        command::output(
            bench.olive("none").args(["plugin", "key", "new", "--no-password"]).arg(key),
        )?;
        Ok(bench)
    }

    /// Installing a pack of 30 MB from a file, with its signature, each time into an empty home.
    fn large(&self) -> Result<(), ChoreError> {
        let pack = self.pack("large", LARGE_BYTES)?;
        let mut times = Vec::new();
        for run in 0..INSTALLS {
            let home = format!("large-{run}");
            self.trust(&home)?;
            times.push(self.timed(&home, &["plugin", "install"], &[&pack])?);
        }
        let (wall_ms, limit_ms) = (median(&times), 2000.0);
        let size = fs::metadata(&pack).map_err(ChoreError::file("read", &pack))?.len() as f64 / 1e6;
        println!(
            "install of a signed pack of {size:.1} MB: {wall_ms:.0} ms (median of {INSTALLS})"
        );
        println!("  limit / ours: wall {:.2} of {limit_ms:.0} ms", limit_ms / wall_ms);
        Ok(())
    }

    /// Starting with no pack and with fifty.
    fn many(&self) -> Result<(), ChoreError> {
        let packs: Result<Vec<_>, _> =
            (0..NUM_PACKS).map(|number| self.pack(&format!("pack-{number}"), 0)).collect();
        let packs = packs?;
        self.trust("many")?;
        let install: Vec<&PathBuf> = packs.iter().collect();
        let install_ms = self.timed("many", &["plugin", "install"], &install)?;
        println!("install of {NUM_PACKS} small packs at once: {install_ms:.0} ms");
        let recipe = root().join("examples/phrase-tone/olive-config.json");
        for (title, words, paths, limit_ms) in [
            ("olive plugin list", &["plugin", "list"][..], &[][..], Some(30.0)),
            ("olive check of the recipe", &["check"][..], &[&recipe][..], None),
        ] {
            let with = self.starts("many", words, paths)?;
            let without = self.starts("none", words, paths)?;
            println!(
                "{title}: {with:.1} ms with {NUM_PACKS} packs, {without:.1} ms with none (medians \
                 of {STARTS})"
            );
            if let Some(limit_ms) = limit_ms {
                println!("  limit / ours: wall {:.2} of {limit_ms:.0} ms", limit_ms / with);
            }
        }
        Ok(())
    }

    fn starts(&self, home: &str, words: &[&str], paths: &[&PathBuf]) -> Result<f64, ChoreError> {
        self.timed(home, words, paths)?;
        let times: Result<Vec<f64>, _> =
            (0..STARTS).map(|_| self.timed(home, words, paths)).collect();
        Ok(median(&times?))
    }

    /// A signed pack of the example in Python under a name of its own, with `padding` random bytes.
    fn pack(&self, name: &str, padding: u64) -> Result<PathBuf, ChoreError> {
        let source = self.folder.join(name);
        let dist = source.join("dist/any");
        fs::create_dir_all(&dist).map_err(ChoreError::file("create", &dist))?;
        let pass = format!("CastWeights{}", name.replace('-', ""));
        for file in
            ["cast-weights.plugin.json", "main.py", "olive_plugin.py", "safetensors_file.py"]
        {
            let from = root().join("examples/process-plugin").join(file);
            let text = fs::read_to_string(&from).map_err(ChoreError::file("read", &from))?;
            let text = text.replace("CastWeights", &pass).replace("cast-weights", name);
            write(&dist.join(file.replace("cast-weights", name)), text.as_bytes())?;
        }
        if padding > 0 {
            write(&dist.join("padding.bin"), &random(padding)?)?;
        }
        let manifest = serde_json::json!({
            "name": format!("{PUBLISHER}/{name}"),
            "version": "1.0.0",
            "publisher": {"id": PUBLISHER, "name": "Benchmark"},
            "license": "MIT",
            "description": "A pack that is measured",
        });
        write(&source.join("olive-pack.json"), manifest.to_string().as_bytes())?;
        let mut olive = self.olive("none");
        olive.args(["plugin", "pack", "--no-test", "--key"]).arg(self.key());
        command::output(olive.arg("--out").arg(&self.folder).arg(&source))?;
        Ok(self.folder.join(format!("{PUBLISHER}-{name}-1.0.0.pack")))
    }

    fn trust(&self, home: &str) -> Result<(), ChoreError> {
        let mut olive = self.olive(home);
        olive.args(["plugin", "trust", "add", PUBLISHER]).arg(self.key().with_extension("pub"));
        command::output(&mut olive).map(drop)
    }

    /// Milliseconds of a command that ends well.
    fn timed(&self, home: &str, words: &[&str], paths: &[&PathBuf]) -> Result<f64, ChoreError> {
        let mut olive = self.olive(home);
        olive.args(words).args(paths).stdin(Stdio::null());
        let start = Instant::now();
        command::output(&mut olive)?;
        Ok(start.elapsed().as_secs_f64() * 1e3)
    }

    fn olive(&self, home: &str) -> Command {
        let mut olive = Command::new(Profile::Release.program());
        olive.env("OLIVE_DATA_HOME", self.folder.join("homes").join(home));
        olive
    }

    fn key(&self) -> PathBuf {
        self.folder.join("bench.key")
    }
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), ChoreError> {
    fs::write(path, bytes).map_err(ChoreError::file("write", path))
}

/// Bytes that do not compress.
fn random(count: u64) -> Result<Vec<u8>, ChoreError> {
    let path = Path::new("/dev/urandom");
    let read = || {
        let mut bytes = Vec::new();
        fs::File::open(path)?.take(count).read_to_end(&mut bytes)?;
        Ok::<_, io::Error>(bytes)
    };
    read().map_err(ChoreError::file("read", path))
}
