"""Golden files for crates/tasks: questions of published formats, scored by transformers with a small random model.

Needs: torch, transformers, tokenizers. Run from the repository's root:
    python scripts/golden/task_files.py
Reads crates/tokenizer/tests/golden/tokenizer.json. Writes crates/tasks/tests/golden/evals/: the model (config.json,
model.safetensors), a task file of each type, and expected.json: for each question, without examples and with three of them,
which ones, the texts, their ids, where the scored part begins, the mean loss of each option in float32, and the decision.
Boundaries are those of nanochat's core_eval: behind the ids that all choices begin with, before the ids that all of a schema's
sequences end with, behind the prompt of a continuation.
"""

import json
import random
from pathlib import Path

import torch
from tokenizers import Tokenizer
from transformers import Qwen3Config, Qwen3ForCausalLM

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "crates/tasks/tests/golden/evals"
tokenizer = Tokenizer.from_file(str(ROOT / "crates/tokenizer/tests/golden/tokenizer.json"))
START = tokenizer.token_to_id("<|endoftext|>")
SETTINGS = [(0, " "), (3, "\nAnswer: ")]
N = 12

ANIMALS = ["a cat", "a dog", "the old horse", "a bird", "a fish", "the sheep", "a cow", "the fox", "a goose", "an owl", "a bee", "the hare"]
PLACES = ["in the house", "on the hill", "by the river", "at school", "in the garden", "under the bridge", "in Zürich", "on the boat",
          "in the night", "behind the door", "near the sea", "on the road"]
THINGS = ["bread", "a stone", "the letter", "some water", "a red box", "the key", "an apple", "the book", "12 eggs",
          "a coat", "the lamp", "it"]


def multiple_choice() -> list[dict]:
    rows = []
    for i in range(N):
        choices = [f"{THINGS[(i + 5 * j) % N]}{'.' if i % 3 else ''}" for j in range(2 + i % 4)]
        if i == 4:
            choices = ["the letter", "the letter and the key", "the lamp"]  # they begin alike, and one is the beginning of another
        if i == 7:
            choices = ["B", "A"]
        rows.append({"query": f"Question: What did {ANIMALS[i]} find {PLACES[i]}?", "choices": choices, "gold": i % len(choices)})
    return rows


def schema() -> list[dict]:
    rows = []
    for i in range(N):
        who = [ANIMALS[i], ANIMALS[(i + 3) % N], ANIMALS[(i + 7) % N]][: 2 + i % 2]
        contexts = [f"The man gave {THINGS[i]} to {ANIMALS[i]} {PLACES[i]} because {one}" for one in who]
        rows.append({"context_options": contexts, "continuation": f"was {'not ' * (i % 2)}hungry.", "gold": i % len(who)})
    return rows


def language(model) -> list[dict]:
    """Half of the continuations are what the model itself would write."""
    rows = [{"context": f"{ANIMALS[i]} went {PLACES[i]} to look for{'  ' * (i % 2)}", "continuation": THINGS[i]} for i in range(N // 2)]
    draw = random.Random(3)
    while len(rows) < N:
        context = " ".join(draw.choice(ANIMALS + PLACES + THINGS) for _ in range(draw.randrange(2, 6)))
        ids = [START, *tokenizer.encode(context).ids]
        n = len(ids)
        for _ in range(1 + len(rows) % 3):
            ids.append(model(torch.tensor([ids])).logits[0, -1].argmax().item())
        text = tokenizer.decode(ids[n:])
        whole = [START, *tokenizer.encode(context + text).ids]
        if text.startswith(" ") and text.strip().isprintable() and len(text.strip()) > 1 and whole == ids and "\ufffd" not in text:
            rows.append({"context": context, "continuation": text[1:]})
    return rows


def texts(kind: str, row: dict, shots: list[dict], delimiter: str) -> list[str]:
    if kind == "multiple_choice":
        before = "".join(shot["query"] + delimiter + shot["choices"][shot["gold"]] + "\n\n" for shot in shots)
        return [before + row["query"] + delimiter + choice for choice in row["choices"]]
    if kind == "schema":
        before = "".join(shot["context_options"][shot["gold"]] + delimiter + shot["continuation"] + "\n\n" for shot in shots)
        return [before + context + delimiter + row["continuation"] for context in row["context_options"]]
    before = "".join(shot["context"].strip() + delimiter + shot["continuation"] + "\n\n" for shot in shots)
    prompt = before + row["context"].strip() + delimiter
    return [prompt.strip(), prompt + row["continuation"]]


def shared(sequences: list[list[int]]) -> int:
    n = 0
    while all(len(ids) > n for ids in sequences) and len({ids[n] for ids in sequences}) == 1:
        n += 1
    return n


def score(model, kind: str, row: dict, encoded: list[list[int]]) -> dict:
    if kind == "multiple_choice":
        begin = min(shared(encoded), min(map(len, encoded)) - 1)  # where one option is the beginning of another
        begins, scored = [begin] * len(encoded), encoded
    elif kind == "schema":
        ends = shared([ids[::-1] for ids in encoded])
        begins, scored = [len(ids) - ends for ids in encoded], encoded
    else:
        assert encoded[1][: len(encoded[0])] == encoded[0]
        begins, scored = [len(encoded[0])], encoded[1:]
    losses, greedy = [], []
    for begin, ids in zip(begins, scored):
        logits = model(torch.tensor([ids])).logits[0, begin - 1:-1]
        target = torch.tensor(ids[begin:])
        losses.append(torch.nn.functional.cross_entropy(logits, target).item())
        greedy.append(bool((logits.argmax(-1) == target).all()))
    return {"begins": begins, "losses": losses, "chosen": losses.index(min(losses)), "greedy": greedy}


@torch.no_grad()
def main() -> None:
    torch.manual_seed(11)
    GOLDEN.mkdir(parents=True, exist_ok=True)
    config = Qwen3Config(vocab_size=tokenizer.get_vocab_size(), hidden_size=16, intermediate_size=24, num_hidden_layers=2, head_dim=8,
                         num_attention_heads=2, num_key_value_heads=1, max_position_embeddings=512, rms_norm_eps=1e-6,
                         tie_word_embeddings=True, bos_token_id=START, eos_token_id=START)
    config._attn_implementation = "eager"
    model = Qwen3ForCausalLM(config).float().eval()
    for parameter in model.parameters():
        noise = torch.randn_like(parameter)
        parameter.copy_(1 + 0.2 * noise if parameter.ndim == 1 else 0.5 * noise)
    model.save_pretrained(GOLDEN)
    (GOLDEN / "generation_config.json").unlink(missing_ok=True)

    draw = random.Random(5)
    expected = []
    for kind, rows in [("multiple_choice", multiple_choice()), ("schema", schema()), ("language_modeling", language(model))]:
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (GOLDEN / f"{kind}.jsonl").write_text(lines, encoding="utf-8")
        for n_shots, delimiter in SETTINGS:
            for number, row in enumerate(rows):
                shots = draw.sample([other for other in range(N) if other != number], n_shots)
                written = texts(kind, row, [rows[shot] for shot in shots], delimiter)
                encoded = [[START, *tokenizer.encode(text).ids] for text in written]
                expected.append({"type": kind, "question": number, "delimiter": delimiter, "shots": shots, "texts": written,
                                 "ids": encoded, **score(model, kind, row, encoded)})
    text = ",\n".join(json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in expected)
    (GOLDEN / "expected.json").write_text(f"[{text}]\n", encoding="utf-8")
    greedy = sum(row["greedy"][0] for row in expected if row["type"] == "language_modeling")
    print(len(expected), "questions,", greedy, "continuations are the model's own")


main()
