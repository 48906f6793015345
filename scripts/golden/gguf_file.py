"""Golden file for crates/model: a GGUF file as ggml's own Python package writes it, with every type of value.

Needs: gguf, numpy. Run from the repository's root:
    python scripts/golden/gguf_file.py
Its name is not gguf.py, which would hide the package. Writes crates/model/tests/golden/gguf/: tiny.gguf, a model of Qwen3's shape with a vocabulary of bytes and a few merges,
and expected.json, what was put into it: keys with their types, tensors with shape, type and bytes in hex.
"""

import json
from pathlib import Path

import gguf
import numpy as np

GOLDEN = Path(__file__).resolve().parents[2] / "crates/model/tests/golden/gguf"
T = gguf.GGUFValueType
Q8_0 = gguf.GGMLQuantizationType.Q8_0
F16 = gguf.GGMLQuantizationType.F16

HIDDEN, MLP, HEADS, KV_HEADS, HEAD = 32, 64, 2, 1, 16


def alphabet() -> list[str]:
    """GPT-2's letters for the bytes, in the order of their ids."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return [chr(byte) for byte in printable] + [chr(256 + i) for i in range(len(others))]


def values(seed: int, *shape: int) -> np.ndarray:
    """Numbers between -1 and 1 that every format here holds without loss, but for Q8_0."""
    n = int(np.prod(shape))
    return (((np.arange(n) * (2 * seed + 7) + seed) % 255 - 127) / 128).astype(np.float32).reshape(shape)


def main() -> None:
    GOLDEN.mkdir(parents=True, exist_ok=True)
    tokens = [*alphabet(), "th", "Ġth", "the", "Ġthe", "<|im_start|>", "<|im_end|>", "<|endoftext|>", "[PAD263]"]
    types = [1] * 260 + [3] * 3 + [5]
    keys = [
        ("general.name", T.STRING, None, "Tiny, für Prüfungen"),
        ("general.alignment", T.UINT32, None, 64),
        ("qwen3.context_length", T.UINT32, None, 96),
        ("qwen3.embedding_length", T.UINT32, None, HIDDEN),
        ("qwen3.block_count", T.UINT32, None, 1),
        ("qwen3.feed_forward_length", T.UINT32, None, MLP),
        ("qwen3.attention.head_count", T.UINT32, None, HEADS),
        ("qwen3.attention.head_count_kv", T.UINT32, None, KV_HEADS),
        ("qwen3.attention.key_length", T.UINT32, None, HEAD),
        ("qwen3.attention.value_length", T.UINT32, None, HEAD),
        ("qwen3.attention.layer_norm_rms_epsilon", T.FLOAT32, None, float(np.float32(1e-6))),
        ("qwen3.rope.freq_base", T.FLOAT32, None, 1e6),
        ("tokenizer.ggml.model", T.STRING, None, "gpt2"),
        ("tokenizer.ggml.pre", T.STRING, None, "qwen2"),
        ("tokenizer.ggml.tokens", T.ARRAY, T.STRING, tokens),
        ("tokenizer.ggml.token_type", T.ARRAY, T.INT32, types),
        ("tokenizer.ggml.merges", T.ARRAY, T.STRING, ["t h", "Ġ th", "th e", "Ġth e"]),
        ("tokenizer.ggml.bos_token_id", T.UINT32, None, 262),
        ("tokenizer.ggml.eos_token_id", T.UINT32, None, 261),
        ("tokenizer.ggml.padding_token_id", T.UINT32, None, 262),
        ("tokenizer.ggml.add_bos_token", T.BOOL, None, False),
        ("tokenizer.chat_template", T.STRING, None, "{{ messages }}"),
        ("types.u8", T.UINT8, None, 255),
        ("types.i8", T.INT8, None, -128),
        ("types.u16", T.UINT16, None, 65535),
        ("types.i16", T.INT16, None, -32768),
        ("types.u32", T.UINT32, None, 2**32 - 1),
        ("types.i32", T.INT32, None, -(2**31)),
        ("types.f32", T.FLOAT32, None, float(np.float32(0.1))),
        ("types.u64", T.UINT64, None, 2**64 - 1),
        ("types.i64", T.INT64, None, -(2**63)),
        ("types.f64", T.FLOAT64, None, 0.1),
        ("types.bool", T.BOOL, None, True),
        ("arrays.u8", T.ARRAY, T.UINT8, [0, 255]),
        ("arrays.i8", T.ARRAY, T.INT8, [-128, 127]),
        ("arrays.u16", T.ARRAY, T.UINT16, [0, 65535]),
        ("arrays.i16", T.ARRAY, T.INT16, [-32768, 32767]),
        ("arrays.u32", T.ARRAY, T.UINT32, [0, 2**32 - 1]),
        ("arrays.u64", T.ARRAY, T.UINT64, [0, 2**64 - 1]),
        ("arrays.i64", T.ARRAY, T.INT64, [-(2**63), 2**63 - 1]),
        ("arrays.f32", T.ARRAY, T.FLOAT32, [0.5, float(np.float32(-1e-30))]),
        ("arrays.f64", T.ARRAY, T.FLOAT64, [0.1, 1e300]),
        ("arrays.bool", T.ARRAY, T.BOOL, [True, False, True]),
    ]
    tensors = [
        ("token_embd.weight", values(1, len(tokens), HIDDEN), Q8_0),
        ("output_norm.weight", values(2, HIDDEN), None),
        ("blk.0.attn_norm.weight", values(3, HIDDEN), None),
        ("blk.0.attn_q.weight", values(4, HEADS * HEAD, HIDDEN), Q8_0),
        ("blk.0.attn_k.weight", values(5, KV_HEADS * HEAD, HIDDEN), F16),
        ("blk.0.attn_v.weight", values(6, KV_HEADS * HEAD, HIDDEN), None),
        ("blk.0.attn_output.weight", values(7, HIDDEN, HEADS * HEAD), Q8_0),
        ("blk.0.attn_q_norm.weight", values(8, HEAD), None),
        ("blk.0.attn_k_norm.weight", values(9, HEAD), None),
        ("blk.0.ffn_norm.weight", values(10, HIDDEN), None),
        ("blk.0.ffn_gate.weight", values(11, MLP, HIDDEN), Q8_0),
        ("blk.0.ffn_up.weight", values(12, MLP, HIDDEN), Q8_0),
        ("blk.0.ffn_down.weight", values(13, HIDDEN, MLP), Q8_0),
    ]

    writer = gguf.GGUFWriter(GOLDEN / "tiny.gguf", "qwen3")
    for key, kind, element, value in keys:
        if key == "general.alignment":
            writer.add_custom_alignment(value)
        else:
            writer.add_key_value(key, value, kind, element)
    described = []
    for name, data, kind in tensors:
        if kind == Q8_0:
            stored = gguf.quants.quantize(data, Q8_0)
            writer.add_tensor(name, stored, raw_dtype=Q8_0)
        else:
            stored = data.astype(np.float16) if kind == F16 else data
            writer.add_tensor(name, stored)
        type_name = kind.name if kind is not None else "F32"
        described.append({"name": name, "shape": list(data.shape), "type": type_name, "hex": stored.tobytes().hex()})
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()

    put = [("general.architecture", T.STRING, None, "qwen3"), *keys]
    listed = [{"key": key, "type": kind.name, "element": element.name if element is not None else None, "value": value}
              for key, kind, element, value in put]
    rows = {"keys": listed, "tensors": described}
    text = ",\n".join(f'"{part}": [\n' + ",\n".join(json.dumps(row, ensure_ascii=True) for row in rows[part]) + "\n]" for part in rows)
    (GOLDEN / "expected.json").write_text("{" + text + "}\n", encoding="utf-8")
    print((GOLDEN / "tiny.gguf").stat().st_size, "bytes,", len(listed), "keys,", len(tensors), "tensors")


main()
