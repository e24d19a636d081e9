//! The choice of `SelectiveMixedPrecision`, which goes along with a model.

use std::collections::BTreeMap;

use olive_plugin_api::{Diagnostic, Model};
use serde::{Deserialize, Serialize};

use crate::config::Override;

/// Attribute of a model that holds the choice, as in Olive.
const ATTRIBUTE: &str = "mixed_precision_info";

/// Grids of a model: one for most of its linear layers, and others for some.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MixedPrecision {
    /// What goes before the settings of a quantizer.
    pub(crate) default: Override,
    /// What goes before that, by the path of a module.
    pub(crate) overrides: BTreeMap<String, Override>,
}

impl MixedPrecision {
    /// The choice that comes with a model, if there is one.
    ///
    /// # Errors
    /// When the attribute cannot be read.
    pub(crate) fn of(model: &Model) -> Result<Option<Self>, Diagnostic> {
        let Some(told) = model.model_attributes.get(ATTRIBUTE) else { return Ok(None) };
        Self::deserialize(told).map(Some).map_err(|error| {
            let message = format!("`{ATTRIBUTE}` of the input model cannot be read: {error}");
            let problem = Diagnostic::error("settings", "", message);
            problem.with_help("put `SelectiveMixedPrecision` before this pass, which writes it")
        })
    }

    /// Lets the choice go along with a model.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub(crate) fn attach(&self, model: &mut Model) -> Result<(), serde_json::Error> {
        model.model_attributes.insert(ATTRIBUTE.to_owned(), serde_json::to_value(self)?);
        Ok(())
    }

    /// Its overrides with those of a pass, which go before key by key.
    pub(crate) fn overrides_with(
        &self,
        own: Option<&BTreeMap<String, Override>>,
    ) -> BTreeMap<String, Override> {
        let mut all = self.overrides.clone();
        for (name, own) in own.into_iter().flatten() {
            let chosen = all.get(name).copied().unwrap_or_default();
            all.insert(
                name.clone(),
                Override {
                    bits: own.bits.or(chosen.bits),
                    symmetric: own.symmetric.or(chosen.symmetric),
                    group_size: own.group_size.or(chosen.group_size),
                },
            );
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use olive_plugin_api::ModelKind;
    use serde_json::json;

    use super::*;
    use crate::config::{Bits, GroupSize};

    #[test]
    fn what_is_attached_is_read_and_written_as_in_olive() {
        let mut model = Model::new(ModelKind::Hf, "model");
        assert_eq!(MixedPrecision::of(&model).unwrap(), None);
        let high = Override { bits: Some(Bits::Eight), ..Override::default() };
        let choice = MixedPrecision {
            default: Override { bits: Some(Bits::Four), ..Override::default() },
            overrides: BTreeMap::from([("lm_head".to_owned(), high)]),
        };
        choice.attach(&mut model).unwrap();
        let written = json!({"default": {"bits": 4}, "overrides": {"lm_head": {"bits": 8}}});
        assert_eq!(model.model_attributes[ATTRIBUTE], written);
        assert_eq!(MixedPrecision::of(&model).unwrap(), Some(choice));
        model.model_attributes.insert(ATTRIBUTE.to_owned(), json!({"default": {"bits": 5}}));
        assert!(MixedPrecision::of(&model).unwrap_err().message.contains("codes of 5 bits"));
    }

    #[test]
    fn overrides_of_a_pass_go_before_key_by_key() {
        let high = Override { bits: Some(Bits::Eight), ..Override::default() };
        let overrides = BTreeMap::from([("a".to_owned(), high), ("b".to_owned(), high)]);
        let choice = MixedPrecision { overrides, ..MixedPrecision::default() };
        let own = Override { group_size: Some(GroupSize::Inputs(16)), ..Override::default() };
        let all = choice.overrides_with(Some(&BTreeMap::from([("b".to_owned(), own)])));
        assert_eq!(all["a"], high);
        assert_eq!(all["b"], Override { group_size: own.group_size, ..high });
    }
}
