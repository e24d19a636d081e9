//! Components: validators and graph passes that run in the sandbox, each loaded when it is first
//! asked.
//!
//! What a component says about itself is known from its [description](super::describe), so that
//! schemas and listings need no sandbox. Machine code is made once by a process of its own, and
//! kept in the user's cache.

use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use jsonschema::draft7;
use olive_sandbox::{Cache, Component, Failure, Limits, Sandbox, compile_in_child};
use olive_schemas::descriptor::{PassDescriptor, PluginDescriptor};
use olive_schemas::model::ModelKind;
use olive_schemas::protocol::{Callee, Packed};
use olive_schemas::validation::ValidatorDescriptor;

use super::packs::unchanged;
use super::{InstalledPlugin, Origin, program};

/// Command of this program that compiles a component.
const COMPILE: &str = "compile-component";
/// Time in which a component must be compiled, also on a machine that is busy.
const COMPILE_TIME: Duration = Duration::from_mins(2);

/// A component and what it says about itself.
#[derive(Debug, Clone)]
pub struct InstalledValidator {
    /// The component's file.
    pub path: PathBuf,
    /// Digest of the file's content.
    pub digest: String,
    /// What it provides.
    pub descriptor: ValidatorDescriptor,
    /// Where it is from.
    pub origin: Origin,
    /// Validators of its id that are passed over for it: label and origin, for people.
    pub shadows: Vec<String>,
    component: Arc<LazyComponent>,
}

impl InstalledValidator {
    /// The component at `path` in a folder, which says `descriptor` about itself.
    pub(super) fn new(
        path: PathBuf,
        digest: String,
        descriptor: ValidatorDescriptor,
        component: Arc<LazyComponent>,
    ) -> Self {
        let (origin, shadows) = (Origin::Folder, Vec::new());
        Self { path, digest, descriptor, origin, shadows, component }
    }

    /// The same, from another place.
    pub(super) fn from(self, origin: Origin) -> Self {
        Self { origin, ..self }
    }

    /// `id@version`.
    pub fn label(&self) -> String {
        format!("{}@{}", self.descriptor.id, self.descriptor.version)
    }

    /// The file's name.
    pub fn file_name(&self) -> String {
        file_name(&self.path)
    }

    /// Whether there is something about workflows that it can be asked.
    pub fn reads_workflows(&self) -> bool {
        let ValidatorDescriptor { validates, interfaces, .. } = &self.descriptor;
        *validates || interfaces.iter().any(|interface| interface != "graph-pass")
    }

    /// The component as a plugin with passes, when it has some.
    pub fn with_passes(&self) -> Option<InstalledPlugin> {
        let descriptor = as_plugin(&self.descriptor);
        (!descriptor.passes.is_empty()).then(|| InstalledPlugin {
            path: self.path.clone(),
            digest: self.digest.clone(),
            descriptor,
            origin: self.origin.clone(),
            packed: self.component.packed.clone(),
            shadows: Vec::new(),
        })
    }

    /// Whether it exports the optional `interface`, such as `planner`.
    pub fn provides(&self, interface: &str) -> bool {
        self.descriptor.interfaces.iter().any(|provided| provided == interface)
    }

    /// The component, loaded at its first use.
    ///
    /// # Errors
    /// When it cannot be compiled or loaded; the same each time.
    pub fn component(&self) -> Result<&Component, Failure> {
        self.component.get()
    }
}

/// Whether the file at `path` is a component by its name.
pub fn is_at(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "wasm")
}

/// What a component with passes provides, as other plugins say it: ONNX models in, ONNX models out.
pub fn as_plugin(component: &ValidatorDescriptor) -> PluginDescriptor {
    let passes = component.passes.iter().map(|pass| PassDescriptor {
        name: pass.name.clone(),
        summary: pass.summary.clone(),
        accepts: vec![ModelKind::Onnx],
        produces: ModelKind::Onnx,
        schema: pass.schema.clone(),
        threads_change_result: false,
        has_ranks: false,
    });
    PluginDescriptor {
        passes: passes.collect(),
        ..PluginDescriptor::new(&component.id, &component.version, "")
    }
}

/// A validator beside the program that cannot be used.
#[derive(Debug, Clone)]
pub struct BrokenValidator {
    /// The component's file.
    pub path: PathBuf,
    /// Why.
    pub failure: Failure,
}

impl BrokenValidator {
    /// The file's name.
    pub fn file_name(&self) -> String {
        file_name(&self.path)
    }

    /// What to try.
    pub fn help(&self) -> &'static str {
        way_out(&self.failure)
    }
}

impl fmt::Display for BrokenValidator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "validator `{}`: {}", self.path.display(), self.failure)
    }
}

/// The sandbox and the cache of machine code, both made when a component is first needed.
#[derive(Debug, Clone)]
pub struct Runtime(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    folder: PathBuf,
    sandbox: OnceLock<Result<Sandbox, Failure>>,
    /// Nothing when the folder cannot be made private: everything is then compiled each time.
    cache: OnceLock<Option<Cache>>,
}

impl Runtime {
    /// With machine code kept in `<cache_home>/components/v1`.
    pub fn new(cache_home: &Path) -> Self {
        let folder = cache_home.join("components/v1");
        Self(Arc::new(Shared { folder, sandbox: OnceLock::new(), cache: OnceLock::new() }))
    }

    /// The component of the file at `path`, which is read when it is first asked, and must then be
    /// that of its pack if it came in one.
    pub(super) fn component(&self, path: &Path, packed: Option<&Packed>) -> Arc<LazyComponent> {
        let (path, runtime) = (path.to_owned(), self.clone());
        Arc::new(LazyComponent { path, packed: packed.cloned(), runtime, loaded: OnceLock::new() })
    }

    /// The component that `plugin` is, loaded at once.
    ///
    /// # Errors
    /// When it cannot be compiled or loaded, or is not that of its pack.
    pub fn load_callee(&self, plugin: &Callee) -> Result<Component, Failure> {
        self.load(&plugin.path, plugin.packed.as_ref())
    }

    fn load(&self, path: &Path, packed: Option<&Packed>) -> Result<Component, Failure> {
        let Shared { folder, sandbox, cache } = &*self.0;
        let limits = Limits::default();
        let wasm = read(path, &limits)?;
        if let Some(packed) = packed {
            unchanged::check_bytes(path, &wasm, packed).map_err(Failure::Malformed)?;
        }
        let program = program::file().map_err(|error| Failure::Compile(error.to_string()))?;
        let compile = |wasm: &[u8]| compile_in_child(&program, &[COMPILE], wasm, COMPILE_TIME);
        let open = || {
            Cache::open(folder)
                .inspect_err(|error| {
                    let folder = folder.display();
                    warn(&format!("validators are compiled again by each command, because their machine code cannot be kept in `{folder}`: {error}"));
                })
                .ok()
        };
        let code = match cache.get_or_init(open) {
            Some(cache) => cache.get_or_compile(&wasm, &compile, &warn)?,
            None => compile(&wasm)?,
        };
        let sandbox = sandbox.get_or_init(|| Sandbox::new(limits.clone()));
        sandbox.as_ref().map_err(Clone::clone)?.load(&code)
    }
}

/// A component that is loaded when it is first asked.
#[derive(Debug)]
pub(super) struct LazyComponent {
    path: PathBuf,
    packed: Option<Packed>,
    runtime: Runtime,
    loaded: OnceLock<Result<Component, Failure>>,
}

impl LazyComponent {
    pub(super) fn get(&self) -> Result<&Component, Failure> {
        let loaded =
            self.loaded.get_or_init(|| self.runtime.load(&self.path, self.packed.as_ref()));
        loaded.as_ref().map_err(Clone::clone)
    }

    /// What the component says about itself, once that is sound.
    pub(super) fn describe(&self) -> Result<ValidatorDescriptor, Failure> {
        let descriptor = self.get()?.describe()?;
        let passes = descriptor.passes.iter().map(|pass| (&pass.schema, Some(&pass.name)));
        for (schema, pass) in passes.chain([(&descriptor.schema, None)]) {
            if let Err(error) = draft7::new(schema) {
                let whose = pass.map_or("its settings".into(), |name| format!("pass `{name}`"));
                return Err(Failure::BadOutput(format!("the schema of {whose} is wrong: {error}")));
            }
        }
        Ok(descriptor)
    }
}

/// Whether `name` may be an id of a validator or a code of a finding: lower case and digits, joined
/// by `-`.
pub fn is_name(name: &str) -> bool {
    let is_part = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    name.len() <= 64 && name.split('-').all(is_part)
}

/// What to do about a validator that fails.
pub fn way_out(failure: &Failure) -> &'static str {
    match failure {
        Failure::ApiVersion { .. } => "install a build of it for this version of Olive",
        Failure::ImportDenied(_) => {
            "build it with `olive plugin build`, for `wasm32-unknown-unknown`"
        }
        Failure::Malformed(_) => "install the file again, or remove it",
        Failure::TooLarge { .. }
        | Failure::Contract(_)
        | Failure::Compile(_)
        | Failure::Timeout { .. }
        | Failure::Fuel { .. }
        | Failure::Memory(_)
        | Failure::Trap(_)
        | Failure::Flood(_)
        | Failure::BadOutput(_)
        | Failure::Refused(_) => "report it to its author, or remove the file",
    }
}

/// The content of a component's file; nothing of one that is too large anyway.
fn read(path: &Path, limits: &Limits) -> Result<Vec<u8>, Failure> {
    let unreadable = |error: io::Error| {
        Failure::Malformed(format!("`{}` cannot be read: {error}", path.display()))
    };
    let size = fs::metadata(path).map_err(unreadable)?.len();
    if size > limits.module_bytes as u64 {
        let (what, limit) = (format!("{size} bytes"), limits.module_bytes.to_string());
        return Err(Failure::TooLarge { what, limit });
    }
    fs::read(path).map_err(unreadable)
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Tells people of something odd about the cache that costs time only.
fn warn(sentence: &str) {
    let _ = writeln!(io::stderr(), "warning: {sentence}");
}
