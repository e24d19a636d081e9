//! Types of everything Olive writes down: what a user writes, what host and plugins say to each
//! other, what a run leaves behind.
//!
//! This crate does no I/O and knows no plugin. In reading order:
//! - what a user writes: [`workflow`], [`engine`], [`data`], [`metric`], [`types`](mod@types);
//! - what crosses the plugin boundary: [`descriptor`], [`step`], [`model`], [`error`];
//! - what is reported: [`diagnostic`], [`footprint`].

pub mod workflow;
pub mod types;
pub mod engine;
pub mod data;
pub mod metric;
pub mod model;
pub mod descriptor;
pub mod step;
pub mod error;
pub mod diagnostic;
pub mod footprint;

/// STUB until packs.rs lands: replace this inline module by `pub mod packs;`.
#[allow(missing_docs)]
pub mod packs {
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum PartKind { Pass, System, Evaluator, Source, Model }
    pub struct KnownPack { pub name: &'static str, pub summary: &'static str }
    pub fn providing(_: PartKind, _: &str) -> Option<&'static KnownPack> { None }
    pub fn names(_: PartKind) -> impl Iterator<Item = &'static str> { std::iter::empty() }
    pub fn canonical(_: PartKind, _: &str) -> Option<&'static str> { None }
    pub fn current_pass_name(_: &str) -> Option<&'static str> { None }
}
