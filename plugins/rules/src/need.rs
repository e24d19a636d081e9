//! What a step needs of the machine.

use olive_validator_api::{Cost, Device};
use serde_json::{Map, Value};

pub(crate) const MIB: f64 = 1_048_576.0;

/// Bytes of a 32-bit float, in which everything is computed.
pub(crate) const FLOAT: f64 = 4.0;

/// Resident memory of a worker with its plugin and a tokenizer.
const PROGRAM: f64 = 20.0 * MIB;

/// What a step needs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Need {
    /// What is in memory at once, in bytes by name.
    pub(crate) memory: Vec<(&'static str, f64)>,
    pub(crate) disk: f64,
    pub(crate) flops: f64,
    pub(crate) confidence: f64,
}

impl Need {
    pub(crate) fn peak(&self) -> f64 {
        PROGRAM + self.memory.iter().map(|(_, bytes)| bytes).sum::<f64>()
    }

    /// This and `then`, one after the other.
    pub(crate) fn max(self, then: Option<Self>) -> Self {
        match then {
            Some(then) if then.peak() > self.peak() => {
                Self { disk: self.disk, flops: self.flops, ..then }
            }
            _ => self,
        }
    }

    pub(crate) fn cost(self, device: Device) -> Cost {
        let peak = whole(self.peak());
        let parts = std::iter::once(("program", PROGRAM)).chain(self.memory);
        let breakdown = parts.map(|(name, bytes)| (name.to_owned(), Value::from(whole(bytes))));
        Cost {
            peak_host_bytes: peak,
            peak_device_bytes: if device == Device::Cpu { peak } else { 0 },
            disk_bytes: whole(self.disk),
            flops: self.flops,
            confidence: self.confidence,
            breakdown: breakdown.collect::<Map<_, _>>(),
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "sizes are not negative; what is out of range saturates"
)]
fn whole(bytes: f64) -> u64 {
    bytes as u64
}
