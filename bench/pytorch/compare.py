"""Our training step and our sampling beside another framework's, in paired rounds on the same machine.

PyTorch, which needs the Python package torch, from the repository's root after `cargo build --release`:

    python bench/pytorch/compare.py train --shape base --rounds 10
    python bench/pytorch/compare.py decode --shape base --rounds 5
    python bench/pytorch/compare.py practice --shape demo --rounds 5

Candle or Burn, whose programs stand in bench/candle and bench/burn, and which need no package:

    RUSTFLAGS="-C target-cpu=native" cargo build --release --manifest-path bench/candle/Cargo.toml
    python bench/pytorch/compare.py train --rival candle

A round measures ours (a fresh process, warmed up), then the other, for about as long; what counts is the median of the rounds'
quotients, because machines are shared. Each is written as one who knows it would write it, and malloc is told to keep large blocks.
`--compile` adds torch.compile; `--autocast` lets PyTorch multiply in bf16, with 8 bits of mantissa; `--full-precision` keeps ours
from AMX, which has 16.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys

MALLOC = {"MALLOC_MMAP_THRESHOLD_": "4294967296", "MALLOC_TRIM_THRESHOLD_": "4294967296", "MALLOC_TOP_PAD_": "67108864"}
if any(os.environ.get(name) != value for name, value in MALLOC.items()):
    os.environ.update(MALLOC)
    os.execv(sys.executable, [sys.executable, *sys.argv])


def ours(binary, what, shape, threads, precision):
    """One round: tokens per second by name, and for training the quotient of the step and its products."""
    rounds = {"train": 8, "decode": 3, "practice": 2}[what]
    command = [binary, "--threads", str(threads), *precision, "bench", what, "--shape", shape, "--rounds", str(rounds), "--json"]
    measured = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    if what == "train":
        return {"train": measured["tokens_per_second"], "ratio": measured["ratio"]}
    if what == "practice":
        return {"generation": measured["generation_tokens_per_second"], "training": measured["training_tokens_per_second"]}
    return {"one": measured["one_tokens_per_second"], "many": measured["many_tokens_per_second"]}


def rival(name, what, shape, threads):
    """A function that measures one round of a program in Rust, and what is to be said about it.

    The program shares its work out to threads itself, so that rayon gets none; it answers each line with one JSON object.
    """
    folder = os.environ.get("CARGO_TARGET_DIR", f"bench/{name}/target")
    command = [f"{folder}/release/{name}-rival", what, shape, str(threads)]
    environment = {**os.environ, "RAYON_NUM_THREADS": "1"}
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)

    def measure():
        print(file=process.stdin, flush=True)
        return json.loads(process.stdout.readline())

    return measure, {name: measure()["version"]}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["train", "decode", "practice"])
    parser.add_argument("--shape", choices=["base", "demo", "small"], default="base")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--binary", default="target/release/schoolhouse")
    parser.add_argument("--rival", choices=["torch", "candle", "burn"], default="torch")
    parser.add_argument("--compile", action="store_true", help="torch.compile the forward pass")
    parser.add_argument("--autocast", action="store_true", help="PyTorch's products in bf16")
    parser.add_argument("--full-precision", action="store_true", help="ours without AMX")
    args = parser.parse_args()
    if args.what == "practice" and args.rival != "torch":
        parser.error("practice is measured beside PyTorch alone")
    if (args.compile or args.autocast) and (args.what != "train" or args.rival != "torch"):
        parser.error("--compile and --autocast are for PyTorch's training step; sampling is measured eager")
    if args.rival == "torch":
        import net

        theirs, about = net.measure(args.what, args.shape, args.threads, args.compile, args.autocast)
    else:
        theirs, about = rival(args.rival, args.what, args.shape, args.threads)
    precision = ["--full-precision"] if args.full_precision else []
    rounds = [(ours(args.binary, args.what, args.shape, args.threads, precision), theirs()) for _ in range(args.rounds)]
    result = {"what": args.what, "shape": args.shape, "threads": args.threads, "full_precision": args.full_precision}
    result |= {**about, "rounds": args.rounds}
    names = {"train": ["train"], "decode": ["one", "many"], "practice": ["generation", "training"]}
    for name in names[args.what]:
        quotients = sorted(mine[name] / other[name] for mine, other in rounds)
        result[name] = {
            "ours_tokens_per_second": round(statistics.median(mine[name] for mine, _ in rounds)),
            f"{args.rival}_tokens_per_second": round(statistics.median(other[name] for _, other in rounds)),
            "paired_median": round(statistics.median(quotients), 3),
            "paired_quartiles": [round(quotients[int((len(quotients) - 1) * share + 0.5)], 3) for share in (0.25, 0.75)],
        }
    if args.what == "train":
        result["step_to_products"] = statistics.median(mine["ratio"] for mine, _ in rounds)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
