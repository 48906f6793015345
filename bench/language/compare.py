"""Languages by our reader of fastText models beside those of the Python package, over the texts of files and pages.

Needs: fasttext-numpy2-wheel, warcio. Run from the repository's root, after
cargo build --release -p corpus --example languages:
    python bench/language/compare.py MODEL PATHS
PATHS are folders or files: .warc.gz (the visible text of pages, roughly), .jsonl (their "text" or "content"), else text. Longer
ones are cut into passages of 20 to 5,000 characters. Prints how often labels differ and the greatest difference of scores.
"""

import html
import json
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import fasttext

BINARY = Path("target/release/examples/languages")
LENGTHS = [20, 60, 200, 1000, 5000]


def texts_of(path: Path):
    if path.name.endswith(".warc.gz"):
        from warcio.archiveiterator import ArchiveIterator

        with path.open("rb") as file:
            for record in ArchiveIterator(file):
                if record.rec_type == "response":
                    page = record.content_stream().read()
                    for encoding in ("utf-8", "cp1251", "shift_jis"):
                        try:
                            page = page.decode(encoding)
                            break
                        except UnicodeDecodeError:
                            continue
                    if isinstance(page, str):
                        page = re.sub(r"(?is)<(script|style).*?</\1>|<[^>]*>", " ", page)
                        yield re.sub(r"[ \t]+", " ", html.unescape(page))
    elif path.suffix == ".jsonl":
        for line in path.open(encoding="utf-8"):
            row = json.loads(line)
            yield row.get("text") or row.get("content") or json.dumps(row)
    elif path.suffix in (".html", ".md", ".txt"):
        text = path.read_text(encoding="utf-8", errors="replace")
        yield html.unescape(re.sub(r"(?is)<(script|style).*?</\1>|<[^>]*>", " ", text)) if path.suffix == ".html" else text


def passages(paths: list[Path]):
    """Passages of all lengths in turn, at most 40 of each text."""
    for path in paths:
        for text in texts_of(path):
            at = 0
            for number in range(40):
                passage = text[at:at + LENGTHS[number % len(LENGTHS)]]
                at += max(len(text) // 40, len(passage))
                if not passage:
                    break
                if passage.strip():
                    yield passage


model_path = sys.argv[1]
paths = [file for path in map(Path, sys.argv[2:]) for file in (sorted(path.rglob("*")) if path.is_dir() else [path]) if file.is_file()]
texts = list(passages(paths))
model = fasttext.load_model(model_path)
start = time.perf_counter()
theirs = [model.predict(text.replace("\n", " "), k=1) for text in texts]
seconds = time.perf_counter() - start
with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
    file.writelines(json.dumps({"text": text.encode("utf-8", "replace").decode()}) + "\n" for text in texts)
    file.flush()
    ours = [json.loads(line) for line in subprocess.check_output([BINARY, model_path, file.name], text=True).splitlines()]
assert len(ours) == len(theirs)
differing, worst, languages = 0, 0.0, set()
for text, our, (labels, scores) in zip(texts, ours, theirs):
    label, score = labels[0].removeprefix("__label__"), min(float(scores[0]), 1.0)
    languages.add(label)
    worst = max(worst, abs(score - our["score"]))
    if label != our["label"]:
        differing += 1
        print("differs:", label, score, our, repr(text[:80]))
size = sum(len(text.encode("utf-8", "replace")) for text in texts)
print(f"{len(texts)} texts, {size} bytes, {len(languages)} languages: {differing} labels differ, scores by at most {worst:.2e}")
print(f"the Python package: {size / 1e6 / seconds:.1f} MB/s")
