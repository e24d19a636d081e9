//! Plugins of strangers at their worst: the program lives, names plugin and cause, and keeps nothing
//! of them; what was there before is there afterwards.

mod versions;
