"""Reading a prompt and growing one sequence beside llama.cpp, on the same GGUF files, in paired rounds.

Needs the Python package xllamacpp (llama.cpp). From the repository's root after `cargo build --release`:

    python bench/llama_cpp/compare.py --shapes demo 15m gpt2 qwen --formats q8_0 q4_0 --rounds 5

Each file holds random weights of one of the shapes of `schoolhouse bench decode`, which writes it. A round measures ours (a process of
its own, warmed up, the median of three), then llama.cpp (one server for all rounds, warmed up, by its own timings), on as many threads
and as many tokens. What counts is the median of the rounds' quotients, because machines are shared. Prints JSON lines.
"""

import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

import xllamacpp


class Rival:
    """A file, served by llama.cpp within this process."""

    def __init__(self, path: Path, threads: int, context: int):
        params = xllamacpp.CommonParams()
        params.model.path = str(path)
        params.n_ctx, params.n_parallel, params.n_gpu_layers = context, 1, 0
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
        self.server = xllamacpp.Server(params)
        self.random = random.Random(1)

    def measure(self, vocab: int, prompt: int, tokens: int) -> dict[str, float]:
        question = {"prompt": [self.random.randrange(vocab) for _ in range(prompt)], "n_predict": tokens, "temperature": 0.0, "ignore_eos": True,
                    "cache_prompt": False}
        request = urllib.request.Request(self.server.listening_address + "/completion", json.dumps(question).encode(),
                                         {"Content-Type": "application/json"})
        with urllib.request.urlopen(request) as answer:
            timings = json.load(answer)["timings"]
        assert timings["prompt_n"] == prompt and timings["predicted_n"] == tokens, timings
        return {"prefill": timings["prompt_per_second"], "decode": timings["predicted_per_second"]}


def ours(binary: str, path: Path, threads: int, prompt: int, tokens: int) -> dict:
    command = [binary, "--threads", str(threads), "bench", "decode", "--model", str(path), "--sequences", "1", "--prompt", str(prompt),
               "--tokens", str(tokens), "--rounds", "3", "--json"]
    measured = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return {"prefill": measured["prefill_tokens_per_second"], "decode": measured["one_tokens_per_second"],
            "gigabytes": measured["weight_bytes"] / 1e9}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default="target/release/schoolhouse")
    parser.add_argument("--shapes", nargs="+", default=["demo", "15m", "gpt2", "qwen"])
    parser.add_argument("--formats", nargs="+", default=["q8_0", "q4_0"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    print(xllamacpp.get_system_info(), file=sys.stderr)
    for shape in args.shapes:
        prompt, tokens = (128, 96) if shape == "demo" else (512, 64 if shape == "qwen" else 128)
        for form in args.formats:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "model.gguf"
                subprocess.run([args.binary, "bench", "decode", "--shape", shape, "--weights", form, "--save", path, "--prompt", "8",
                                "--tokens", "8"], check=True)
                rival = Rival(path, args.threads, prompt + tokens + 16)
                rival.measure(250, prompt, tokens)
                rounds = []
                for _ in range(args.rounds):
                    mine = ours(args.binary, path, args.threads, prompt, tokens)
                    rounds.append((mine, rival.measure(250, prompt, tokens)))
                del rival
            line = {"shape": shape, "format": form, "gigabytes": round(rounds[0][0]["gigabytes"], 4), "rounds": args.rounds, "prompt": prompt}
            for what in ("prefill", "decode"):
                line[what] = {
                    "ours": round(statistics.median(mine[what] for mine, _ in rounds), 1),
                    "llama.cpp": round(statistics.median(theirs[what] for _, theirs in rounds), 1),
                    "quotient": round(statistics.median(mine[what] / theirs[what] for mine, theirs in rounds), 2),
                }
            print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
