"""Check: llama.cpp reads what crates/model writes as GGUF, and computes the same.

Needs: xllamacpp (llama.cpp as a Python package), and cargo. Run from the repository's root:
    python scripts/check/gguf_llama_cpp.py
Writes random models of all architectures in several formats with crates/engine/examples/gguf_check.rs into a temporary folder and asks
llama.cpp, with keys and values in 32 bits, for the ids of texts, for the log-probabilities behind each, and how the most likely ids go on.
In 32 bits the ids must be the same and the log-probabilities equal to 1e-4. In the other formats both round activations to eight bits,
not in the same way, so that log-probabilities differ by a little: by less than LIMIT in the mean over all ids, which is a fraction of
what the format itself changes, printed beside it. The chat template in the file must give the ids that this program gives to a conversation.
"""

import json
import subprocess
import tempfile
import urllib.request
from pathlib import Path

import xllamacpp

TOLERANCE = 1e-4
LIMIT = 0.05
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

    def goes_on(self, ids: list[int], n: int) -> list[int]:
        return self.ask("/completion", prompt=ids, n_predict=n, temperature=0.0, cache_prompt=False, ignore_eos=True, return_tokens=True)["tokens"]


def difference(found: dict[int, float], expected: list[float]) -> tuple[float, float]:
    """The largest and the mean difference. llama.cpp's go over the rows without a token too, which changes all by the same."""
    ids = range(len(expected))
    shift = sum(found[token] - expected[token] for token in ids) / len(expected)
    differences = [abs(found[token] - expected[token] - shift) for token in ids]
    return max(differences), sum(differences) / len(differences)


with tempfile.TemporaryDirectory() as folder:
    example = ["cargo", "run", "-q", "--release", "-p", "engine", "--example", "gguf_check", TOKENIZER, folder]
    subprocess.run(example, check=True)
    expected = json.loads((Path(folder) / "expected.json").read_text())
    plain = {}
    for file in expected["files"]:
        served = Served(Path(folder) / file["name"])
        architecture, kind = file["name"].removesuffix(".gguf").split("-")
        largest, means, changes, same = 0.0, [], [], 0
        for number, (text, row) in enumerate(zip(expected["texts"], file["texts"])):
            assert served.ids(text["text"]) == text["ids"], (file["name"], text)
            found = served.logprobs(text["ids"], 2000)
            most, mean = difference(found, row["logprobs"])
            largest = max(largest, most)
            means.append(mean)
            same += served.goes_on(text["ids"], len(row["goes_on"])) == row["goes_on"]
            reference = plain.setdefault((architecture, number), row["logprobs"])
            changes.append(difference(dict(enumerate(row["logprobs"])), reference)[1])
        chat = served.chat([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Who's there?\n"}])
        assert chat == expected["chat"], (chat, expected["chat"])
        mean, change = sum(means) / len(means), sum(changes) / len(changes)
        print(f"{architecture:6} {kind:5} log-probabilities differ by {largest:.1e} at most, {mean:.1e} in the mean (the format changes {change:.1e}); "
              f"{same} of {len(means)} continuations are the same")
        if kind == "f32":
            assert largest < TOLERANCE and same == len(means), file["name"]
        else:
            assert mean < LIMIT and (change == 0 or mean < change), file["name"]
        del served
