//! Components in JavaScript and Python, which have the language's interpreter in them.
//!
//! Both tools come from the language's own registry and are installed by the plugin's author. They
//! are asked for components without a system; a few of what the languages have (`console.log`,
//! clocks, random numbers) is not there then.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{BuildError, Face};
use crate::command::{ask, run};
use crate::toolchain::on_path;

/// Version of `@bytecodealliance/componentize-js` that this is tested with.
const COMPONENTIZE_JS: &str = "0.23.0";

/// Version of `componentize-py` that this is tested with.
const COMPONENTIZE_PY: &str = "0.25.1";

/// Has Node.js make the component; its arguments are source, contract, world and result. The
/// program of the same package finds no files when its folder is a link.
const SCRIPT: &str = r#"
import { writeFile } from "node:fs/promises";
import { componentize } from "@bytecodealliance/componentize-js";
const [sourcePath, witPath, worldName, result] = process.argv.slice(1);
const disableFeatures = ["stdio", "random", "clocks", "http", "fetch-event"];
const { component } = await componentize({ sourcePath, witPath, worldName, disableFeatures });
await writeFile(result, component);
"#;

/// A component of the one source in `dir`.
pub(super) fn javascript(dir: &Path, face: Face, wit: &str) -> Result<Vec<u8>, BuildError> {
    let missing = |tool, way_out: String| BuildError::NoTool {
        what: "a component in JavaScript",
        tool,
        way_out,
    };
    let node = || {
        let mut node = Command::new("node");
        node.current_dir(dir).args(["--no-warnings", "--input-type=module", "--eval"]);
        node
    };
    if on_path("node").is_none() {
        return Err(missing("`node`", "install Node.js (https://nodejs.org)".into()));
    }
    if ask(node().arg("import.meta.resolve(\"@bytecodealliance/componentize-js\")")).is_err() {
        let package = format!("@bytecodealliance/componentize-js@{COMPONENTIZE_JS}");
        let way_out = format!("run `npm install --save-dev {package}` in `{}`", dir.display());
        return Err(missing("`componentize-js`", way_out));
    }
    let work = Work::new(wit)?;
    let mut node = node();
    node.arg(SCRIPT).arg("--").arg(dir.join(face.stem()).with_extension("js"));
    run(node.arg(work.wit()).arg(face.world()).arg(work.component()))?;
    work.read()
}

/// A component of the one source in `dir`.
pub(super) fn python(dir: &Path, face: Face, wit: &str) -> Result<Vec<u8>, BuildError> {
    let Some(program) = componentize_py(dir) else {
        return Err(BuildError::NoTool {
            what: "a component in Python",
            tool: "`componentize-py`",
            way_out: format!(
                "run `python3 -m venv .venv && .venv/bin/pip install \
                 componentize-py=={COMPONENTIZE_PY}` in `{}`",
                dir.display()
            ),
        });
    };
    let work = Work::new(wit)?;
    let mut python = Command::new(program);
    python.current_dir(dir).arg("--quiet").arg("--wit-path").arg(work.wit());
    python.args(["--world", face.world(), "componentize", "--stub-wasi", "--output"]);
    run(python.arg(work.component()).arg(face.stem()))?;
    work.read()
}

/// The tool of the folder's virtual environment, of the active one, or of the `PATH`.
fn componentize_py(dir: &Path) -> Option<PathBuf> {
    let active = env::var_os("VIRTUAL_ENV").map(PathBuf::from);
    let environments = [Some(dir.join(".venv")), active];
    let scripts = environments.into_iter().flatten().flat_map(|environment| {
        ["bin/componentize-py", "Scripts/componentize-py.exe"].map(|name| environment.join(name))
    });
    scripts.into_iter().find(|path| path.is_file()).or_else(|| on_path("componentize-py"))
}

/// A folder with the contract, for the component to be made in.
struct Work(tempfile::TempDir);

impl Work {
    fn new(wit: &str) -> Result<Self, BuildError> {
        let temp = env::temp_dir();
        let work = Self(tempfile::tempdir().map_err(BuildError::io("write into", &temp))?);
        fs::write(work.wit(), wit).map_err(BuildError::io("write", &work.wit()))?;
        Ok(work)
    }

    fn wit(&self) -> PathBuf {
        self.0.path().join("olive-plugin.wit")
    }

    fn component(&self) -> PathBuf {
        self.0.path().join("component.wasm")
    }

    fn read(&self) -> Result<Vec<u8>, BuildError> {
        let path = self.component();
        fs::read(&path).map_err(BuildError::io("read", &path))
    }
}
