//! The WIT package of the contract as Rust types, written by wasmtime from `plugin-api/wit`.

wasmtime::component::bindgen!({
    path: "../plugin-api/wit/0.1.1",
    world: "full-plugin",
    imports: { default: trappable },
});
