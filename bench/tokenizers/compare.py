"""Encoding beside tiktoken, and training beside Hugging Face's tokenizers and rustbpe, in turn.

Needs the Python packages tiktoken, tokenizers and rustbpe. From the repository's root:

    cargo build --release && cargo build --release --manifest-path bench/tokenizers/Cargo.toml
    python bench/tokenizers/compare.py encode --ranks cl100k_base.tiktoken[.gz] --rounds 5 FILE...
    python bench/tokenizers/compare.py train --vocab 32768 --rounds 2 DOCUMENTS.jsonl

`encode` pins both sides to one core: tiktoken's `encode_ordinary` in this process, and bench/tokenizers (ours, bpe-openai and
tiktoken-rs) as a process of its own, round by round, on the files' text and on each of its words once. `train` learns Qwen2's kind of
vocabulary from the field `text` of JSON lines with everything that the machine has: `schoolhouse tokenizer train` as a process
(reading and writing included), the others in a process that reads the same file, all as many merges. Prints JSON.
"""

import argparse
import base64
import gzip
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BENCH = "bench/tokenizers/target/release/tokenizers-bench"
PATTERN = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
           r"|\s*[\r\n]+|\s+(?!\S)|\s+")
SPECIALS = 12


def encode(args):
    import tiktoken
    from tiktoken_ext import openai_public

    name = Path(args.ranks).name.split(".")[0]
    data = Path(args.ranks).read_bytes()
    data = gzip.decompress(data) if args.ranks.endswith(".gz") else data
    ranks = {base64.b64decode(token): int(rank) for token, rank in (line.split() for line in data.splitlines() if line)}
    patterns = {"cl100k_base": openai_public.cl100k_base, "o200k_base": openai_public.o200k_base}
    # Its constructor would fetch the ranks: here they are given.
    openai_public.load_tiktoken_bpe = lambda *_, **__: ranks
    encoding = tiktoken.Encoding(**patterns[name]())
    text = "".join(Path(file).read_text(errors="replace") for file in args.files)
    once = " ".join(dict.fromkeys(text.split()))
    os.sched_setaffinity(0, {0})
    rounds = []
    for _ in range(args.rounds):
        rates = {}
        for what, some in (("as it stands", text), ("each word once", once)):
            start = time.perf_counter()
            encoding.encode_ordinary(some)
            rates[what] = len(some.encode()) / 1e6 / (time.perf_counter() - start)
        done = subprocess.run([BENCH, "--rounds", "1", *args.files], check=True, capture_output=True, text=True)
        ours = [json.loads(line) for line in done.stdout.splitlines()]
        rounds.append({row["text"]: row | {"tiktoken": round(rates[row["text"]], 1)} for row in ours
                       if row["vocabulary"] == name and row["text"] in rates})
    for what in rounds[0]:
        sides = ["ours_cold", "ours_warm", "ours_decode", "bpe_openai", "tiktoken_rs", "tiktoken"]
        medians = {side: statistics.median(row[what][side] for row in rounds) for side in sides}
        over = lambda side: round(statistics.median(row[what]["ours_cold"] / row[what][side] for row in rounds), 2)
        print(json.dumps({"vocabulary": name, "text": what, "bytes": rounds[0][what]["bytes"], "MB/s": medians,
                          "cold over bpe_openai": over("bpe_openai"), "cold over tiktoken": over("tiktoken")}))


def learn(which, file, vocab):
    """One of the other trainers; prints its seconds and peak memory."""
    import resource

    texts = (json.loads(line)["text"] for line in open(file))
    start = time.perf_counter()
    if which == "tokenizers":
        from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

        tokenizer = Tokenizer(models.BPE())
        tokenizer.normalizer = normalizers.NFC()
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
            pre_tokenizers.Split(Regex(PATTERN), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=False, use_regex=False),
        ])
        trainer = trainers.BpeTrainer(vocab_size=vocab - SPECIALS, min_frequency=0, show_progress=False,
                                      initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
        tokenizer.train_from_iterator(texts, trainer)
        merges = json.loads(tokenizer.to_str())["model"]["merges"]
    else:
        import rustbpe

        tokenizer = rustbpe.Tokenizer()
        tokenizer.train_from_iterator(texts, vocab - SPECIALS, pattern=PATTERN)
        merges = []
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": round(seconds, 2), "peak_mb": round(peak), "merges": [" ".join(merge) for merge in merges]}))


def train(args):
    rounds = []
    for _ in range(args.rounds):
        row = {}
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "tokenizer"
            command = [args.binary, "--quiet", "tokenizer", "train", "--input", args.files[0], "--vocab", str(args.vocab), "--out", out]
            start = time.perf_counter()
            process = subprocess.Popen([str(part) for part in command], stdout=subprocess.DEVNULL)
            _, status, usage = os.wait4(process.pid, 0)
            row["ours"] = {"seconds": round(time.perf_counter() - start, 2), "peak_mb": round(usage.ru_maxrss / 1024)}
            assert status == 0
            merges = json.loads((out / "tokenizer.json").read_text())["model"]["merges"]
        for which in ("tokenizers", "rustbpe"):
            command = [sys.executable, __file__, "--learn", which, "train", "--vocab", str(args.vocab), args.files[0]]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            row[which] = json.loads(done.stdout.splitlines()[-1])
            theirs = row[which].pop("merges")
            if theirs:
                same = next((i for i, pair in enumerate(zip(merges, theirs)) if pair[0] != pair[1]), min(len(merges), len(theirs)))
                row[which]["same merges"] = same
        rounds.append(row)
        print(row, file=sys.stderr)
    seconds = {side: statistics.median(row[side]["seconds"] for row in rounds) for side in rounds[0]}
    print(json.dumps({"bytes": Path(args.files[0]).stat().st_size, "vocab": args.vocab, "seconds": seconds, "rounds": rounds}, indent=1))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--learn", help=argparse.SUPPRESS)
    parser.add_argument("what", choices=["encode", "train"])
    parser.add_argument("--ranks")
    parser.add_argument("--binary", default="target/release/schoolhouse")
    parser.add_argument("--vocab", type=int, default=32768)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("files", nargs="+")
    args = parser.parse_args()
    if args.learn:
        learn(args.learn, args.files[0], args.vocab)
    elif args.what == "encode":
        encode(args)
    else:
        train(args)


if __name__ == "__main__":
    main()
