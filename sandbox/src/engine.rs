//! The engine that components run in.

use std::fmt;
use std::sync::Arc;

use wasmparser::WasmFeatures;
use wasmtime::component::Component as Code;
use wasmtime::{Config, Engine, OptLevel, RegallocAlgorithm, WasmBacktraceDetails};

use crate::clock::Clock;
use crate::component::Component;
use crate::failure::Failure;
use crate::features::FEATURES;
use crate::limits::Limits;
use crate::machine_code::MachineCode;

/// Stack of a component in bytes.
const STACK_BYTES: usize = 512 << 10;

/// An engine for components, with the limits of their calls.
pub struct Sandbox {
    engine: Engine,
    clock: Arc<Clock>,
    limits: Arc<Limits>,
}

impl Sandbox {
    /// An engine whose calls run with `limits`.
    ///
    /// # Errors
    /// When this machine cannot run WebAssembly.
    pub fn new(limits: Limits) -> Result<Self, Failure> {
        let engine = engine()?;
        let clock = Arc::new(Clock::new(engine.clone()));
        Ok(Self { engine, clock, limits: Arc::new(limits) })
    }

    /// The component whose machine code is `code`.
    ///
    /// # Errors
    /// When the code is of another engine, or the component does not fit the contract.
    pub fn load(&self, code: &MachineCode) -> Result<Component, Failure> {
        #[expect(unsafe_code, reason = "wasmtime cannot know where machine code comes from")]
        // SAFETY: the bytes must be what `Engine::precompile_component` of this version returned,
        // unchanged. Only this crate makes a `MachineCode`, and only in three places: `compile` puts
        // that very return value in; `compile_in_child` takes it from a process that runs `compile`;
        // `Cache` takes bytes that carry a keyed hash over each of them, whose key only this user can
        // read. The bytes are private and have no `&mut` access, and they are the ones that were
        // hashed: nothing is read again. wasmtime itself refuses code of another version or machine.
        let loaded = unsafe { Code::deserialize(&self.engine, code.as_bytes()) };
        let code = loaded.map_err(|error| Failure::Compile(format!("{error:#}")))?;
        Component::new(&code, &self.limits, &self.clock)
    }
}

impl fmt::Debug for Sandbox {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Sandbox").field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// The engine that all code of this crate is compiled by and run in.
///
/// It compiles fast rather than well: validators run for microseconds, and a compiler that thinks
/// long can be made to think for ever.
pub(crate) fn engine() -> Result<Engine, Failure> {
    let mut config = Config::new();
    config
        .wasm_features(WasmFeatures::all().difference(FEATURES), false)
        .cranelift_opt_level(OptLevel::None)
        .cranelift_regalloc_algorithm(RegallocAlgorithm::SinglePass)
        .cranelift_nan_canonicalization(true)
        .consume_fuel(true)
        .epoch_interruption(true)
        .max_wasm_stack(STACK_BYTES)
        .memory_reservation(256 << 20)
        .memory_guard_size(64 << 10)
        .memory_reservation_for_growth(0)
        .wasm_backtrace_max_frames(None)
        .wasm_backtrace_details(WasmBacktraceDetails::Disable);
    Engine::new(&config).map_err(|error| {
        Failure::Compile(format!("this machine cannot run WebAssembly: {error:#}"))
    })
}
