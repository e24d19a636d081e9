//! Optimizers by the names of transformers, and their own settings.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// An optimizer by transformers' name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Optim {
    /// `AdamW`: Loshchilov and Hutter (2017).
    #[default]
    AdamwTorch,
    /// `AdamW` in one kernel.
    AdamwTorchFused,
    /// `AdamW` for XLA devices.
    AdamwTorchXla,
    /// `AdamW` in one kernel of NPUs.
    AdamwTorchNpuFused,
    /// `AdamW` in one kernel of Apex.
    AdamwApexFused,
    /// The `AdamW` that transformers had.
    AdamwHf,
    /// `AdamW` of bitsandbytes with moments that may leave the GPU.
    PagedAdamw,
    /// The same under its other name.
    #[serde(rename = "paged_adamw_32bit")]
    PagedAdamw32bit,
    /// `AdamW` with moments of 8-bit codes in blocks of 256: Dettmers et al. (2021).
    #[serde(rename = "adamw_bnb_8bit")]
    AdamwBnb8bit,
    /// The same under its other name.
    #[serde(rename = "adamw_8bit")]
    Adamw8bit,
    /// The same with moments that may leave the GPU.
    #[serde(rename = "paged_adamw_8bit")]
    PagedAdamw8bit,
    /// Adafactor with the rate as given: Shazeer and Stern (2018).
    Adafactor,
    /// Gradient descent, with momentum by `optim_args`.
    Sgd,
    /// Lion: Chen et al. (2023).
    #[serde(rename = "lion_32bit")]
    Lion32bit,
    /// Lion with moments that may leave the GPU.
    #[serde(rename = "paged_lion_32bit")]
    PagedLion32bit,
    /// Lion with the moment in 8-bit codes in blocks of 256.
    #[serde(rename = "lion_8bit")]
    Lion8bit,
    /// The same with moments that may leave the GPU.
    #[serde(rename = "paged_lion_8bit")]
    PagedLion8bit,
    /// Adagrad: Duchi et al. (2011).
    Adagrad,
    /// `RMSprop` of torch.
    Rmsprop,
}

/// Settings of an optimizer: names and values, such as `momentum=0.9, nesterov=true`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend(
    "pattern" = r"^\s*([A-Za-z_]\w*\s*=\s*[^=,\s]+\s*(,\s*[A-Za-z_]\w*\s*=\s*[^=,\s]+\s*)*)?$",
    "patternErrorMessage" = "write names and values, such as `momentum=0.9, nesterov=true`"
))]
pub struct OptimArgs(Vec<(String, String)>);

/// Why settings of an optimizer could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum OptimArgsError {
    /// Not a name and a value.
    #[error("`{0}` is not a name, `=` and a value")]
    NotAPair(String),
    /// The optimizer has no such setting.
    #[error("`{optim}` has no setting `{name}`")]
    UnknownName {
        /// The optimizer.
        optim: String,
        /// The setting.
        name: String,
    },
    /// The value does not fit.
    #[error("`{name}` is `{value}`, which is not {expected}")]
    Value {
        /// The setting.
        name: String,
        /// What was written.
        value: String,
        /// What is expected.
        expected: &'static str,
    },
}

impl Optim {
    /// The settings that `optim_args` may have.
    pub(crate) const fn own_settings(self) -> &'static [&'static str] {
        match self {
            Self::Sgd => &["momentum", "dampening", "weight_decay", "nesterov"],
            Self::Adagrad => &["lr_decay", "weight_decay", "eps"],
            Self::Rmsprop => &["momentum", "alpha", "eps", "weight_decay", "centered"],
            Self::AdamwTorch
            | Self::AdamwTorchFused
            | Self::AdamwTorchXla
            | Self::AdamwTorchNpuFused
            | Self::AdamwApexFused
            | Self::AdamwHf
            | Self::PagedAdamw
            | Self::PagedAdamw32bit
            | Self::AdamwBnb8bit
            | Self::Adamw8bit
            | Self::PagedAdamw8bit
            | Self::Adafactor
            | Self::Lion32bit
            | Self::PagedLion32bit
            | Self::Lion8bit
            | Self::PagedLion8bit => &[],
        }
    }

    /// The name a config uses.
    pub fn name(self) -> String {
        serde_json::to_value(self)
            .ok()
            .and_then(|name| name.as_str().map(str::to_owned))
            .unwrap_or_default()
    }
}

impl OptimArgs {
    /// Refuses settings that `optim` does not have.
    ///
    /// # Errors
    /// [`OptimArgsError::UnknownName`].
    pub fn check(&self, optim: Optim) -> Result<(), OptimArgsError> {
        let known = optim.own_settings();
        match self.0.iter().find(|(name, _)| !known.contains(&name.as_str())) {
            Some((name, _)) => {
                Err(OptimArgsError::UnknownName { optim: optim.name(), name: name.clone() })
            }
            None => Ok(()),
        }
    }

    /// A number, not negative.
    ///
    /// # Errors
    /// [`OptimArgsError::Value`].
    pub fn number(&self, name: &str) -> Result<Option<f64>, OptimArgsError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        match value.parse::<f64>() {
            Ok(number) if number.is_finite() && number >= 0.0 => Ok(Some(number)),
            _ => Err(bad(name, value, "a number of at least 0")),
        }
    }

    /// A word for yes or no, as transformers reads it.
    ///
    /// # Errors
    /// [`OptimArgsError::Value`].
    pub fn switch(&self, name: &str) -> Result<Option<bool>, OptimArgsError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        match value.to_lowercase().as_str() {
            "true" | "1" | "yes" => Ok(Some(true)),
            "false" | "0" | "no" => Ok(Some(false)),
            _ => Err(bad(name, value, "`true` or `false`")),
        }
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

impl FromStr for OptimArgs {
    type Err = OptimArgsError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text: String = text.split_whitespace().collect();
        if text.is_empty() {
            return Ok(Self::default());
        }
        let pairs = text.split(',').map(|pair| match pair.split_once('=') {
            Some((name, value)) if !name.is_empty() && !value.is_empty() => {
                Ok((name.to_owned(), value.to_owned()))
            }
            _ => Err(OptimArgsError::NotAPair(pair.to_owned())),
        });
        Ok(Self(pairs.collect::<Result<_, _>>()?))
    }
}

impl TryFrom<String> for OptimArgs {
    type Error = OptimArgsError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<OptimArgs> for String {
    fn from(args: OptimArgs) -> Self {
        args.to_string()
    }
}

impl fmt::Display for OptimArgs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pairs: Vec<_> = self.0.iter().map(|(name, value)| format!("{name}={value}")).collect();
        f.write_str(&pairs.join(","))
    }
}

fn bad(name: &str, value: &str, expected: &'static str) -> OptimArgsError {
    OptimArgsError::Value { name: name.to_owned(), value: value.to_owned(), expected }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_refused(optim: Optim, text: &str, expected: &str) {
        let read = text.parse::<OptimArgs>().and_then(|args| {
            args.check(optim)?;
            args.number("momentum")?;
            args.switch("nesterov")?;
            Ok(args)
        });
        assert_eq!(read.unwrap_err().to_string(), expected);
    }

    #[test]
    fn pairs_are_read_as_transformers_does() {
        let args: OptimArgs = " momentum = 0.9 ,nesterov=Yes".parse().unwrap();
        args.check(Optim::Sgd).unwrap();
        assert_eq!(args.number("momentum"), Ok(Some(0.9)));
        assert_eq!(args.switch("nesterov"), Ok(Some(true)));
        assert_eq!(args.number("dampening"), Ok(None));
        assert_eq!(args.to_string(), "momentum=0.9,nesterov=Yes");
        assert_eq!("".parse(), Ok(OptimArgs::default()));
    }

    #[test]
    fn what_does_not_fit_is_named() {
        check_refused(Optim::Sgd, "momentum", "`momentum` is not a name, `=` and a value");
        check_refused(Optim::Lion32bit, "momentum=1", "`lion_32bit` has no setting `momentum`");
        let expected = "`momentum` is `-1`, which is not a number of at least 0";
        check_refused(Optim::Sgd, "momentum=-1", expected);
        let expected = "`nesterov` is `2`, which is not `true` or `false`";
        check_refused(Optim::Sgd, "nesterov=2", expected);
    }
}
