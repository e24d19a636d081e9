//! Runs WebAssembly components that are granted nothing: no files, no network, no clock.
//!
//! A component is [compiled](compile()) once, in a process that may be killed, and kept in a
//! [`Cache`] that only its owner can write; a [`Sandbox`] then [loads](Sandbox::load) it, and every
//! call of a [`Component`] runs in a fresh instance with [`Limits`].
//!
//! ```no_run
//! use olive_sandbox::{Context, Limits, Sandbox, compile};
//!
//! let limits = Limits::default();
//! let code = compile(&std::fs::read("acme_rules.wasm")?, &limits)?;
//! let component = Sandbox::new(limits)?.load(&code)?;
//! for finding in component.validate(r#"{"workflow": {}}"#, &Context::default())? {
//!     println!("{}: {}", finding.pointer, finding.message);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod limits;
mod failure;
mod contract;
mod features;
mod scan;
mod machine_code;
mod compile;
mod child;
mod cache;
mod private;
mod engine;
mod clock;
mod bindings;
mod component;
mod call;
mod descriptor;
mod answer;

pub use cache::Cache;
pub use child::{ProcessLimits, compile_for_parent, compile_in_child};
pub use compile::compile;
pub use component::{Component, Context};
pub use engine::Sandbox;
pub use failure::Failure;
pub use limits::{CallLimits, Limits};
pub use machine_code::MachineCode;
