//! A component of a compiled module, and whether a component is one that the host takes.

use std::path::Path;

use thiserror::Error;
use wit_component::{
    ComponentEncoder, DecodedWasm, StringEncoding, decode, embed_component_metadata,
};
use wit_parser::{PackageId, Resolve, World, WorldId, WorldItem};

/// The contract as this program knows it.
pub const WIT: &str = include_str!("../../plugin-api/wit/0.1.0/olive-plugin.wit");

/// The world of a component without optional interfaces.
pub const WORLD: &str = "validator-plugin";

/// The world of a component with all of them.
const FULL_WORLD: &str = "full-plugin";

/// Why there is no component.
#[derive(Debug, Error)]
pub enum ComponentError {
    /// The contract is no WIT.
    #[error("the WIT package is wrong: {0}")]
    Wit(String),
    /// The module cannot be made a component.
    #[error("cannot make a component: {said}{}", encode_help(said))]
    Encode {
        /// What the encoder says.
        said: String,
    },
    /// The bytes are no component.
    #[error("the result is no component: {0}")]
    Decode(String),
    /// The component lacks an interface.
    #[error("the component does not export `{0}`, which every validator does")]
    Missing(String),
    /// The component wants what no validator is granted.
    #[error(
        "the component imports `{0}`, which no validator is granted: build for a target without a \
         system, such as `wasm32-unknown-unknown`"
    )]
    Denied(String),
    /// An interface has another shape than the contract says.
    #[error("the component does not fit the contract: {0}")]
    Shape(String),
}

/// The contract: interfaces and worlds.
#[derive(Debug)]
pub struct Contract {
    resolve: Resolve,
    package: PackageId,
}

impl Contract {
    /// The contract that `text` says, in errors called `path`.
    pub fn parse(path: &Path, text: &str) -> Result<Self, ComponentError> {
        let mut resolve = Resolve::new();
        let package = resolve.push_str(path, text).map_err(|error| wit(&error))?;
        Ok(Self { resolve, package })
    }

    /// The contract of this program.
    pub fn own() -> Result<Self, ComponentError> {
        Self::parse(Path::new("olive-plugin.wit"), WIT)
    }

    fn world(&self, name: &str) -> Result<WorldId, ComponentError> {
        self.resolve.select_world(&[self.package], Some(name)).map_err(|error| wit(&error))
    }

    /// Writes into `module` what a compiler of another language than Rust does not: which world
    /// its exports are of.
    pub fn embed(&self, module: &mut Vec<u8>) -> Result<(), ComponentError> {
        let world = self.world(WORLD)?;
        embed_component_metadata(module, &self.resolve, world, StringEncoding::UTF8)
            .map_err(|error| ComponentError::Encode { said: chain(&error) })
    }

    /// The optional interfaces that `component` exports, when it is one that the host takes.
    ///
    /// # Errors
    /// When it lacks an interface, imports something else than the host's log, or has functions of
    /// other types than the contract says.
    pub fn check(&self, component: &[u8]) -> Result<Vec<String>, ComponentError> {
        let required = self.names(self.world(WORLD)?);
        let full = self.world(FULL_WORLD)?;
        let all = self.names(full);
        let decoded = match decode(component) {
            Ok(DecodedWasm::Component(resolve, world)) => names(&resolve, world),
            Ok(DecodedWasm::WitPackage(..)) => {
                return Err(ComponentError::Decode("it is a WIT package".into()));
            }
            Err(error) => return Err(ComponentError::Decode(chain(&error))),
        };
        if let Some(missing) = required.exports.iter().find(|name| !decoded.exports.contains(name))
        {
            return Err(ComponentError::Missing(missing.clone()));
        }
        if let Some(denied) = decoded.imports.iter().find(|name| !all.imports.contains(name)) {
            return Err(ComponentError::Denied(denied.clone()));
        }
        self.check_shapes(full, &decoded.exports, component)?;
        let optional = all.exports.into_iter().filter(|name| !required.exports.contains(name));
        Ok(optional.filter(|name| decoded.exports.contains(name)).collect())
    }

    /// Compares types with those of a world that exports what the component does.
    fn check_shapes(
        &self,
        full: WorldId,
        exports: &[String],
        component: &[u8],
    ) -> Result<(), ComponentError> {
        let mut resolve = self.resolve.clone();
        let mut world: World = resolve.worlds[full].clone();
        world.name = "this-plugin".into();
        world.exports.retain(|key, _| exports.contains(&self.resolve.name_world_key(key)));
        let name = world.name.clone();
        let world = resolve.worlds.alloc(world);
        resolve.packages[self.package].worlds.insert(name, world);
        wit_component::targets(&resolve, world, component)
            .map_err(|error| ComponentError::Shape(chain(&error)))
    }

    fn names(&self, world: WorldId) -> Names {
        names(&self.resolve, world)
    }
}

/// A component of a module whose world is written into it.
pub fn encode(module: &[u8]) -> Result<Vec<u8>, ComponentError> {
    ComponentEncoder::default()
        .validate(true)
        .module(module)
        .and_then(|mut encoder| encoder.encode())
        .map_err(|error| ComponentError::Encode { said: chain(&error) })
}

/// What a world imports and exports, by name.
struct Names {
    imports: Vec<String>,
    exports: Vec<String>,
}

fn names(resolve: &Resolve, world: WorldId) -> Names {
    let world = &resolve.worlds[world];
    let named = |items: &wit_parser::IndexMap<wit_parser::WorldKey, WorldItem>| {
        let items = items.iter().filter(|(_, item)| !matches!(item, WorldItem::Type { .. }));
        items.map(|(key, _)| resolve.name_world_key(key)).collect()
    };
    Names { imports: named(&world.imports), exports: named(&world.exports) }
}

/// What to do about a module that has no component in it.
fn encode_help(said: &str) -> &'static str {
    if said.contains("wasi_snapshot_preview1") {
        "; a validator has no system: no files, no clock, no output but the host's log"
    } else if said.contains("no component-type") || said.contains("failed to find export") {
        "; call `export_validator!` in the library"
    } else {
        ""
    }
}

fn wit(error: &impl std::fmt::Display) -> ComponentError {
    ComponentError::Wit(format!("{error:#}"))
}

/// The error and its causes in one line.
fn chain(error: &impl std::fmt::Display) -> String {
    format!("{error:#}").replace('\n', " ")
}
