"""Golden file for crates/tokenizer: the merges that Hugging Face's trainer learns from several collections.

Needs: tokenizers. Run from the repository's root, after tokenizer.py:
    python scripts/golden/merges.py
Writes crates/tokenizer/tests/golden/merges.json: for each collection and pattern the merges as pairs of ids, many of them ties.
A smaller vocabulary's merges are the first of a larger one's, which is checked here.
"""

import json
from pathlib import Path

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

GOLDEN = Path(__file__).resolve().parents[2] / "crates/tokenizer/tests/golden"
QWEN2 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
         r"|\s*[\r\n]+|\s+(?!\S)|\s+")
LLAMA3 = QWEN2.replace(r"|\p{N}|", r"|\p{N}{1,3}|")


def letters() -> list[str]:
    """Words of few letters, in which nearly every count is shared: the test makes the same."""
    state, documents = 1, []
    for _ in range(60):
        words = []
        for _ in range(50):
            word = ""
            for _ in range(6):
                state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
                word += "abcdeé "[(state >> 40) % 7]
            words.append(word)
        documents.append(" ".join(words))
    return documents


def train(documents: list[str], pattern: str, merges: int) -> list[tuple[int, int]]:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(pattern), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=False, use_regex=False),
    ])
    trainer = trainers.BpeTrainer(vocab_size=256 + merges, min_frequency=0, show_progress=False,
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(documents, trainer)
    pairs = json.loads(tokenizer.to_str())["model"]["merges"]
    return [tuple(tokenizer.token_to_id(token) for token in pair) for pair in pairs]


texts = [row["text"] for row in json.loads((GOLDEN / "encodings.json").read_text())]
collections = {"page.txt": [(GOLDEN / "page.txt").read_bytes().decode()], "encodings.json": texts, "letters": letters()}
rows = []
for name, documents in collections.items():
    for pattern, regex in (("qwen2", QWEN2), ("llama3", LLAMA3)):
        merges = train(documents, regex, 1200)
        assert merges[:300] == train(documents, regex, 300)
        rows.append({"documents": name, "pattern": pattern, "merges": merges})
        print(name, pattern, len(merges))
(GOLDEN / "merges.json").write_text(json.dumps(rows, separators=(",", ":")) + "\n")
