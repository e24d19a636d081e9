//! Numbers of the kit against stored references of the Python stack.
