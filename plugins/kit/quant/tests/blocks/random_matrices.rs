//! 200 random matrices, packed as ONNX Runtime's quantizers pack them: `random_matrices.py` made
//! the digests, and makes others where `OLIVE_ORT_PYTHON` names a Python with onnxruntime.

use std::path::Path;
use std::process::Command;

use olive_kit_quant::{
    Bits, BlockFormat, BlockQuantized, Int4Matrix, QuantError, Rounding, ScaleType,
};

#[test]
fn the_digests_are_those_of_onnx_runtime() {
    assert_eq!(check(include_str!("random_matrices.txt")), 200);
}

#[test]
fn other_matrices_are_packed_as_the_onnx_runtime_of_this_machine_does() {
    let Some(python) = std::env::var_os("OLIVE_ORT_PYTHON") else {
        return println!("skipped: OLIVE_ORT_PYTHON names no Python with onnxruntime");
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/blocks/random_matrices.py");
    let output = Command::new(python).arg(script).args(["2", "400"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(check(&String::from_utf8(output.stdout).unwrap()), 400);
}

/// Compares the digests of all lines and says of how many matrices.
fn check(lines: &str) -> usize {
    let matrices = lines.lines().skip(1).map(Matrix::parse);
    let wrong: Vec<String> = matrices.clone().filter_map(|matrix| matrix.difference()).collect();
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
    matrices.count()
}

struct Matrix {
    line: String,
    n: usize,
    k: usize,
    block_size: usize,
    scale_type: ScaleType,
    weights: Vec<f32>,
    /// `default qdq rtn k_quant gather`
    digests: [Option<u64>; 5],
}

impl Matrix {
    fn parse(line: &str) -> Self {
        let cells: Vec<&str> = line.split(' ').collect();
        let number = |at: usize| cells[at].parse::<usize>().unwrap();
        let (n, k) = (number(0), number(1));
        let scale_type = match cells[3] {
            "f32" => ScaleType::F32,
            "f16" => ScaleType::F16,
            "bf16" => ScaleType::Bf16,
            other => panic!("{other}"),
        };
        let mut random = Random(u64::try_from(number(5)).unwrap());
        let value = |index| value(cells[4], scale_type, index % k, random.next());
        Self {
            line: cells[..6].join(" "),
            n,
            k,
            block_size: number(2),
            scale_type,
            weights: (0..n * k).map(value).collect(),
            digests: std::array::from_fn(|at| u64::from_str_radix(cells[6 + at], 16).ok()),
        }
    }

    /// Names of the quantizers that give other bytes.
    fn difference(&self) -> Option<String> {
        let ours = [
            self.blocks(Rounding::Default, &[Bits::Four, Bits::Eight], &[true, false]),
            self.qdq(),
            self.blocks(Rounding::Rtn, &[Bits::Four, Bits::Eight], &[true, false]),
            self.blocks(Rounding::KQuant, &[Bits::Four, Bits::Eight], &[true]),
            self.gather(),
        ];
        let names = ["default", "qdq", "rtn", "k_quant", "gather"];
        let pairs = names.iter().zip(ours.iter().zip(&self.digests));
        let wrong = pairs.filter(|(_, (ours, expected))| ours != expected);
        let wrong: Vec<&str> = wrong.map(|(name, _)| *name).collect();
        (!wrong.is_empty()).then(|| format!("{}: {}", self.line, wrong.join(", ")))
    }

    fn blocks(&self, rounding: Rounding, bits: &[Bits], symmetries: &[bool]) -> Option<u64> {
        let mut digest = Digest::default();
        for &bits in bits {
            for &is_symmetric in symmetries {
                let matrix = self.quantize(bits, is_symmetric, rounding).ok()?;
                let zero_points = matrix.zero_points.as_deref().unwrap_or_default();
                digest.add([&matrix.qweight, &matrix.scales, zero_points]);
            }
        }
        Some(digest.0)
    }

    fn qdq(&self) -> Option<u64> {
        let mut digest = Digest::default();
        for is_symmetric in [true, false] {
            let (shape, fill) = ([self.n, self.k], |row, out: &mut [f32]| self.fill(row, out));
            let matrix =
                Int4Matrix::for_matmul(shape, self.block_size, is_symmetric, self.scale_type, fill);
            digest.add_int4(&matrix.ok()?);
        }
        Some(digest.0)
    }

    fn gather(&self) -> Option<u64> {
        let mut digest = Digest::default();
        for is_symmetric in [true, false] {
            let (shape, fill) = ([self.n, self.k], |row, out: &mut [f32]| self.fill(row, out));
            let mut matrix =
                Int4Matrix::for_gather(shape, self.block_size, is_symmetric, self.scale_type, fill)
                    .ok()?;
            clear_sign_of_zeros(self.scale_type, &mut matrix.scales);
            digest.add_int4(&matrix);
        }
        Some(digest.0)
    }

    fn quantize(
        &self,
        bits: Bits,
        is_symmetric: bool,
        rounding: Rounding,
    ) -> Result<BlockQuantized, QuantError> {
        let format = BlockFormat { bits, block_size: self.block_size, is_symmetric };
        let fill = |row, out: &mut [f32]| self.fill(row, out);
        BlockQuantized::from_rows(self.n, self.k, format, rounding, self.scale_type, fill)
    }

    fn fill(&self, row: usize, out: &mut [f32]) {
        out.copy_from_slice(&self.weights[row * self.k..][..self.k]);
    }
}

/// Which of zeros with different signs is the extreme of a block depends on the vectors that numpy
/// was compiled for.
fn clear_sign_of_zeros(scale_type: ScaleType, scales: &mut [u8]) {
    for scale in scales.chunks_exact_mut(scale_type.size_bytes()) {
        if let [rest @ .., 0x80] = scale
            && rest.iter().all(|byte| *byte == 0)
        {
            scale.fill(0);
        }
    }
}

/// The value that the script's `matrix` makes of a random `number`, as f32.
#[expect(clippy::cast_possible_truncation, reason = "the script rounds to f32 too")]
fn value(kind: &str, scale_type: ScaleType, column: usize, number: u16) -> f32 {
    let (centered, block) = (f64::from(number) - 32768.0, column / 16);
    let is_half = scale_type == ScaleType::F16;
    let number = i32::from(number);
    let value = match kind {
        "plain" => centered * 2_f64.powi(-20),
        "wide" => centered * 2_f64.powi(-(12 + number % 19)),
        "ties" if column.is_multiple_of(16) => -8.0,
        "ties" => f64::from(number % 33 - 16) / 2.0,
        "zeros" => centered * if block % 3 == 0 { 2_f64.powi(-16) } else { 0.0 },
        "tiny" => {
            let lowest = 2_f64.powi(if is_half { -38 } else { -163 });
            centered * lowest * if block % 2 == 0 { 2_f64.powi(-8) } else { 1.0 }
        }
        "large" => centered * 2_f64.powi(if is_half { -2 } else { 108 }),
        "outliers" => centered * 2_f64.powi(if number % 29 == 0 { -12 } else { -18 }),
        "constant" => (f64::from(u32::try_from(block).unwrap()) - 2.0) / 4.0,
        other => panic!("{other}"),
    };
    value as f32
}

/// Knuth's MMIX generator; 16 bits a number.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u16 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u16::try_from(self.0 >> 48).unwrap()
    }
}

/// FNV-1a, 64 bits.
struct Digest(u64);

impl Default for Digest {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Digest {
    fn add(&mut self, parts: [&[u8]; 3]) {
        for byte in parts.into_iter().flatten() {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn add_int4(&mut self, matrix: &Int4Matrix) {
        let zero_points = matrix.zero_points.as_deref().unwrap_or_default();
        self.add([&matrix.codes, &matrix.scales, zero_points]);
    }
}
