"""llama.cpp for the checks beside this file: a GGUF file, served within the process and asked over HTTP.

Needs: xllamacpp (llama.cpp as a Python package).
"""

import json
import urllib.request
from pathlib import Path

import xllamacpp


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

    def ids(self, text: str, special: bool = False, start: bool = False) -> list[int]:
        return self.ask("/tokenize", content=text, add_special=start, parse_special=special)["tokens"]

    def chat(self, messages: list[dict]) -> list[int]:
        return self.ids(self.ask("/apply-template", messages=messages)["prompt"], special=True)

    def logprobs(self, ids: list[int], vocab_size: int) -> dict[int, float]:
        # The answer is made to be the letter A: llama.cpp gives no probabilities where it ends, or is half a character. They are
        # those before the bias.
        answer = self.ask("/completion", prompt=ids, n_predict=1, n_probs=vocab_size, temperature=0.0, cache_prompt=False, logit_bias=[[32, 100]])
        return {row["id"]: row["logprob"] for row in answer["completion_probabilities"][0]["top_logprobs"]}

    def goes_on(self, ids: list[int], n: int) -> list[int]:
        return self.ask("/completion", prompt=ids, n_predict=n, temperature=0.0, cache_prompt=False, ignore_eos=True, return_tokens=True)["tokens"]


def difference(found: dict[int, float], expected: list[float]) -> tuple[float, float]:
    """The largest and the mean difference. llama.cpp's go over the rows without a token too, which changes all by the same."""
    ids = range(len(expected))
    shift = sum(found[token] - expected[token] for token in ids) / len(expected)
    differences = [abs(found[token] - expected[token] - shift) for token in ids]
    return max(differences), sum(differences) / len(differences)
