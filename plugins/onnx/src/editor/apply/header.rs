//! Edits of what stands beside the graph: operator sets and metadata.

use super::super::parts::Parts;

impl Parts {
    pub(super) fn set_opset(&mut self, domain: &str, version: Option<i64>) -> Result<(), String> {
        let known = &mut self.header.opset_import;
        match version {
            Some(version) if version < 1 => Err(format!("{version} is no version")),
            Some(version) => {
                self.header.set_opset(domain, version);
                Ok(())
            }
            None => {
                let before = known.len();
                known.retain(|opset| opset.domain() != domain);
                if known.len() < before {
                    return Ok(());
                }
                Err(format!("the model has no operator set of the domain `{domain}`"))
            }
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
