//! Fetching files: over https, and from OCI registries.
//!
//! The one place with an async runtime, which lives no longer than a call or an [`Exchange`]: callers
//! are synchronous.
//! A transfer that breaks off goes on where it stopped, also in another process; what arrives is
//! bounded in size and time, and hashed on its way.

mod error;
mod request;
mod https;
mod exchange;
pub mod oci;
// What both are made of.
mod download;
mod partial;
mod http;
mod tries;
mod address;
mod runtime;

pub use address::shown;
pub use error::TransportError;
pub use exchange::{Answer, Ask, Exchange};
pub use https::{fetch, fetch_part, fetch_small};
pub use request::{Fetched, Request};
