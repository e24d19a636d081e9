//! Edits of what stands beside the graph: operator sets and metadata.

use olive_kit_onnx::label;

use super::super::parts::Parts;
use super::plain;

impl Parts {
    pub(super) fn set_opset(&mut self, domain: &str, version: Option<i64>) -> Result<(), String> {
        let known = &mut self.header.opset_import;
        let place = known.iter().position(|opset| plain(opset.domain()) == plain(domain));
        match (version, place) {
            (Some(version), _) if version < 1 => Err(format!("{version} is no version")),
            (Some(version), Some(place)) => {
                known[place].version = Some(version);
                Ok(())
            }
            (Some(version), None) => {
                self.header.set_opset(domain, version);
                Ok(())
            }
            (None, Some(place)) => {
                let mut live = self.nodes.iter().filter(|node| node.removed.is_none());
                if let Some(node) = live.find(|node| plain(node.proto.domain()) == plain(domain)) {
                    let node = label(&node.proto);
                    return Err(format!("node `{node}` is of the domain `{domain}`"));
                }
                known.remove(place);
                Ok(())
            }
            (None, None) => Err(format!("the model has no operator set of the domain `{domain}`")),
        }
    }

    pub(super) fn set_metadata(&mut self, key: &str, value: Option<&str>) -> Result<(), String> {
        if key.is_empty() {
            return Err("metadata have a key".to_owned());
        }
        let Some(value) = value else {
            let known = &mut self.header.metadata_props;
            let before = known.len();
            known.retain(|entry| entry.key() != key);
            if known.len() < before {
                return Ok(());
            }
            return Err(format!("the model has no metadata `{key}`"));
        };
        self.header.set_metadata(key, value);
        Ok(())
    }
}
