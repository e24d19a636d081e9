//! A library that is no plugin.

/// Does what a library of something else may do.
pub extern "C" fn add(left: i32, right: i32) -> i32 {
    left.wrapping_add(right)
}
