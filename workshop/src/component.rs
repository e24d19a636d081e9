//! A component of a compiled module, and whether a component is one that the host takes.

use std::path::Path;

use thiserror::Error;
use wit_component::{
    ComponentEncoder, DecodedWasm, StringEncoding, decode, embed_component_metadata,
};
use wit_parser::{PackageId, Resolve, World, WorldId, WorldItem};

/// The contract as this program knows it.
pub const WIT: &str = include_str!("../../plugin-api/wit/0.1.1/olive-plugin.wit");

/// The world of a validator without optional interfaces.
pub const VALIDATOR_WORLD: &str = "validator-plugin";

/// The world of graph passes without a validator.
pub const GRAPH_PASS_WORLD: &str = "graph-pass-plugin";

/// The world of a component with all interfaces.
const FULL_WORLD: &str = "full-plugin";

/// The interface that every component has.
const PLUGIN: &str = "plugin";

/// Interfaces of which every component has one or more.
const MAIN: [&str; 2] = ["validator", "graph-pass"];

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
    /// The component does not say what it is.
    #[error(
        "the component does not export `{0}`, which every component does; in Rust, call \
         `export_validator!` or `export_graph_passes!` in the library"
    )]
    Missing(String),
    /// The component does nothing that the host asks for.
    #[error("the component exports neither `validator` nor `graph-pass` of `olive:plugin`")]
    Idle,
    /// The component wants what no component is granted.
    #[error(
        "the component imports `{0}`, which no component is granted: build for a target without a \
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

    /// Writes into `module` what a compiler of another language than Rust does not: that its exports
    /// are of `world`.
    pub fn embed(&self, module: &mut Vec<u8>, world: &str) -> Result<(), ComponentError> {
        let world = self.world(world)?;
        embed_component_metadata(module, &self.resolve, world, StringEncoding::UTF8)
            .map_err(|error| ComponentError::Encode { said: chain(&error) })
    }

    /// What `component` exports beside `plugin` and `validator`, when it is one that the host takes.
    ///
    /// # Errors
    /// When it lacks an interface, imports something else than the host's log, or has functions of
    /// other types than the contract says.
    pub fn check(&self, component: &[u8]) -> Result<Vec<String>, ComponentError> {
        let full = self.world(FULL_WORLD)?;
        let all = self.names(full);
        let decoded = match decode(component) {
            Ok(DecodedWasm::Component(resolve, world)) => names(&resolve, world),
            Ok(DecodedWasm::WitPackage(..)) => {
                return Err(ComponentError::Decode("it is a WIT package".into()));
            }
            Err(error) => return Err(ComponentError::Decode(chain(&error))),
        };
        let mut plugin = all.exports.iter().filter(|name| interface(name) == PLUGIN);
        if let Some(missing) = plugin.find(|name| !decoded.exports.contains(name)) {
            return Err(ComponentError::Missing(missing.clone()));
        }
        let known = |name: &String| all.exports.contains(name);
        if !decoded.exports.iter().any(|name| known(name) && MAIN.contains(&interface(name))) {
            return Err(ComponentError::Idle);
        }
        if let Some(denied) = decoded.imports.iter().find(|name| !all.imports.contains(name)) {
            return Err(ComponentError::Denied(denied.clone()));
        }
        self.check_shapes(full, &decoded.exports, component)?;
        let optional = |name: &String| ![PLUGIN, MAIN[0]].contains(&interface(name));
        let exported = all.exports.into_iter().filter(|name| decoded.exports.contains(name));
        Ok(exported.filter(optional).collect())
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

/// `planner` of `olive:plugin/planner@0.1.1`.
fn interface(name: &str) -> &str {
    let name = name.split_once('/').map_or(name, |(_, name)| name);
    name.split_once('@').map_or(name, |(name, _)| name)
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

/// What to do about a module that wants a system.
fn encode_help(said: &str) -> &'static str {
    if said.contains("wasi_snapshot_preview1") {
        "; a component has no system: no files, no clock, no output but the host's log"
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

#[cfg(test)]
mod tests {
    use super::{ComponentError, Contract, WIT, encode};
    use std::path::Path;
    use wit_component::dummy_module;
    use wit_parser::ManglingAndAbi;

    /// A component of a world of the contract `wit`, whose functions do nothing.
    fn component(wit: &str, world: &str) -> Vec<u8> {
        let contract = Contract::parse(Path::new("test.wit"), wit).unwrap();
        let names = ManglingAndAbi::Legacy(wit_parser::LiftLowerAbi::Sync);
        let mut module = dummy_module(&contract.resolve, contract.world(world).unwrap(), names);
        contract.embed(&mut module, world).unwrap();
        encode(&module).unwrap()
    }

    fn check_refused(wit: &str, world: &str, start: &str) {
        let error = Contract::own().unwrap().check(&component(wit, world)).unwrap_err();
        assert!(error.to_string().starts_with(start), "{error}");
    }

    #[test]
    fn optional_interfaces_are_found() {
        let contract = Contract::own().unwrap();
        let interfaces = |world| contract.check(&component(WIT, world)).unwrap();
        assert_eq!(interfaces("validator-plugin"), [""; 0]);
        let named = |names: &[&str]| -> Vec<String> {
            names.iter().map(|name| format!("olive:plugin/{name}@0.1.1")).collect()
        };
        assert_eq!(interfaces("graph-pass-plugin"), named(&["graph-pass"]));
        let optional = named(&["migrator", "completer", "planner", "graph-pass"]);
        assert_eq!(interfaces("full-plugin"), optional);
    }

    #[test]
    fn a_missing_interface_is_named() {
        let start = "the component does not export `olive:plugin/plugin@0.1.1`";
        check_refused(WIT, "with-migrator", start);
        check_refused(WIT, "any-plugin", "the component exports neither `validator` nor");
    }

    #[test]
    fn an_import_that_is_not_granted_is_named() {
        let more = "interface clock { now: func() -> u64; } \
                    world with-clock { include validator-plugin; import clock; }";
        let start =
            "the component imports `olive:plugin/clock@0.1.1`, which no component is granted";
        check_refused(&format!("{WIT}\n{more}"), "with-clock", start);
    }

    #[test]
    fn another_shape_of_a_record_is_refused() {
        let other = WIT.replace("    data: option<string>,", "");
        assert_ne!(other, WIT);
        check_refused(&other, "validator-plugin", "the component does not fit the contract: ");
    }

    #[test]
    fn a_module_without_exports_is_no_plugin() {
        let empty = encode(b"\0asm\x01\0\0\0").unwrap();
        let error = Contract::own().unwrap().check(&empty).unwrap_err();
        let help = "call `export_validator!` or `export_graph_passes!` in the library";
        assert!(error.to_string().ends_with(help), "{error}");
    }

    #[test]
    fn bytes_that_are_no_component_are_refused() {
        let error = Contract::own().unwrap().check(b"nonsense").unwrap_err();
        assert!(matches!(error, ComponentError::Decode(_)), "{error}");
    }
}
