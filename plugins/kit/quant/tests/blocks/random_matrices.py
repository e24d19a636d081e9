"""Digests of what ONNX Runtime's quantizers make of random matrices.

    python random_matrices.py [SEED [COUNT]] > random_matrices.txt

A line is a matrix and six digests: of the codes, scales and zero points of every grid that the
function knows, `-` where it knows none. Made with onnxruntime 1.32.0, numpy 2.4.6 and ml_dtypes
0.6.0; `random_matrices.rs` makes the same matrices.
"""

import sys

import ml_dtypes
import numpy as np
from onnxruntime.capi._pybind_state import (
    quantize_matmul_4bits,
    quantize_matmul_8bits,
    quantize_qdq_matmul_4bits,
)
from onnxruntime.quantization.matmul_nbits_quantizer import DefaultWeightOnlyQuantizer
from onnxruntime.quantization.neural_compressor.weight_only import (
    pad_tensor,
    quant_tensor,
    quant_tensor_k_quant_cpu,
)

DTYPES = {"f32": np.float32, "f16": np.float16, "bf16": ml_dtypes.bfloat16}
KINDS = ["plain", "wide", "ties", "zeros", "tiny", "large", "outliers", "constant"]
BLOCK_SIZES = [16, 32, 64, 128, 256]


class Random:
    """Knuth's MMIX generator; 16 bits a number."""

    def __init__(self, seed):
        self.state = seed

    def next(self):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        return self.state >> 48

    def choose(self, values):
        return values[self.next() % len(values)]


def matrix(kind, dtype, n, k, seed):
    """`[n, k]` values; exponents keep the range of half precision."""
    random = Random(seed)
    lowest = {"f32": -163, "f16": -38, "bf16": -163}[dtype]
    values = np.empty(n * k, np.float64)
    for index in range(n * k):
        number = random.next()
        column = index % k
        value, block = float(number - 32768), column // 16
        if kind == "plain":
            value *= 2.0**-20
        elif kind == "wide":
            value *= 2.0 ** -(12 + number % 19)
        elif kind == "ties":
            value = float(number % 33 - 16) / 2.0 if column % 16 else -8.0
        elif kind == "zeros":
            value *= 0.0 if block % 3 else 2.0**-16
        elif kind == "tiny":
            value *= 2.0**lowest * (1.0 if block % 2 else 2.0**-8)
        elif kind == "large":
            value *= 2.0**108 if dtype != "f16" else 2.0**-2
        elif kind == "outliers":
            value *= 2.0**-12 if number % 29 == 0 else 2.0**-18
        elif kind == "constant":
            value = float(block - 2) / 4.0
        values[index] = value
    return values.reshape(n, k).astype(np.float32).astype(DTYPES[dtype])


class Digest:
    """FNV-1a, 64 bits."""

    def __init__(self):
        self.value = 0xCBF29CE484222325

    def add(self, array):
        for byte in array.tobytes():
            self.value = (self.value ^ byte) * 0x100000001B3 % 2**64


def rows_of_nibbles(codes, filler):
    """Pairs of codes, the earlier low; a row begins with a byte."""
    if codes.shape[-1] % 2:
        codes = np.concatenate([codes, np.full((*codes.shape[:-1], 1), filler, codes.dtype)], -1)
    return (codes[..., ::2] | codes[..., 1::2] << 4).astype(np.uint8)


def default(weights, block_size, digest):
    n, k = weights.shape
    blocks = -(-k // block_size)
    stored = weights.dtype
    if stored == ml_dtypes.bfloat16:
        weights = weights.astype(np.float32)
    padded = pad_tensor(weights.T.copy(), block_size, blocks)
    for bits, quantize in ((4, quantize_matmul_4bits), (8, quantize_matmul_8bits)):
        for symmetric in (True, False):
            codes = np.zeros((n, blocks, block_size * bits // 8), np.uint8)
            zero_points = np.zeros((n, -(-blocks * bits // 8)), np.uint8)
            scales = np.zeros((n, blocks), weights.dtype)
            quantize(codes, padded, scales, zero_points, block_size, n, k, symmetric)
            if bits == 4 and k % 2:
                codes.reshape(n, -1)[:, k // 2] &= 0x0F  # A left-over that no kernel reads.
            digest.add(codes)
            digest.add(scales.astype(stored))
            if not symmetric:
                digest.add(zero_points)


def qdq(weights, block_size, digest):
    n, k = weights.shape
    blocks = -(-k // block_size)
    stored = weights.dtype
    if stored == ml_dtypes.bfloat16:
        weights = weights.astype(np.float32)
    for symmetric in (True, False):
        codes = np.zeros((n * k + 1) // 2, np.uint8)
        zero_points = np.zeros((n * blocks + 1) // 2, np.uint8)
        scales = np.zeros((blocks, n), weights.dtype)
        quantize_qdq_matmul_4bits(
            codes, weights.T.copy(), scales, zero_points, block_size, n, k, symmetric
        )
        digest.add(codes)
        digest.add(scales.astype(stored))
        if not symmetric:
            digest.add(zero_points)


def rtn(weights, block_size, digest):
    neural_compressor(
        weights,
        block_size,
        digest,
        (True, False),
        lambda rows, bits, symmetric: quant_tensor(
            rows, bits, block_size, "sym" if symmetric else "asym", "uint"
        ),
    )


def k_quant(weights, block_size, digest):
    neural_compressor(
        weights,
        block_size,
        digest,
        (False,),
        lambda rows, bits, _: quant_tensor_k_quant_cpu(rows, bits, block_size),
    )


def neural_compressor(weights, block_size, digest, symmetries, quantize):
    n, k = weights.shape
    blocks = -(-k // block_size)
    padded = pad_tensor(weights.T.copy(), block_size, blocks)
    for bits in (4, 8):
        for symmetric in symmetries:
            codes, scales, zero_points = quantize(padded.T, bits, symmetric)
            codes = codes.astype(np.uint8)
            zero_points = zero_points.reshape(n, blocks)
            digest.add(rows_of_nibbles(codes, 0) if bits == 4 else codes)
            digest.add(scales.astype(weights.dtype))
            if not symmetric:
                digest.add(rows_of_nibbles(zero_points, 8) if bits == 4 else zero_points)


def gather(weights, block_size, digest):
    for symmetric in (True, False):
        codes, scales, zero_points = DefaultWeightOnlyQuantizer.quantize_ndarray(
            weights, 1, block_size, symmetric
        )
        scales[scales == 0] = 0  # Which of zeros with different signs is found depends on numpy.
        digest.add(codes)
        digest.add(scales)
        if not symmetric:
            digest.add(zero_points)


def line(random):
    n = 1 + random.next() % 12
    block_size = random.choose(BLOCK_SIZES)
    k = random.choose([1 + random.next() % 300, block_size, 2 * block_size])
    dtype, kind = random.choose(list(DTYPES)), random.choose(KINDS)
    seed = random.next()
    weights = matrix(kind, dtype, n, k, seed)
    cells = [str(n), str(k), str(block_size), dtype, kind, str(seed)]
    for function in (default, qdq, rtn, k_quant, gather):
        if dtype == "bf16" and function in (rtn, k_quant):
            cells.append("-")
            continue
        digest = Digest()
        function(weights, block_size, digest)
        cells.append(f"{digest.value:016x}")
    return " ".join(cells)


def main():
    random = Random(int(sys.argv[1]) if len(sys.argv) > 1 else 1)
    print("n k block_size dtype kind seed default qdq rtn k_quant gather")
    with np.errstate(all="ignore"):
        for _ in range(int(sys.argv[2]) if len(sys.argv) > 2 else 200):
            print(line(random))


main()
