//! From a component to its machine code.

use crate::engine::engine;
use crate::failure::Failure;
use crate::limits::Limits;
use crate::machine_code::MachineCode;
use crate::scan::scan;

/// Machine code of the component `wasm`, for [`Sandbox::load`](crate::Sandbox::load).
///
/// Nothing interrupts the compiler: call this in a process with limits of its own.
///
/// # Errors
/// When the component is malformed, too large, or asks for what is not granted.
pub fn compile(wasm: &[u8], limits: &Limits) -> Result<MachineCode, Failure> {
    scan(wasm, limits)?;
    let code = engine()?.precompile_component(wasm);
    let code = code.map_err(|error| Failure::Compile(format!("{error:#}")))?;
    Ok(MachineCode::trusted(code, 0))
}
