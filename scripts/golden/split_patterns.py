"""Golden file for crates/tokenizer: hard texts, cut into words by the patterns of nine families.

Needs: regex, tiktoken. Run from the repository's root:
    python scripts/golden/split_patterns.py
Writes crates/tokenizer/tests/golden/split_patterns.json: the patterns, and texts with the length in characters of each
word that the regex package finds. The patterns of OpenAI's families are those in tiktoken, without their vocabularies; the others are
those of the families' tokenizer.json. StarCoder's has no pattern of its own: digits are cut out, and GPT-2's words are found in each
stretch between them, as if it were a text. So they are found here, and the pattern that crates/tokenizer has for it is held against that.
"""

import json
import random
from pathlib import Path

import regex
from tiktoken_ext import openai_public

GOLDEN = Path(__file__).resolve().parents[2] / "crates/tokenizer/tests/golden"
QWEN2 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
         r"|\s*[\r\n]+|\s+(?!\S)|\s+")

TEXTS = [
    "", " ", "\n", " \n", "\n ", "  \n  ", "\n\n", "a ", "a  ", "a\n", "a \n ", " a", "\ta", "\na", "\u00a0a", "\u3000\u3000a", "a\u0085b",
    "a\u0085\u0085", "\u180ea", " \u180e", "\u200ba", " \u200b ", "\ufeffa", "\x1c\x1d a", "\u2028\u2029a", "\x0b\x0ca", "\r\r\na",
    "'", "''", "'s", " 's", "''s", "'S", "it's IT'S It'S it'\u017f", "'\u017fo", "'lL'Ll'l'le", "'re'rE'r'v'Ve'x", "don't!'ll 'd'm've",
    "\u2019s it\u2019s", "'\u212a \u212a'\u212a k'K",
    "1", "12", "123", "1234567", " 1234", "3.14159", "1\u066112\u00b2\u2160\U0001d7d9", "x1y22z333", "\u00bd\u00bd\u00bd\u00bd",
    "HTTPServer getURLFromID iPhone McDONALD'S ABC's abcDEF's", "ABCa AbCd aB Ab", "\u01c5abc \u01c5\u01c5 A\u01c5a", "\u02b0A\u02b0Ba\u02b0",
    "\u4e2dABC \u4e2dabc\u4e2dABC", "ABC\u4e2dDEF\u4e2d", "ABC\u4e2d's DEF's\u4e2d", "\u0301", "\u0301A", "\u0301ABC", "\u0301Ab", "\u0301\u0301", " \u0301",
    " \u0301A", "!\u0301", "!\u0301A", "!!\u0301A", "A\u0301A", "A\u0301a", "AB\u0301CD", "e\u0301te\u0301", "\u0301's", "!\u0301's", "\u0301\n/",
    "\u0915\u093c\u0941 \u0928\u0908 \u0926\u093f\u0932\u094d\u0932\u0940", "\u0e20\u0e32\u0e29\u0e32\u0e44\u0e17\u0e22", "\u05e9\u05b8\u05dc\u05d5\u05b9\u05dd 'AB\u05e9CD'",
    "//\n//", "a/b//c", "!\n/\r\n/a", "! /\n", " /\r\n a", "https://a.example/b?c=D&e=1#f", "<|endoftext|>\n\n", "(hi)\r\n\r\n", "  ...\n  x",
    "def area(width: float, height=2.5):\n    if width <= 0:\n        return None  # none\n\treturn width * height ** 2\n\n\nprint(area(3))\n",
    "\U0001f600\U0001f44d\U0001f3fd\u2764\ufe0f\u200da \U0001f468\u200d\U0001f469\u200d\U0001f467", "\u1100\u1161\u11a8 \uc11c\uc6b8\uc740",
    "\u041c\u043e\u0441\u043a\u0432\u0430 \u041c\u041e\u0421\u041a\u0412\u0410'S \u0431\u0411\u0431", "\U00020000\U00020001 \U0001d400\U0001d41a\U0001d400",
    "\U0001e900\U0001e922\U0001e900", "\u0000a\u0000", "\ufffd\ue000a", "\u0378a", "\u24b6\u24d0A\u24d0", "\u00aa\u00baA\u00aaB",
]

PIECES = ["a", "B", "the", "Ab", "XYZ", "'s", "'T", "'ll", "'\u017f", "'x", "'", " ", "  ", "   ", "\t", "\n", "\r\n", "\n\n", "\u00a0", "\u3000", "\u0085",
          "\u200b", "7", "42", "1984", "\u0663", "\u216b", "!", "...", "/", "//", "|", "\u2014", "\u65e5\u672c", "\u00df", "\u00c9", "\u01c5", "\u02b0", "\u0301",
          "\u0903", "\u20dd", "\U0001f600", "\u200d", "\ufe0f", "\u1100", "\u03a9", "\u0436", "\u212a", "\U00020000", "\U0001d400", "\u0378", "\u0000"]


STARCODER = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+|\s+(?=\p{N})|\s+(?!\S)|\s+"
TEKKEN = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
          r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"
          r"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
QWEN35 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*"
          r"|\s*[\r\n]+|\s+(?!\S)|\s+")
SEED_CODER = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+"
              r"|\s*[\r\n]+|\s+(?!\S)|\s+")


def patterns() -> dict[str, str]:
    openai_public.load_tiktoken_bpe = openai_public.data_gym_to_mergeable_bpe_ranks = lambda *_, **__: {}
    of_openai = {name: getattr(openai_public, name)()["pat_str"] for name in ("gpt2", "cl100k_base", "o200k_base")}
    return {"qwen2": QWEN2, **of_openai, "llama3": QWEN2.replace(r"|\p{N}|", r"|\p{N}{1,3}|"),
            "starcoder": STARCODER, "tekken": TEKKEN, "qwen3.5": QWEN35, "seed-coder": SEED_CODER}


def texts() -> list[str]:
    draw = random.Random(7)
    return TEXTS + ["".join(draw.choice(PIECES) for _ in range(draw.randint(2, 30))) for _ in range(200)]


def lengths(pattern: regex.Pattern, text: str) -> list[int]:
    words = [match.group() for match in pattern.finditer(text)]
    assert "".join(words) == text and all(words)
    return [len(word) for word in words]


found = patterns()
compiled = {name: regex.compile(pattern) for name, pattern in found.items()}


def between_digits(text: str) -> list[int]:
    stretches = [stretch for stretch in regex.split(r"(\p{N})", text) if stretch]
    return [length for stretch in stretches for length in lengths(compiled["gpt2"], stretch)]


rows = [{"text": text} | {name: lengths(pattern, text) for name, pattern in compiled.items()} | {"starcoder": between_digits(text)}
        for text in texts()]
lines = [json.dumps(row, ensure_ascii=True, separators=(",", ":")) for row in rows]
head = json.dumps(found, ensure_ascii=True, indent=1)
GOLDEN.mkdir(parents=True, exist_ok=True)
(GOLDEN / "split_patterns.json").write_text(f'{{"patterns":{head},\n"texts":[\n' + ",\n".join(lines) + "\n]}\n", encoding="utf-8")
print(len(found), "patterns,", len(rows), "texts")
