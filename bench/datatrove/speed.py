"""The whole way from WARC to documents on one core: datatrove with trafilatura, and ours.

Needs the Python packages datatrove[processing]==0.10.0, trafilatura, warcio and fasttext-numpy2-wheel, and fastText's model of
languages. From the repository's root, after `cargo build --release`:

    python bench/datatrove/speed.py --language-model lid.176.ftz --pages 1500 --rounds 3 CRAWL.warc.gz

The first `pages` responses are copied into an archive of their own. Then both sides take turns on the same core: for each round
datatrove's executor runs FineWeb's steps (URL filter, trafilatura that favours precision, language, Gopher's repetition and quality
rules, C4's, FineWeb's, then MinHash in its four stages, then the formatter of addresses), and `schoolhouse curate` does the same
with one worker. datatrove's time is that of its executors, without Python's imports; ours is the whole process. Prints each
round and the medians as JSON.
"""

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CORE = 0


def first_pages(source, count, target):
    """Copies the first responses of an archive with the records before them; returns how many there were."""
    from warcio.archiveiterator import ArchiveIterator
    from warcio.warcwriter import WARCWriter

    found = 0
    with open(source, "rb") as file, open(target, "wb") as out:
        writer = WARCWriter(out, gzip=True)
        for record in ArchiveIterator(file):
            if record.rec_type == "response":
                if found == count:
                    break
                found += 1
                writer.write_record(record)
    return found


def theirs(archive, language_model, folder):
    """datatrove's pipeline; prints its figures as JSON."""
    from datatrove.executor.local import LocalPipelineExecutor
    from datatrove.pipeline.dedup import MinhashDedupCluster, MinhashDedupFilter, MinhashDedupSignature
    from datatrove.pipeline.dedup.minhash import MinhashConfig, MinhashDedupBuckets
    from datatrove.pipeline.extractors import Trafilatura
    from datatrove.pipeline.filters import (
        C4QualityFilter, FineWebQualityFilter, GopherQualityFilter, GopherRepetitionFilter, LanguageFilter, URLFilter,
    )
    from datatrove.pipeline.formatters import PIIFormatter
    from datatrove.pipeline.readers import JsonlReader, WarcReader
    from datatrove.pipeline.writers.jsonl import JsonlWriter
    from datatrove.utils.hashing import HashConfig
    from datatrove.utils.lid import FT176LID

    FT176LID.MODEL_URL = Path(language_model).resolve().as_uri()
    minhash = MinhashConfig(hash_config=HashConfig(hash_fc="sha1", precision=64), num_buckets=14, hashes_per_bucket=8, n_grams=5)
    place = lambda name: str(Path(folder) / name)
    kept = JsonlReader(place("filtered"))
    pipelines = [
        [
            WarcReader(str(Path(archive).parent), glob_pattern=Path(archive).name, default_metadata={"dump": "bench"}),
            URLFilter(), Trafilatura(favour_precision=True, timeout=30), LanguageFilter(), GopherRepetitionFilter(), GopherQualityFilter(),
            C4QualityFilter(filter_no_terminal_punct=False), FineWebQualityFilter(), JsonlWriter(place("filtered")),
        ],
        [kept, MinhashDedupSignature(output_folder=place("signatures"), config=minhash)],
        [MinhashDedupBuckets(input_folder=place("signatures"), output_folder=place("buckets"), config=minhash)],
        [MinhashDedupCluster(input_folder=place("buckets"), output_folder=place("removed"), config=minhash)],
        [kept, MinhashDedupFilter(input_folder=place("removed")), PIIFormatter(), JsonlWriter(place("documents"))],
    ]
    began = time.monotonic()
    seconds = []
    for number, pipeline in enumerate(pipelines):
        tasks = minhash.num_buckets if number == 2 else 1
        LocalPipelineExecutor(pipeline, tasks=tasks, workers=1, logging_dir=place(f"log-{number}")).run()
        seconds.append(time.monotonic() - began)
    documents = sum(1 for document in JsonlReader(place("documents"))())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds[-1], "seconds_filters": seconds[0], "documents": documents, "peak_mb": round(peak)}))


def ours(binary, archive, language_model, folder):
    """Our side's figures."""
    out = Path(folder) / "ours"
    command = [binary, "--threads", "1", "--quiet", "curate", "--input", archive, "--out", out, "--language-model", language_model]
    began = time.monotonic()
    process = subprocess.Popen([str(part) for part in command], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - began
    if status != 0:
        raise SystemExit(f"schoolhouse ended with {status}")
    documents = json.loads((out / "funnel.json").read_text())["output"]["documents"]
    return {"seconds": seconds, "documents": documents, "peak_mb": round(usage.ru_maxrss / 1024)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", default="target/release/schoolhouse")
    parser.add_argument("--language-model", required=True)
    parser.add_argument("--pages", type=int, default=1500)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--theirs", metavar="FOLDER", help=argparse.SUPPRESS)
    parser.add_argument("archive")
    args = parser.parse_args()
    if args.theirs:
        return theirs(args.archive, args.language_model, args.theirs)

    os.sched_setaffinity(0, {CORE})
    with tempfile.TemporaryDirectory() as temporary:
        archive = Path(temporary) / "pages.warc.gz"
        pages = first_pages(args.archive, args.pages, archive)
        sides = {"ours": [], "datatrove": []}
        for number in range(args.rounds):
            folder = Path(temporary) / f"round-{number}"
            folder.mkdir()
            sides["ours"].append(ours(args.binary, archive, args.language_model, folder))
            command = [sys.executable, __file__, "--theirs", folder, "--language-model", args.language_model, archive]
            done = subprocess.run([str(part) for part in command], check=True, stdout=subprocess.PIPE, text=True)
            sides["datatrove"].append(json.loads(done.stdout.splitlines()[-1]))
            print(number, {side: rounds[-1] for side, rounds in sides.items()}, file=sys.stderr)
            shutil.rmtree(folder)
    medians = {side: statistics.median(row["seconds"] for row in rounds) for side, rounds in sides.items()}
    ratios = sorted(b["seconds"] / a["seconds"] for a, b in zip(sides["ours"], sides["datatrove"]))
    per_second = {side: round(pages / seconds, 1) for side, seconds in medians.items()}
    print(json.dumps({"pages": pages, "pages_per_second": per_second, "ratios": ratios, "rounds": sides}, indent=1))


if __name__ == "__main__":
    main()
