"""Check: files that other tools write load here and compute what llama.cpp computes from the same file.

Needs: gguf, numpy, xllamacpp (llama.cpp as a Python package), and cargo. Run from the repository's root:
    python scripts/check/gguf_of_others.py
Random weights are written with the gguf package as llama.cpp's convert_hf_to_gguf.py and llama-quantize lay them out: their keys, also those
that mean nothing here, names of tensors and which are kept in 32 bits, the divisors of Llama 3's frequencies, and the mixed types of Q8_0, Q4_0,
Q4_K_M, Q5_K_M and Q6_K (`llama_tensor_get_type` in llama.cpp, as of 2026); the tensors in any order, on multiples of 64 bytes.
crates/engine/examples/gguf_check.rs reads them. Ids of texts must be the same; log-probabilities too, up to what rounding activations to eight bits
makes of them, which both do and not in the same way. What is refused must be refused by its name.
"""

import json
import subprocess
import tempfile
from pathlib import Path

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Kind

from llama_cpp import Served, difference

WIDTH, HEADS, KV_HEADS, HEAD, FFN, LAYERS, CONTEXT = 256, 4, 2, 64, 512, 8, 128
TOKENIZER = json.loads(Path("crates/tokenizer/tests/golden/tokenizer.json").read_text())
SPREAD = 0.06  # of the weights
# The largest mean difference of log-probabilities. llama.cpp rounds activations to 16 bits beside weights of 16 bits, and has a table for
# GPT-2's activation.
LIMITS = {"F32": 2e-3, "F16": 2e-3, "BF16": 0.02, "Q8_0": 0.08, "Q6_K": 0.08, "Q5_K_M": 0.08, "Q4_K_M": 0.08, "Q4_0": 0.08}
TEMPLATE = "{% for message in messages %}<|im_start|>{{ message.role }}<|im_sep|>{{ message.content }}<|im_end|>{% endfor %}"


def more_bits(layer: int) -> bool:
    return layer < LAYERS // 8 or layer >= 7 * LAYERS // 8 or (layer - LAYERS // 8) % 3 == 2


def kind_of(name: str, recipe: str, tied: bool) -> Kind:
    """The type of a matrix in a recipe."""
    if recipe in ("F32", "F16", "BF16", "Q8_0", "Q6_K"):
        return Kind[recipe]
    if name == "output.weight" or tied and name == "token_embd.weight":
        return Kind.Q6_K
    if recipe == "Q4_0":
        return Kind.Q4_0
    layer = int(name.split(".")[1]) if name.startswith("blk.") else 0
    finer, plain = (Kind.Q5_K, Kind.Q4_K) if recipe == "Q4_K_M" else (Kind.Q6_K, Kind.Q5_K)
    if "attn_qkv" in name:
        return finer
    if ("attn_v" in name or "ffn_down" in name) and more_bits(layer):
        return Kind.Q6_K
    return plain


def blocks(draw: np.random.Generator, kind: Kind, rows: int, cols: int) -> np.ndarray:
    """Random weights in the blocks of a type. The package has no encoder of the K types: their levels and scales are drawn."""
    if kind not in (Kind.Q4_K, Kind.Q5_K, Kind.Q6_K):
        return gguf.quants.quantize(draw.normal(0, SPREAD, (rows, cols)).astype(np.float32), kind)
    n = rows * cols // 256
    as_bytes = lambda scale: np.full((n, 1), scale, np.float16).view(np.uint8)
    level = lambda size: draw.integers(0, 256, (n, size), dtype=np.uint8)
    if kind == Kind.Q6_K:
        scales = draw.integers(-60, 61, (n, 16), dtype=np.int8).view(np.uint8)
        parts = [level(128), level(64), scales, as_bytes(SPREAD / 18 / 35)]
    else:
        levels = 15 if kind == Kind.Q4_K else 31
        scale = SPREAD / 36 / (levels * 0.3)
        # Scale and minimum of 32 weights are the same number of six bits, so that the weights are around zero.
        six = draw.integers(1, 64, (n, 8), dtype=np.uint8)
        low = six[:, :4] | six[:, 4:] >> 4 << 6
        packed = [low, low, six[:, 4:] & 15 | (six[:, 4:] & 15) << 4]
        parts = [as_bytes(scale), as_bytes(scale * levels / 2), *packed, level(32 if kind == Kind.Q5_K else 0), level(128)]
    size = gguf.GGML_QUANT_SIZES[kind][1]
    return np.concatenate(parts, axis=1).reshape(rows, cols // 256 * size)


def vocabulary(writer: gguf.GGUFWriter, rows: int, pre: str) -> None:
    """The keys of our golden vocabulary, as SpecialVocab writes them."""
    tokens = [f"[PAD{token}]" for token in range(rows)]
    types = [gguf.TokenType.UNUSED] * rows
    for token, number in TOKENIZER["model"]["vocab"].items():
        tokens[number], types[number] = token, gguf.TokenType.NORMAL
    for added in TOKENIZER["added_tokens"]:
        tokens[added["id"]], types[added["id"]] = added["content"], gguf.TokenType.CONTROL
    # Not all of our special tokens: then it would be taken for a vocabulary of our own, which brings texts into normal form C.
    lost = tokens.index("<think>")
    tokens[lost], types[lost] = "<thought>", gguf.TokenType.USER_DEFINED
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_token_merges([merge if isinstance(merge, str) else " ".join(merge) for merge in TOKENIZER["model"]["merges"]])
    writer.add_bos_token_id(tokens.index("<|endoftext|>"))
    writer.add_eos_token_id(tokens.index("<|endoftext|>"))
    writer.add_eot_token_id(tokens.index("<|im_end|>"))
    writer.add_pad_token_id(tokens.index("<|endoftext|>"))
    writer.add_chat_template(TEMPLATE)


def general(writer: gguf.GGUFWriter, recipe: str) -> None:
    writer.add_type(gguf.GGUFType.MODEL)
    writer.add_name("Others Small Instruct")
    writer.add_finetune("Instruct")
    writer.add_basename("Others")
    writer.add_size_label("3M")
    writer.add_license("apache-2.0")
    writer.add_base_model_count(1)
    writer.add_base_model_name(0, "Others Small")
    writer.add_base_model_organization(0, "Others")
    writer.add_base_model_repo_url(0, "https://example.org/others/small")
    writer.add_tags(["chat", "text-generation"])
    writer.add_languages(["en", "de"])
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    kinds = {"F32": "ALL_F32", "F16": "MOSTLY_F16", "BF16": "MOSTLY_BF16"}
    writer.add_file_type(gguf.LlamaFileType[kinds.get(recipe, f"MOSTLY_{recipe}")])
    # What llama-quantize adds with an importance matrix, and keys of nobody that is known.
    writer.add_string("quantize.imatrix.file", "imatrix.gguf")
    writer.add_uint32("quantize.imatrix.entries_count", 56)
    writer.add_array("others.numbers", [1, -2, 3])
    writer.add_array("others.shares", [0.5, 0.25])
    writer.add_array("others.answers", [True, False])
    writer.add_float64("others.pi", 3.141592653589793)
    writer.add_uint64("others.large", 1 << 40)


def frequencies() -> np.ndarray:
    """The divisors of Llama 3.1."""
    turns = 500_000.0 ** (-np.arange(0, HEAD, 2) / HEAD)
    lengths = 2 * np.pi / turns
    smooth = (8192 / lengths - 1) / (4 - 1)
    between = 1 / ((1 - smooth) / 8 + smooth)
    return np.where(lengths < 8192 / 4, 1, np.where(lengths > 8192, 8, between)).astype(np.float32)


def write(path: Path, architecture: str, recipe: str, pre: str, tied: bool, seed: int, more=lambda writer: None) -> None:
    draw = np.random.default_rng(seed)
    rows = max(added["id"] for added in TOKENIZER["added_tokens"]) + 4
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_custom_alignment(64)
    general(writer, recipe)
    is_gpt2 = architecture == "gpt2"
    writer.add_block_count(LAYERS)
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(FFN)
    writer.add_head_count(HEADS)
    if is_gpt2:
        writer.add_layer_norm_eps(1e-5)
    else:
        writer.add_head_count_kv(KV_HEADS)
        writer.add_layer_norm_rms_eps(1e-6)
        writer.add_rope_freq_base(500_000.0 if architecture == "llama" else 1e6)
    if architecture == "llama":
        writer.add_vocab_size(rows)
        writer.add_rope_dimension_count(HEAD)
    if architecture == "qwen3":
        writer.add_key_length(HEAD)
        writer.add_value_length(HEAD)
    vocabulary(writer, rows, pre)
    more(writer)

    tensors: dict[str, tuple[np.ndarray, Kind]] = {}

    def matrix(name: str, outs: int, depth: int) -> None:
        kind = kind_of(name, recipe, tied)
        tensors[name] = blocks(draw, kind, outs, depth), kind

    def vector(name: str, size: int, around: float) -> None:
        tensors[name] = draw.normal(around, 0.1, size).astype(np.float32), Kind.F32

    matrix("token_embd.weight", rows, WIDTH)
    if not tied:
        matrix("output.weight", rows, WIDTH)
    vector("output_norm.weight", WIDTH, 1)
    if is_gpt2:
        vector("output_norm.bias", WIDTH, 0)
        tensors["position_embd.weight"] = draw.normal(0, SPREAD, (CONTEXT, WIDTH)).astype(np.float32), Kind.F32
    if architecture == "llama":
        tensors["rope_freqs.weight"] = frequencies(), Kind.F32
    for layer in range(LAYERS):
        at = f"blk.{layer}."
        vector(at + "attn_norm.weight", WIDTH, 1)
        vector(at + "ffn_norm.weight", WIDTH, 1)
        if is_gpt2:
            shapes = {"attn_qkv": (3 * WIDTH, WIDTH), "attn_output": (WIDTH, WIDTH), "ffn_up": (FFN, WIDTH), "ffn_down": (WIDTH, FFN)}
            vector(at + "attn_norm.bias", WIDTH, 0)
            vector(at + "ffn_norm.bias", WIDTH, 0)
        else:
            shapes = {"attn_q": (HEADS * HEAD, WIDTH), "attn_k": (KV_HEADS * HEAD, WIDTH), "attn_v": (KV_HEADS * HEAD, WIDTH),
                      "attn_output": (WIDTH, HEADS * HEAD), "ffn_gate": (FFN, WIDTH), "ffn_up": (FFN, WIDTH), "ffn_down": (WIDTH, FFN)}
        for name, (outs, depth) in shapes.items():
            matrix(f"{at}{name}.weight", outs, depth)
            if is_gpt2 or architecture == "qwen2" and name in ("attn_q", "attn_k", "attn_v"):
                vector(f"{at}{name}.bias", outs, 0)
        if architecture == "qwen3":
            vector(at + "attn_q_norm.weight", HEAD, 1)
            vector(at + "attn_k_norm.weight", HEAD, 1)
    names = list(tensors)
    draw.shuffle(names)
    for name in names:
        data, kind = tensors[name]
        plain = data.dtype in (np.float32, np.float16)
        writer.add_tensor(name, data, raw_dtype=None if plain else kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def split(writer: gguf.GGUFWriter) -> None:
    writer.add_uint16("split.no", 0)
    writer.add_uint16("split.count", 2)
    writer.add_int32("split.tensors.count", 100)


def ours(paths: list[Path]) -> list[dict]:
    example = ["cargo", "run", "-q", "--release", "-p", "engine", "--example", "gguf_check", *paths]
    return [json.loads(line) for line in subprocess.run(example, check=True, capture_output=True, text=True).stdout.splitlines()]


FILES = [
    ("llama", "Q4_K_M", "llama-bpe", False), ("llama", "Q4_0", "smollm", True), ("llama", "Q6_K", "tekken", False), ("llama", "F16", "seed-coder", True),
    ("qwen2", "Q4_K_M", "qwen2", True), ("qwen2", "Q5_K_M", "deepseek-r1-qwen", False), ("qwen2", "Q8_0", "megrez", True),
    ("qwen3", "Q4_K_M", "qwen2", True), ("qwen3", "Q5_K_M", "qwen35", True), ("qwen3", "BF16", "qwen2", False),
    ("gpt2", "Q4_K_M", "gpt-2", False), ("gpt2", "Q5_K_M", "gpt-2", False), ("gpt2", "F32", "starcoder", True),
]
REFUSED = {
    "split": (split, "it is one of 2 parts of a model"),
    "window": (lambda writer: writer.add_sliding_window(16), "qwen2.attention.sliding_window is 16"),
    "yarn": (lambda writer: writer.add_rope_scaling_type(gguf.RopeScalingType.YARN), "qwen2.rope.scaling.type is \"yarn\""),
}

with tempfile.TemporaryDirectory() as folder:
    paths = []
    for number, (architecture, recipe, pre, tied) in enumerate(FILES):
        paths.append(Path(folder) / f"{architecture}-{recipe}-{pre}.gguf")
        write(paths[-1], architecture, recipe, pre, tied, number)
    for (architecture, recipe, pre, _), path, found in zip(FILES, paths, ours(paths)):
        assert "refused" not in found, (path.name, found)
        served = Served(path)
        largest, means, same = 0.0, [], 0
        for row in found["texts"]:
            assert served.ids(row["text"]) == row["ids"], (path.name, row["text"])
            assert served.ids(row["text"], start=True) == row["prompt"], (path.name, row["text"], served.ids(row["text"], start=True), row["prompt"])
            most, mean = difference(served.logprobs(row["ids"], 4000), row["logprobs"])
            largest, same = max(largest, most), same + (served.goes_on(row["ids"], len(row["goes_on"])) == row["goes_on"])
            means.append(mean)
        mean = sum(means) / len(means)
        print(f"{path.name:32} log-probabilities differ by {largest:.1e} at most, {mean:.1e} in the mean; {same} of {len(means)} continuations are the same")
        assert mean < LIMITS[recipe], path.name
        del served
    refused = []
    for name, (more, _) in REFUSED.items():
        refused.append(Path(folder) / f"{name}.gguf")
        write(refused[-1], "qwen2", "Q8_0", "qwen2", True, 1, more)
    for path, found, (_, expected) in zip(refused, ours(refused), REFUSED.values()):
        assert expected in found.get("refused", ""), (path.name, expected, found.get("refused", "it loads"))
        print(f"{path.name:32} {found['refused'].removeprefix(folder)}")
