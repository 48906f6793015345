"""Check: llama.cpp reads what crates/model writes as GGUF, and computes the same.

Needs: xllamacpp (llama.cpp as a Python package), and cargo. Run from the repository's root:
    python scripts/check/gguf_llama_cpp.py
Writes random models of three architectures with crates/engine/examples/gguf_check.rs into a temporary folder and asks llama.cpp for
the ids of texts and for the log-probabilities of the token behind each. Those of qwen3.gguf must be this program's; those of
qwen2.gguf and llama.gguf each other's, because they are one model with the rows of queries and keys in two orders. The chat template
in the file must give the ids that this program gives to a conversation.
"""

import json
import math
import subprocess
import tempfile
import urllib.request
from pathlib import Path

import xllamacpp

TOLERANCE = 1e-4
TOKENIZER = "crates/tokenizer/tests/golden/tokenizer.json"


class Served:
    """A file, served by llama.cpp within this process."""

    def __init__(self, path: Path):
        params = xllamacpp.CommonParams()
        params.model.path = str(path)
        params.n_ctx, params.n_parallel, params.warmup, params.n_gpu_layers = 128, 1, False, 0
        params.cpuparams.n_threads = 1
        params.cache_type_k = params.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32
        # Flash attention rounds to 16 bits: differences of 4e-3.
        params.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
        self.server = xllamacpp.Server(params)

    def ask(self, path: str, **question) -> dict:
        request = urllib.request.Request(self.server.listening_address + path, json.dumps(question).encode(), {"Content-Type": "application/json"})
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    def ids(self, text: str, special: bool = False) -> list[int]:
        return self.ask("/tokenize", content=text, add_special=False, parse_special=special)["tokens"]

    def chat(self, messages: list[dict]) -> list[int]:
        return self.ids(self.ask("/apply-template", messages=messages)["prompt"], special=True)

    def logprobs(self, ids: list[int], vocab_size: int) -> dict[int, float]:
        # The answer is made to be the letter A: llama.cpp gives no probabilities where it ends, or is half a character. They are
        # those before the bias.
        answer = self.ask("/completion", prompt=ids, n_predict=1, n_probs=vocab_size, temperature=0.0, cache_prompt=False, logit_bias=[[32, 100]])
        return {row["id"]: row["logprob"] for row in answer["completion_probabilities"][0]["top_logprobs"]}


def largest(found: dict[int, float], expected: dict[int, float]) -> float:
    assert found.keys() == expected.keys() and len(found) > 500, (len(found), len(expected))
    return max(abs(found[token] - logprob) for token, logprob in expected.items())


with tempfile.TemporaryDirectory() as folder:
    example = ["cargo", "run", "-q", "-p", "engine", "--example", "gguf_check", TOKENIZER, folder]
    subprocess.run(example, check=True)
    expected = json.loads((Path(folder) / "expected.json").read_text())
    rows = expected["texts"]
    answers = {}
    for name in ["qwen3", "qwen2", "llama"]:
        served = Served(Path(folder) / f"{name}.gguf")
        for number, row in enumerate(rows):
            assert served.ids(bytes(row["text"]).decode()) == row["ids"], (name, bytes(row["text"]))
            answers[name, number] = served.logprobs(row["ids"], len(row["logprobs"]))
        chat = served.chat([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Who's there?\n"}])
        assert chat == expected["chat"], (chat, expected["chat"])
        del served
    for number, row in enumerate(rows):
        ours = largest(answers["qwen3", number], dict(enumerate(row["logprobs"])))
        orders = largest(answers["llama", number], answers["qwen2", number])
        print(f"{len(row['ids'])} ids are the same; largest difference of a log-probability: qwen3 {ours:.1e}, llama and qwen2 {orders:.1e}")
        assert ours < TOLERANCE and orders < TOLERANCE and math.isfinite(ours), "llama.cpp computes something else"
