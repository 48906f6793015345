"""Golden file for crates/corpus: datatrove's text simplification, MinHash signatures and replaced personal data.

Needs: datatrove[processing], spacy. Run from the repository's root:
    python scripts/golden/datatrove_minhash.py
Writes crates/corpus/tests/golden/datatrove.json: texts with their simplified form, lists of words with their signature
(SHA-1, 64 bits, 14 buckets of 8), and texts with e-mail and IP addresses replaced. All texts are made here.
"""

import json
import random
import unicodedata
from pathlib import Path

from datatrove.pipeline.dedup.minhash import MinhashConfig, MinhashDedupSignature
from datatrove.pipeline.formatters.pii import PIIFormatter
from datatrove.utils.hashing import HashConfig
from datatrove.utils.text import TextNormConfig, simplify_text

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "crates/corpus/tests/golden/datatrove.json"

SENTENCES = [
    "The miller's daughter wasn't asleep; she'd heard the wheel (twice), and she'll say it's turned since 1847!",
    "Un élève français déjà pressé: «Où est la forêt?» Ångström, naïve café, Köln, Łódź, İstanbul, ĳsvrij, straße.",
    "Decomposed: cafe\u0301, A\u030angstro\u0308m, n\u0303andu\u0301, o\u0323\u0302; hangul 한국어, \u1112\u1161\u11ab; का की.",
    "東京は日本の首都です。人口は約１４００万人。北京是中国的首都，有两千多万人口！「はい」？",
    "Столица России — Москва; ёлка, й. القاهرة عاصمة مصر، ١٢٣٫٤٥. नई दिल्ली १२,३४५ भारत। ΟΔΟΣ ΣΟΦΟΣ.",
    "Numbers: 3.14159, 1,000,000, 1.2.3.4, ½, Ⅻ, ², 1e-9, 0xFF, 24:00, 10%, $5.50, 7.x, 8., .9, 12⎖5.",
    "Tabs\t\tand   spaces    and\u00a0no-break\u2003em\u2028line\r\n\r\nnew\r lines \n \n  end \x1c\x1f\x85\x00\x07.  ",
    "Smiles 😀😀, a family 👨‍👩‍👧‍👦, flags 🇫🇷🇯🇵, hearts ❤️❤, maths ∑∫√≠≮, signs ©™®°§¶†‡•·, K Å Ω.",
    "Quotes: \u2018one\u2019 \u201ctwo\u201d \u201ethree\u201c ‹four› `five` ´six´; dashes - – — ― −; dots … ..",
]
PIECES = [
    "a", "B", "e\u0301", "Éa", "ß", "ſ", "İ", "Σ", "ΑΣ", " ", "  ", "\t", "\n", "\u00a0", "\u3000", "\u2028", "\u200b", "\x85",
    "\x1d",
    "0", "7", "12", "٣", "Ⅻ", "½", "𝟙", "１", ".", ",", "،", "٫", "⎗", "!", "…", "’", "\u2018", "“", "„", "‟", "«", "‹", "|", "～",
    "〈", "『",
    "ﬁ", "≠", "\u037e", "\u1fef", "\u0344", "\u0301", "\u0327", "\u302e", "\u20dd", "\u1100", "\u1161", "각", "Ω", "\u212b",
    "か\u3099", "ガ",
    "the", " Boat", "\x00", "\x7f", "\ufffd", "\ufeff", "日本", "😀", "\u200d", "\ufe0f", "ी", "ि", "־", "্",
]

EMAILS_AND_IPS = [
    "Write to me@site.org.", "a@b.co, c@d.co; e@f.co g@h.co", "<jo.do+tag@mail.example.co.uk>", "mailto:x_y@z-1.net?subject=hi",
    "..me@site.org", "a..b@site.org", ".a.b.@site.org", "éme@site.org", "é.me@site.org", "é-me@site.org", "ñ#me@site.org",
    "a@b@c.org", "a@b.c@d.e",
    "me@[8.8.8.8]", "me@[8.8.8.x:]", "me@[8.8.8.256]", "me@[08.8.8.8]", "me@[8.8.8.x-:]", "me@site.org-", "me@site.a-.b",
    "me@site-.org", "me@-site.org",
    "me@.site.org", "me@site..org", "user@localhost", "@handle", "x @handle.com", "!#$%&'*+/=?^_`{|}~-@site.org", "-a@site.org",
    "'me'@site.org",
    "(me@site.org)", "\"me\"@site.org", "me@sitе.org", "me@site.orgé", "me@site.org_x", "me@1.2.3.4", "me@8.8.8.8 8.8.8.8", "me\n@site.org",
    "²me@site.org", "\u0301me@site.org", "_me@site.org", "me@a.b.c.d.e.", "me@site.org,you@site.org", "me@site.org/you@site.org",
    "me@site.orgyou@site.org",
    "8.8.8.8", "host 8.8.8.8, 1.1.1.1.", "version 1.2.3.4", "v1.2.3.4-beta", "http://93.184.216.34:80/x", "...8.8.8.8...",
    "1..8.8.8.8", "..8.8.8.8",
    "10.0.0.1 172.16.5.4 172.31.255.255 192.168.1.1 127.0.0.1 169.254.1.1 0.1.2.3 198.18.0.1 198.19.1.1 240.0.0.1 255.255.255.255",
    "172.15.0.1 172.32.0.1 11.0.0.1 126.0.0.1 128.0.0.1 169.253.0.1 198.17.0.1 198.20.0.1 223.1.1.1 224.0.0.1 239.1.1.1",
    "100.63.0.1 100.64.0.1 100.127.0.1 100.128.0.1",
    "192.0.2.1 198.51.100.2 203.0.113.3", "999.1.1.1", "1.1.1.256", "1234.1.1.1", "1.1.1.1234", "1.2.3.4.5", "8.8.8.8.8.8.8.8",
    "01.2.3.4", "8.8.8.08",
    "00.0.0.0", "At 10.30 on 24.12.2021, section 3.2.1, for $1.234.567", "a8.8.8.8b", "8.8.8.8:53,9.9.9.9", "8.8.8", "8.8.8.",
    "1 .2.3.4", "1.2.3.4\n5", "٣8.8.8.8",
    "8.8.8.8 9.9.9.9 1.0.0.1 1.1.1.1 4.4.4.4 5.5.5.5 6.6.6.6 7.7.7.7",
]
IP_STAND_INS = ("192.0.2.1", "198.51.100.2", "203.0.113.3", "192.0.2.4", "198.51.100.5", "203.0.113.6")


def assigned(text: str) -> bool:
    """Characters that this Python's Unicode tables do not know yet would be judged differently by newer ones."""
    return all(unicodedata.category(c) != "Cn" for c in text)


def mixtures(pieces: list[str], n: int, seed: int) -> list[str]:
    draw = random.Random(seed)
    return ["".join(draw.choice(pieces) for _ in range(draw.randint(1, 20))) for _ in range(n)]


def simplified() -> list[dict]:
    latin = [chr(code) for code in range(0x20, 0x250)] + [chr(code) for code in range(0x2000, 0x2065)]
    texts = SENTENCES + mixtures(PIECES, 300, 1) + mixtures(latin, 100, 2)
    assert all(map(assigned, texts))
    return [{"text": text, "simple": simplify_text(text)} for text in texts]


class Spaces:
    """Words as they are given."""

    def word_tokenize(self, text: str) -> list[str]:
        return text.split(" ")


def signatures() -> list[dict]:
    rules = ["lowercase", "norm_whitespace", "remove_punctuation", "norm_unicode_diacritics", "norm_numbers"]
    asis = TextNormConfig(**{rule: False for rule in rules})
    config = MinhashConfig(norm_config=asis, hash_config=HashConfig(precision=64, hash_fc="sha1"))
    step = MinhashDedupSignature(output_folder="/dev/null", config=config)
    step.word_tokenizer = Spaces()
    draw = random.Random(3)
    lists = ["the quick brown fox jumps", "the quick brown fox jumps over the lazy dog", "a b c d e f g a b c d e f g"]
    lists += [" ".join(simplify_text(sentence).split()) for sentence in SENTENCES[1:4]]
    lists += [" ".join("".join(draw.choice("abcdefgh é語") for _ in range(draw.randint(1, 30))).replace(" ", "x") for _ in range(40))]
    rows = []
    for text in lists:
        buckets = step.get_signature(step.get_shingles(text))
        rows.append({"words": text.split(" "), "signature": [hash for bucket in buckets for hash in bucket]})
    return rows


def replaced() -> list[dict]:
    pieces = ["a", "b", "1", "8", "25", "256", ".", ".", "@", "@", "-", " ", "_", "é", "[", "]", ":", "site", "8.8.8", "a@b.co", "#"]
    texts = EMAILS_AND_IPS + mixtures(pieces, 400, 4)
    # A new formatter for each text: its stand-ins rotate from the first one on.
    return [{"text": text, "replaced": PIIFormatter(ip_replacement=IP_STAND_INS).format(text)} for text in texts]


GOLDEN.parent.mkdir(parents=True, exist_ok=True)
golden = {"simplified": simplified(), "signatures": signatures(), "replaced": replaced()}
lines = [f'"{name}":[\n' + ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows) + "\n]" for name, rows in golden.items()]
GOLDEN.write_text("{" + ",\n".join(lines) + "}\n", encoding="ascii")
print({name: len(rows) for name, rows in golden.items()})
