"""Golden file for crates/tensor: blocks of every quantised format, as the gguf package and ggml itself make and read them.

Needs: gguf, numpy, xllamacpp (for ggml's K-quants, called through its library). Run from the repository's root:
    python scripts/golden/quants.py
Writes crates/tensor/tests/golden/quants.txt: lines of a name and bytes in hexadecimal. `values` are numbers as f32;
`FORMAT written` the bytes that the outside writer makes of them (the gguf package; ggml for Q4_K, Q5_K and Q6_K);
`FORMAT bytes` random blocks, `FORMAT read` the f32 that the gguf package reads in them.
"""

import ctypes
from pathlib import Path

import gguf
import numpy as np
import xllamacpp
from gguf import GGMLQuantizationType as Type

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "crates/tensor/tests/golden/quants.txt"
TYPES = [Type.F16, Type.BF16, Type.Q8_0, Type.Q4_0, Type.Q5_0, Type.Q4_K, Type.Q5_K, Type.Q6_K]
GGML = ctypes.CDLL(str(next(Path(xllamacpp.__file__).parent.glob("*.so"))))
GGML.ggml_quantize_chunk.restype = ctypes.c_size_t
GGML.ggml_quantize_chunk.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p] + 3 * [ctypes.c_int64] + [ctypes.c_void_p]


def values(rng):
    """Kinds of weights, 256 of each block: normal, with outliers, one-sided, with equal and with zero groups, tiny and large."""
    normal = rng.standard_normal((8, 256))
    kinds = [normal[:2] * 0.02, normal[2:4] ** 3, np.abs(normal[4:5]) + 0.5, -np.abs(normal[5:6]), normal[6:7] * 1e-6, normal[7:8] * 300.0]
    mixed = rng.standard_normal((1, 256))
    mixed[0, :32], mixed[0, 32:64], mixed[0, 64:96] = 0.0, 0.25, -0.25
    return np.concatenate([*kinds, mixed, np.zeros((1, 256))]).astype(np.float32)


def written(x, kind, block_len, block_bytes):
    if not kind.name.endswith("_K"):
        return gguf.quants.quantize(x, kind).view(np.uint8)
    out = np.zeros(x.size // block_len * block_bytes, dtype=np.uint8)
    done = GGML.ggml_quantize_chunk(int(kind), x.ctypes.data, out.ctypes.data, 0, 1, x.size, None)
    assert done == out.size
    return out


def random_blocks(rng, kind, n_blocks, block_bytes):
    """Any bytes are levels; the binary16 scales are kept finite."""
    blocks = rng.integers(0, 256, (n_blocks, block_bytes), dtype=np.uint8)
    places = {"Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208]}.get(kind.name, [0])
    for place in places:
        blocks[:, place : place + 2] = (rng.standard_normal(n_blocks) * 0.1).astype(np.float16).view(np.uint8).reshape(n_blocks, 2)
    return blocks


def main():
    rng = np.random.default_rng(7)
    x = values(rng)
    lines = [f"values {x.tobytes().hex()}"]
    for kind in TYPES:
        block_len, block_bytes = gguf.GGML_QUANT_SIZES[kind]
        lines.append(f"{kind.name} written {written(x, kind, block_len, block_bytes).tobytes().hex()}")
        blocks = random_blocks(rng, kind, 512 // block_len, block_bytes)
        read = gguf.quants.dequantize(blocks.reshape(-1), kind).astype(np.float32)
        lines += [f"{kind.name} bytes {blocks.tobytes().hex()}", f"{kind.name} read {read.tobytes().hex()}"]
    GOLDEN.parent.mkdir(parents=True, exist_ok=True)
    GOLDEN.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
