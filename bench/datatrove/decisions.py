"""Keep or drop, filter by filter: datatrove 0.10 and ours on the same texts.

Needs the Python packages datatrove[processing]==0.10.0 and spacy. From the repository's root:

    python bench/datatrove/texts.py --out texts.jsonl FOLDER...
    python bench/datatrove/decisions.py theirs texts.jsonl theirs.jsonl
    cargo run --release -p corpus --example decisions -- theirs.jsonl > ours.jsonl
    cargo run --release -p corpus --example decisions -- --given theirs.jsonl > given.jsonl
    python bench/datatrove/decisions.py compare theirs.jsonl ours.jsonl given.jsonl

`theirs` writes one JSON record a text: the text, its words (spaCy's, as datatrove splits them), the sentences of each line that its
C4 filter counted, and each filter's verdict: "keep" or the reason. Every filter sees the text as it is, and FineWeb's also what
C4's left of it ("c4+fineweb"); "rewritten" is C4's text. Our side then judges with its own splitters, or with the words and
sentences that are given.
"""

import argparse
import collections
import json
from concurrent.futures import ProcessPoolExecutor

# datatrove's reason -> ours.
REASONS = {
    "dup_para_frac": "dup_paragraphs", "dup_para_char_frac": "dup_paragraph_chars", "dup_line_frac": "dup_lines",
    "dup_line_char_frac": "dup_line_chars", **{f"top_{n}_gram": f"top_{n}_gram" for n in (2, 3, 4)},
    **{f"duplicated_{n}_n_grams": f"dup_{n}_grams" for n in range(5, 11)},
    "gopher_short_doc": "too_few_words", "gopher_long_doc": "too_many_words", "gopher_below_avg_threshold": "mean_word_length",
    "gopher_above_avg_threshold": "mean_word_length", "gopher_too_many_hashes": "hash_ratio",
    "gopher_too_many_ellipsis": "ellipsis_ratio", "gopher_too_many_bullets": "bullet_lines",
    "gopher_too_many_end_ellipsis": "ellipsis_lines", "gopher_below_alpha_threshold": "alpha_words",
    "gopher_enough_stop_words": "stop_words", "lorem_ipsum": "lorem_ipsum", "curly_bracket": "curly_bracket",
    "too_few_sentences": "too_few_sentences", "empty": "line_punct", "line_punct_ratio": "line_punct",
    "short_line_ratio": "short_lines", "char_dup_ratio": "dup_line_chars", "list_ratio": "newline_ratio",
}
FILTERS = ["gopher_repetition", "gopher_quality", "c4", "fineweb", "c4+fineweb"]


class Judge:
    """datatrove's filters, with the words and sentences that they asked for kept."""

    def __init__(self):
        import datatrove.pipeline.filters.c4_filters as c4
        from datatrove.data import Document
        from datatrove.pipeline.filters import C4QualityFilter, FineWebQualityFilter, GopherQualityFilter, GopherRepetitionFilter

        self.document = Document
        self.sentences = {}
        split = c4.split_into_sentences

        def counted(line, language):
            found = split(line, language)
            self.sentences[line] = len(found)
            return found

        c4.split_into_sentences = counted
        self.filters = {
            "gopher_repetition": GopherRepetitionFilter(), "gopher_quality": GopherQualityFilter(),
            "c4": C4QualityFilter(filter_no_terminal_punct=False), "fineweb": FineWebQualityFilter(),
        }

    def verdict(self, name, text):
        document = self.document(text=text, id="")
        try:
            answer = self.filters[name].filter(document)
        except ZeroDivisionError:
            return "error", text
        return "keep" if answer is True else REASONS[answer[1]], document.text

    def judge(self, row):
        from datatrove.utils.text import split_into_words

        self.sentences = {}
        text = row["text"]
        record = {**row, "words": split_into_words(text)}
        for name in FILTERS[:4]:
            record[name], rewritten = self.verdict(name, text)
            if name == "c4":
                record["rewritten"] = rewritten if record[name] == "keep" else None
        record["c4+fineweb"] = self.verdict("fineweb", record["rewritten"])[0] if record["c4"] == "keep" else record["c4"]
        record["rewritten_words"] = split_into_words(record["rewritten"]) if record["c4"] == "keep" else None
        return {**record, "sentences": self.sentences}


def judge(lines, state={}):
    if not state:
        state["judge"] = Judge()
    return [json.dumps(state["judge"].judge(json.loads(line))) for line in lines]


def theirs(args):
    with open(args.texts, encoding="utf-8") as file:
        lines = file.readlines()
    batches = [lines[i : i + 50] for i in range(0, len(lines), 50)]
    with ProcessPoolExecutor(args.workers) as pool, open(args.out, "w", encoding="utf-8") as out:
        for batch in pool.map(judge, batches):
            out.writelines(record + "\n" for record in batch)


def rows(path):
    with open(path, encoding="utf-8") as file:
        return {(row := json.loads(line))["id"]: row for line in file}


def compare(args):
    expected = rows(args.theirs)
    ours = {"own splitters": rows(args.ours), **({"given words": rows(args.given)} if args.given else {})}
    print(f"{len(expected)} texts")
    print(f"{'':20}{'dropped':>9}" + "".join(f"{name:>24}" for name in ours))
    disagreements = collections.defaultdict(list)
    for name in [*FILTERS, "rewritten", "words", "sentences"]:
        line = f"{name:20}"
        line += f"{sum(row[name] != 'keep' for row in expected.values()):9}" if name in FILTERS else " " * 9
        for side, judged in ours.items():
            if any(name not in judged[id] for id in expected):
                line += f"{'':24}"
                continue
            unequal = [id for id, row in expected.items() if judged[id][name] != row[name]]
            disagreements[side, name] = unequal
            line += f"{len(unequal):8} {100 * (1 - len(unequal) / len(expected)):13.3f} %"
        print(line)
    print("\nreasons by filter, as datatrove gives them:")
    for name in FILTERS:
        counts = collections.Counter(row[name] for row in expected.values())
        print(f"  {name}: " + ", ".join(f"{reason} {count}" for reason, count in counts.most_common()))
    for (side, name), unequal in disagreements.items():
        for id in unequal[: args.show]:
            row, other = expected[id], ours[side][id]
            print(f"\n{side}, {name}, text {id} ({row['source']}):", end=" ")
            if name in FILTERS:
                print(f"theirs {row[name]}, ours {other[name]}")
            elif name == "words":
                at = next((i for i, (a, b) in enumerate(zip(row[name], other[name])) if a != b), min(len(row[name]), len(other[name])))
                print(f"theirs {row[name][max(0, at - 2) : at + 5]}, ours {other[name][max(0, at - 2) : at + 5]}")
            elif name == "sentences":
                keys = [line for line, n in row[name].items() if other[name].get(line) != n]
                print([(line[:200], row[name][line], other[name].get(line)) for line in keys[:2]])
            else:
                print(f"theirs {str(row[name])[:200]!r}, ours {str(other[name])[:200]!r}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("theirs")
    command.add_argument("texts")
    command.add_argument("out")
    command.add_argument("--workers", type=int, help="as many as cores if not given")
    command.set_defaults(run=theirs)
    command = commands.add_parser("compare")
    command.add_argument("theirs")
    command.add_argument("ours")
    command.add_argument("given", nargs="?")
    command.add_argument("--show", type=int, default=0, help="disagreements to print of each kind")
    command.set_defaults(run=compare)
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
