"""Ids beside Hugging Face's tokenizers, on the same `tokenizer.json`.

Needs the Python package tokenizers. From the repository's root:

    cargo build --release --manifest-path bench/tokenizers/Cargo.toml
    python bench/tokenizers/equal.py TOKENIZER_FOLDER FILE...

The files are cut into pieces of 1 to 20,000 characters; every character of Unicode in several places and random bytes are added.
Pieces go to `tokenizers-bench --ids` as JSON lines, and the ids that come back are compared with what tokenizers gives. Where the two
sides decode to different text, it was normalised otherwise: its normal form C is Unicode 9's, in which the marks that came later have no
order and no compositions. Those pieces are counted apart. Prints the first others that differ and a line of JSON.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path

BENCH = "bench/tokenizers/target/release/tokenizers-bench"


def pieces_of(files, rng):
    for file in files:
        text = Path(file).read_text(errors="replace")
        at = 0
        while at < len(text):
            end = at + rng.randint(1, 20_000)
            yield text[at:end]
            at = end
    every = [chr(code) for code in range(0x110000) if not 0xD800 <= code <= 0xDFFF]
    places = ["{0}", "a{0}b ", " {0}{0}A", "1{0}\n", "'{0}'s{0} "]
    for place in places:
        for first in range(0, len(every), 5000):
            yield "".join(place.format(c) for c in every[first:first + 5000])
    for kind in range(40):
        some = rng.randbytes(1 << 18)
        yield (bytes(byte & 0x7F for byte in some) if kind % 2 else some).decode(errors="replace")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("tokenizer")
    parser.add_argument("files", nargs="+")
    args = parser.parse_args()
    from tokenizers import Tokenizer

    theirs = Tokenizer.from_file(str(Path(args.tokenizer) / "tokenizer.json"))
    # Text that spells a special token is text: tokenizers has no such mode, so the special tokens are taken out.
    config = json.loads(theirs.to_str())
    config["added_tokens"] = []
    theirs = Tokenizer.from_str(json.dumps(config))
    sums = {"pieces": 0, "bytes": 0, "tokens": 0, "normalised otherwise": 0, "other": 0}
    with tempfile.TemporaryDirectory() as folder:
        texts, out = Path(folder) / "texts.jsonl", Path(folder) / "ids.jsonl"
        with texts.open("w") as file:
            for piece in pieces_of(args.files, random.Random(1)):
                file.write(json.dumps(piece) + "\n")
        subprocess.run([BENCH, "--ids", args.tokenizer, texts, out], check=True)
        with texts.open() as lines, out.open() as answers:
            while batch := [json.loads(line) for line in (lines.readline() for _ in range(200)) if line]:
                for text, encoding in zip(batch, theirs.encode_batch_fast(batch, add_special_tokens=False)):
                    ids = json.loads(answers.readline())
                    sums["pieces"] += 1
                    sums["bytes"] += len(text.encode())
                    sums["tokens"] += len(ids)
                    if ids == encoding.ids:
                        continue
                    if theirs.decode(ids, skip_special_tokens=False) != theirs.decode(encoding.ids, skip_special_tokens=False):
                        sums["normalised otherwise"] += 1
                    else:
                        sums["other"] += 1
                        at = next((i for i, (a, b) in enumerate(zip(ids, encoding.ids)) if a != b), min(len(ids), len(encoding.ids)))
                        if sums["other"] <= 10:
                            print(f"behind {theirs.decode(ids[max(at - 4, 0):at])!r}: {ids[at:at + 4]} and not {encoding.ids[at:at + 4]}")
    print(json.dumps({"tokenizer": Path(args.tokenizer).name, **sums}))
    sys.exit(sums["other"] > 0)


if __name__ == "__main__":
    main()
