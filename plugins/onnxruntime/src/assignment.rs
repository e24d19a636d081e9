//! Which execution provider computes which nodes of a session.

#![expect(unsafe_code, reason = "the runtime's bindings do not cover this part of its API")]

use std::collections::BTreeMap;
use std::ffi::{CStr, c_char};
use std::ptr;

use ort::session::Session;
use ort::{AsPointer, ortsys};

/// Setting of a session without which the runtime does not keep what is asked for here.
pub(crate) const RECORD: &str = "session.record_ep_graph_assignment_info";

/// Nodes by operator, by execution provider.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Assignment(BTreeMap<String, BTreeMap<String, usize>>);

impl Assignment {
    /// The assignment of `session`, which was made with [`RECORD`].
    ///
    /// # Errors
    /// When the runtime has kept none.
    pub(crate) fn of(session: &Session) -> ort::Result<Self> {
        let mut providers = BTreeMap::<String, BTreeMap<String, usize>>::new();
        let (mut parts, mut num_parts) = (ptr::null(), 0);
        ortsys![unsafe Session_GetEpGraphAssignmentInfo(session.ptr(), &raw mut parts, &raw mut num_parts)?];
        for index in 0..num_parts {
            // SAFETY: the runtime gave an array of `num_parts` that lives as long as the session.
            let part = unsafe { *parts.add(index) };
            let mut name = ptr::null();
            ortsys![unsafe EpAssignedSubgraph_GetEpName(part, &raw mut name)?];
            let operators = providers.entry(text(name)).or_default();
            let (mut nodes, mut num_nodes) = (ptr::null(), 0);
            ortsys![unsafe EpAssignedSubgraph_GetNodes(part, &raw mut nodes, &raw mut num_nodes)?];
            for index in 0..num_nodes {
                // SAFETY: as above.
                let node = unsafe { *nodes.add(index) };
                let mut operator = ptr::null();
                ortsys![unsafe EpAssignedNode_GetOperatorType(node, &raw mut operator)?];
                *operators.entry(text(operator)).or_default() += 1;
            }
        }
        Ok(Self(providers))
    }

    /// How many nodes `provider` computes.
    pub(crate) fn count(&self, provider: &str) -> usize {
        self.0.get(provider).map_or(0, |operators| operators.values().sum())
    }

    /// The assignment as a sentence about `provider`.
    pub(crate) fn told(&self, provider: &str) -> String {
        let total: usize = self.0.values().flat_map(BTreeMap::values).sum();
        let count = self.count(provider);
        let others = self.0.iter().filter(|(name, _)| *name != provider);
        let others: Vec<String> = others
            .flat_map(|(_, operators)| operators.iter())
            .map(|(operator, count)| format!("{operator} ({count})"))
            .collect();
        let told = format!("{provider} computes {count} of {total} nodes");
        if others.is_empty() {
            return told;
        }
        format!("{told}; the processor computes {}", others.join(", "))
    }
}

/// The text at `pointer`, which the runtime gave.
fn text(pointer: *const c_char) -> String {
    if pointer.is_null() {
        return String::new();
    }
    // SAFETY: names that the runtime gives are strings with an end, and live with the session.
    unsafe { CStr::from_ptr(pointer) }.to_string_lossy().into_owned()
}
