//! Looking a component over before it is compiled.
