#!/usr/bin/env python3
"""The same problems fine-tuned with the answer behind its working, before it, and without it.

A token gets the same small amount of computation wherever it stands. A label that gives the answer first asks for all of it in one token,
and the working behind it explains what has been said already.

    cargo build --release
    python3 bench/answer_order/compare.py --run runs/demo --seeds 1 2 3

Takes the base model, the shards and the world of a finished run, fine-tunes the base three times for each seed on the world's worked sums
and word problems, and asks the world's test problems. Prints a table and writes JSON with --out."""

import argparse
import json
import pathlib
import subprocess
import tempfile

ORDERS = {
    "answer last": lambda working, value: f"{working} #### {value}",
    "answer first": lambda working, value: f"#### {value} {working}",
    "answer alone": lambda working, value: f"#### {value}",
}


def lines(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def worked(world):
    """Question, working and value of each worked problem of one question in the training split."""
    for row in lines(world / "conversations.jsonl"):
        if row["split"] == "train" and row["kind"] in ("sum", "word_problem"):
            *_, user, assistant = row["messages"]
            if " #### " in assistant["content"]:
                working, value = assistant["content"].rsplit(" #### ", 1)
                yield user["content"], working, value


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--binary", default="target/release/schoolhouse")
    parser.add_argument("--run", type=pathlib.Path, required=True, help="folder of a finished run of the built-in world")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--out", type=pathlib.Path)
    options = parser.parse_args()
    world = options.run / "world"
    examples = list(worked(world))
    kinds = {"addition": "three-digit sums", "word_problem": "word problems"}
    results = []
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        tasks = []
        for kind in kinds:
            tests = [row for row in lines(world / "problems.jsonl") if row["split"] == "test" and row["generator"] == kind]
            path = folder / f"{kind}.jsonl"
            write(path, [{"question": row["question"], "answer": f"#### {row['answer']}"} for row in tests])
            tasks.append(str(path))
        for order, label in ORDERS.items():
            file = folder / "conversations.jsonl"
            chat = [[{"role": "user", "content": q}, {"role": "assistant", "content": label(w, v)}] for q, w, v in examples]
            write(file, [{"messages": messages} for messages in chat])
            for seed in options.seeds:
                tuned = folder / f"{order}-{seed}".replace(" ", "-")
                sft = ["sft", "--base", options.run / "base", "--conversations", file, "--shards", options.run / "shards"]
                sft += ["--replay", "0.2", "--epochs", "4", "--seed", seed, "--out", tuned, "--quiet"]
                evaluate = ["eval", "--model", tuned, "--tasks", *tasks, "--shots", "0", "--json", "--quiet"]
                subprocess.run([options.binary, *map(str, sft)], check=True, stdout=subprocess.DEVNULL)
                told = subprocess.run([options.binary, *map(str, evaluate)], check=True, capture_output=True, text=True)
                for task in json.loads(told.stdout)["tasks"]:
                    asked = task["accuracy"]
                    results.append({"order": order, "seed": seed, "task": kinds[task["task"]], "right": asked["right"], "n": asked["n"]})
                    print(json.dumps(results[-1]), flush=True)
    print(f"\n{len(examples)} worked problems\n\n| labels | " + " | ".join(kinds.values()) + " |\n|---|---|---|")
    for order in ORDERS:
        cells = []
        for task in kinds.values():
            rows = [row for row in results if row["order"] == order and row["task"] == task]
            cells.append(", ".join(f"{100 * row['right'] / row['n']:.0f}%" for row in rows))
        print(f"| {order} | " + " | ".join(cells) + " |")
    if options.out:
        options.out.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
