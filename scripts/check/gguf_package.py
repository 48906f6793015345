"""Check: a file written by crates/model is what ggml's own Python package reads.

Needs: gguf, numpy, and cargo. Run from the repository's root:
    python scripts/check/gguf_package.py [FILE.gguf ...]
Takes the files given, or makes one with tensors of every type that there is, lets crates/model/examples/gguf_copy.rs read and write
each, and holds keys, types, shapes, places and bytes of the copy against those of the original, as gguf.GGUFReader gives them.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import gguf
import numpy as np


def make(path: Path) -> None:
    """A file with a tensor of random bytes of each type, and of one to four dimensions."""
    draw = np.random.default_rng(5)
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_array("general.tags", ["one", "zwei", ""])
    writer.add_array("general.numbers", [-1, 2, 3])
    writer.add_float64("general.pi", 3.141592653589793)
    plain = {"F32": np.float32, "F16": np.float16, "F64": np.float64, "I8": np.int8, "I16": np.int16, "I32": np.int32, "I64": np.int64}
    for number, (kind, (block, size)) in enumerate(gguf.constants.GGML_QUANT_SIZES.items()):
        shape = [[], [3], [2, 3], [2, 1, 3]][number % 4]
        if kind.name in plain:
            data = draw.integers(-100, 100, (*shape, 2 * block + 3)).astype(plain[kind.name])
            writer.add_tensor(f"tensor.{kind.name}", data)
        else:
            writer.add_tensor(f"tensor.{kind.name}", draw.integers(0, 256, (*shape, 2 * size), dtype=np.uint8), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def same(one: Path, other: Path) -> str:
    one, other = gguf.GGUFReader(one), gguf.GGUFReader(other)
    assert list(one.fields) == list(other.fields)
    for key, field in one.fields.items():
        assert field.types == other.fields[key].types and field.contents() == other.fields[key].contents(), key
    assert len(one.tensors) == len(other.tensors)
    for first, second in zip(one.tensors, other.tensors):
        assert first[:2] == second[:2] and list(first.shape) == list(second.shape) and first.data_offset == second.data_offset, first.name
        assert first.data.tobytes() == second.data.tobytes(), first.name
    kinds = {tensor.tensor_type for tensor in one.tensors}
    return f"{len(one.fields)} keys and {len(one.tensors)} tensors of {len(kinds)} types are the same"


with tempfile.TemporaryDirectory() as folder:
    originals = [Path(path) for path in sys.argv[1:]]
    if not originals:
        originals = [Path(folder) / "made.gguf"]
        make(originals[0])
    for original in originals:
        copy = Path(folder) / "copy.gguf"
        subprocess.run(["cargo", "run", "-q", "-p", "model", "--example", "gguf_copy", original, copy], check=True)
        print(original.name, same(original, copy))
