"""Golden file for crates/corpus: verdicts of datatrove's text filters, spaCy's words and Python's string methods on short texts.

Needs: datatrove[processing]==0.10.0, spacy. Run from the repository's root:
    python scripts/golden/datatrove_filters.py
Writes crates/corpus/tests/golden/filters.json: `texts` (each with its words, the sentences of its lines and each filter's
verdict, as bench/datatrove/decisions.py records them), `words` (strings that are hard to split) and `strings` (what splitlines,
strip, split and isalpha say).
"""

import json
import random
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench/datatrove"))
import decisions
import texts

SUBJECTS = ["The baker", "A sailor", "My aunt", "Nobody here", "The old teacher", "Mr. Low", "Every child", "That lighthouse keeper"]
VERBS = ["remembers", "cannot forget", "wasn't told of", "has painted", "counted", "brought home", "looks for"]
OBJECTS = ["the red boat", "seven apples", "a well-known map", "12 geese", "the mayor's hat", "two of the keys", "an empty house"]
ENDS = [".", ".", ".", "!", "?", "...", "; so it goes.", " with the others and that was all."]


def paragraph(draw, n):
    return " ".join(f"{draw.choice(SUBJECTS)} {draw.choice(VERBS)} {draw.choice(OBJECTS)}{draw.choice(ENDS)}" for _ in range(n))


def different(draw, n):
    """`n` words that hardly repeat."""
    return " ".join("".join(draw.choice("abcdeghilmnoprstu") for _ in range(draw.randint(3, 8))) for _ in range(n))


def short_texts():
    draw = random.Random(7)
    made = ["", " ", "a", "...", "One two three."]
    for n_lines in [1, 3, 6, 10]:
        made.append("\n".join(paragraph(draw, draw.randint(1, 3)) for _ in range(n_lines)))
        made.append("\n\n".join(f"{different(draw, 14)}, to be, of {draw.randint(1, 99)}{draw.choice(['.', '', '!'])}"
                                for _ in range(n_lines)))
    # Near each threshold of words, stop words, hashes, lines and sentences.
    made += [f"the of {different(draw, n)}." for n in (47, 48, 49)]
    made += [f"{stop} {different(draw, 60)}." for stop in ("the", "the of", "The of", "be", "have that")]
    made += [f"the of {different(draw, 54)}" + " #" * n for n in (5, 6, 7, 8)]
    made += [f"the of {different(draw, 54)}" + mark * n for n in (5, 7, 9) for mark in (" ...", " …")]
    for share in (2, 3, 4, 9, 10):
        for front, back in (("- ", ""), ("• ", ""), ("", "..."), ("", "…  "), ("", ".")):
            lines = [f"to be of {different(draw, 9)} that" for _ in range(10)]
            made.append("\n".join(front + line + back if i < share else line for i, line in enumerate(lines)))
    made += ["\n".join(f"to be of {different(draw, 4)}{'.' if i % 8 < 1 else ''}" for i in range(n)) for n in (7, 8, 9, 16, 24)]
    made += ["\n".join(different(draw, draw.choice([3, 4, 5])) + "." for _ in range(25))
             + f"\nthe of {different(draw, 20)}." for _ in range(4)]
    for policy in texts.POLICIES:
        made.append("\n".join([f"to be of {different(draw, 12)}. And that is {different(draw, 3)}."] * 1 + [policy]
                              + [f"the of {different(draw, 15)}!" for _ in range(5)]))
    # Every kind of variant once, of short texts.
    plain = [f"{paragraph(draw, 3)}\n{different(draw, 30)}.\n{paragraph(draw, 2)}" for _ in range(6)]
    made += [change(draw.choice(plain), draw)[:2500] for change in texts.MUTATIONS.values()]
    return [text for text in made if text or text == ""]


def hard_strings():
    """Mixtures of what is hard to split; every exception of the tokenizer as a part of something."""
    import spacy

    draw = random.Random(8)
    tokenizer = spacy.blank("en").tokenizer
    rules = sorted(rule for rule in tokenizer.rules if rule.strip())
    made = [" ".join(rules[i : i + 40]) for i in range(0, len(rules), 40)]
    made += [" ".join(draw.choice(["({}", "{},", "x{}", "{0}{0}", "-{}.", "\"{}\""]).format(rule) for rule in rules[i : i + 40])
             for i in range(0, len(rules), 40)]
    pool = texts.TOKENS + texts.QUOTES + texts.TERMINALS + list("abXZ019.,:;-_/'’\"()[]{}<>@#$%&*+=~`|!?§°²€…—–¿😀語жЖαא")
    pool += [".com", "km", "US$"]
    for _ in range(250):
        spaces = texts.SPACES + [" "] * 8 + ["\n"]
        made.append("".join(draw.choice(pool) + (draw.choice(spaces) if draw.random() < 0.3 else "") for _ in range(draw.randint(2, 10))))
    return [[text, [word.text.strip() for word in tokenizer(text) if word.text.strip()]] for text in made]


def strings():
    spaces = [chr(code) for code in range(0x110000) if chr(code).isspace()]
    made = ["a" + c + "b" + c for c in texts.LINE_ENDS + texts.SPACES + ["\n", "\r\r\n", "\n\r", "\x1b", "\x7f", "\u180e", "\u2060"]]
    made += ["".join(spaces), "".join(f"{i}{c}" for i, c in enumerate(spaces)), "", "\n", "a\n\n", "\x1f \u00a0x y\u0085"]
    letters = [c for c in map(chr, [*range(0x20, 0x250), *range(0x370, 0x700), *range(0x900, 0x980), *range(0x2100, 0x2190),
                                    *range(0x3000, 0x3100), 0xaa, 0x1d400, 0x20000, 0x1f600])]
    return {"split": [[text, text.splitlines(), text.strip(), text.split()] for text in made],
            "letters": "".join(c for c in letters if c.isalpha()), "others": "".join(c for c in letters if not c.isalpha())}


def main():
    judge = decisions.Judge()
    rows = [judge.judge({"text": text}) for text in short_texts()]
    for row in rows:
        row.pop("rewritten_words")
    golden = {"texts": rows, "words": hard_strings(), "strings": strings()}
    folder = ROOT / "crates/corpus/tests/golden"
    folder.mkdir(parents=True, exist_ok=True)
    lines = [f"{json.dumps(key)}: {{\n" + ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in value.items()) + "\n}"
             if isinstance(value, dict) else f"{json.dumps(key)}: [\n" + ",\n".join(map(json.dumps, value)) + "\n]"
             for key, value in golden.items()]
    (folder / "filters.json").write_text("{" + ",\n".join(lines) + "}\n", encoding="utf-8")
    for name in decisions.FILTERS:
        print(name, sorted({row[name] for row in rows}))
    print(len(rows), "texts,", len(golden["words"]), "hard strings")


main()
