"""Check: llama.cpp reads what crates/model writes as GGUF, and computes the same.

Needs: xllamacpp (llama.cpp as a Python package), and cargo. Run from the repository's root:
    python scripts/check/gguf_llama_cpp.py
Writes random models of all architectures in several formats with crates/engine/examples/gguf_check.rs into a temporary folder and asks
llama.cpp, with keys and values in 32 bits, for the ids of texts, for the log-probabilities behind each, and how the most likely ids go on.
In 32 bits the ids must be the same and the log-probabilities equal to 1e-4; of GPT-2 to 2e-3, because llama.cpp looks its activation up in a
table of 16-bit numbers (this program's GPT-2 is held to transformers by crates/model/tests). In the other formats both round activations to eight bits,
not in the same way, so that log-probabilities differ by a little: by less than LIMIT in the mean over all ids, which is a fraction of
what the format itself changes, printed beside it. The chat template in the file must give the ids that this program gives to a conversation.
"""

import json
import subprocess
import tempfile
from pathlib import Path

from llama_cpp import Served, difference

TOLERANCE = 1e-4
LIMIT = 0.05
GOLDEN = Path("crates/tokenizer/tests/golden")
HARD = [row["text"] for row in json.loads((GOLDEN / "encodings.json").read_text()) if "\x1e" not in row["text"] and "\0" not in row["text"]]


with tempfile.TemporaryDirectory() as folder:
    (Path(folder) / "texts").write_text("\x1e".join(HARD), encoding="utf-8", newline="")
    example = ["cargo", "run", "-q", "--release", "-p", "engine", "--example", "gguf_check", GOLDEN / "tokenizer.json", Path(folder) / "texts", folder]
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
            is_gpt2 = architecture == "gpt2"
            assert largest < (20 if is_gpt2 else 1) * TOLERANCE and (is_gpt2 or same == len(means)), file["name"]
        else:
            assert mean < LIMIT and (change == 0 or mean < change), file["name"]
        del served
    for name, expected_ids in expected["patterns"].items():
        served = Served(Path(folder) / f"pattern-{name}.gguf")
        assert len(expected_ids) == len(HARD)
        others = [text for text, ids in zip(HARD, expected_ids) if served.ids(text) != ids]
        print(f"pattern {name}: {len(HARD) - len(others)} of {len(HARD)} texts have the same ids", *map(ascii, others[:10]), sep="\n    ")
        del served
