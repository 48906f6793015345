"""Texts to compare decisions on: what pages, books and collections hold, and variants that stand near every threshold.

Needs the Python packages warcio and trafilatura. Folders are searched for *.warc.gz and *.html (main text by trafilatura),
*.jsonl (their field `text`), *.md and *.txt (cut into pieces of varied length):

    python bench/datatrove/texts.py --count 10000 --out texts.jsonl FOLDER...

Writes JSON lines {"id", "source", "text"} and prints the number of texts by source. The same folders and the same seed give the
same texts.
"""

import argparse
import collections
import json
import random
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

LONGEST = 8_000  # characters; longer texts are cut, so that no single one takes the time of many

LARGEST_PAGE = 100_000  # bytes of a single HTML page; manuals have pages that take as long as a hundred others

LINE_ENDS = ["\r\n", "\r", "\v", "\f", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029"]
SPACES = ["\u00a0", "\u2003", "\u3000", "\x1f", "\u202f", "  ", "\t", "\u200b", "\ufeff"]
TERMINALS = list("。！？؟۔।॥።፧։။៕᙮‽⁇⁉⸮꓿꘎．｡︒")
QUOTES = list("\"'”’»)]…;:,") + ["...", "....", "……", "''", "!!", "?!", ".)", ".\"", " .", " . \"", "  "]
POLICIES = ["Read our privacy policy before you go on.", "This site uses cookies to serve you better.", "Terms of use apply here.",
            "Please enable JavaScript to see this page.", "use coo\u212aies if you like", "function f() { return 1; }",
            "Lorem ipsum dolor sit amet, consectetur.", "LOREM  IPSUM dolor sit", "See the cookie policy.", "JAVASCRIPT is off"]
TOKENS = ["don't", "I'm", "they’re", "it's", "cannot", "Mr. Low", "e.g. this", "U.S.A.", "Ph.D.", "8a.m.", "10pm", ":-)",
          "hello:)", "(8)", "<3",
          "^_^", "http://www.example.com/a-b?c=d", "me@example.org", "www.example.co.uk/x/y", "8.8.8.8/foo", "a--b", "one,two",
          "well-known",
          "and/or", "5-3", "10km/h", "30°C.", "US$5", "$1,000.50", "100%", "C++", "x=y", "end.Start", "…and", "¯\\(ツ)/¯", "#tag",
          "@name", "it.”",
          "[12]", "[edit]", "[citation needed]", "日本語。", "«да»", "Привет,мир", "٣٤", "50кг", "№5", "™", "A.B.", "v.s.", "'tis",
          "rock'n'roll",
          "O'Neil's", "word_word", "~tilde", "tcp://host:80/p", "file.txt", "index.Html", "a/b/c", "1990s", "3x4", "2^10", "-5",
          "+3", "a+b", "7e-9"]


def pages(path):
    """The main texts of a WARC file or of one HTML page."""
    import trafilatura

    def main_text(html):
        return trafilatura.extract(html, favor_precision=True, include_comments=False, deduplicate=False) or ""

    if path.suffix == ".html":
        return [main_text(path.read_bytes())]
    from warcio.archiveiterator import ArchiveIterator

    found = []
    with path.open("rb") as file:
        for record in ArchiveIterator(file):
            kind = record.http_headers.get_header("Content-Type", "") if record.http_headers else ""
            if record.rec_type == "response" and "html" in kind.lower():
                try:
                    found.append(main_text(record.content_stream().read()))
                except Exception as error:  # one page costs one text
                    print(f"{path.name}: {error}", file=sys.stderr)
    return found


def pieces(text, draw):
    """A long text cut at paragraphs into pieces of 40 to 9000 characters."""
    paragraphs = text.split("\n\n")
    at = 0
    while at < len(paragraphs):
        wanted, piece = int(40 * 225 ** draw.random()), []
        while at < len(paragraphs) and sum(map(len, piece)) < wanted:
            piece.append(paragraphs[at])
            at += 1
        yield "\n\n".join(piece)


def shorten(text, draw):
    """The first words, about as many as the fewest that are allowed."""
    return " ".join(text.split(" ")[: draw.choice([5, 30, 40, 48, 52, 60, 80])])


def repeat_lines(text, draw):
    lines = text.split("\n")
    for _ in range(draw.randint(1, max(2, len(lines)))):
        lines.insert(draw.randrange(len(lines) + 1), draw.choice(lines))
    return draw.choice(["\n", "\n\n", "\n\n\n"]).join(lines)


def repeat_phrase(text, draw):
    words = text.split(" ")[:400]
    n, start = draw.randint(1, 14), draw.randrange(max(1, len(words)))
    phrase = words[start : start + n]
    for _ in range(draw.randint(1, 12)):
        words[(at := draw.randrange(len(words) + 1)) : at] = phrase
    return " ".join(words)


def sprinkle(marks, share):
    def change(text, draw):
        words = text.split(" ")
        most = share * draw.random()
        mark = lambda: draw.choice(["", " "]) + draw.choice(marks) if draw.random() < most else ""
        return " ".join(word + mark() for word in words)

    return change


def mark_lines(text, draw):
    lines = text.split("\n")
    if len(lines) < 8:
        lines = text.replace(". ", ".\n").split("\n")
    front, back = draw.choice([("- ", ""), ("• ", ""), ("  -", ""), ("", "..."), ("", "… "), ("", "."), ("", "!"), ("* ", ""), ("", "\"")])
    share = draw.choice([0.1, 0.12, 0.15, 0.28, 0.32, 0.88, 0.92, 1])
    return "\n".join(front + line + back if draw.random() < share else line.rstrip(".!?") for line in lines)


def chop(text, draw):
    """Lines of about the length that counts as short."""
    words, lines, line = text.split(), [], ""
    wanted = draw.choice([8, 20, 28, 31, 34, 45])
    for word in words[:800]:
        line += (" " if line else "") + word
        if len(line) >= wanted + draw.randint(-4, 4):
            lines.append(line)
            line = ""
    return "\n".join([*lines, line])


def long_words(text, draw):
    words = text.split(" ")
    for _ in range(draw.randint(1, 6)):
        words.insert(draw.randrange(len(words) + 1), draw.choice("aéж語") * draw.choice([30, 300, 999, 1000, 1001, 1500]))
    return " ".join(words)


def insert_lines(text, draw):
    lines = text.split("\n")
    for _ in range(draw.randint(1, 3)):
        lines.insert(draw.randrange(len(lines) + 1), draw.choice(POLICIES))
    return "\n".join(lines)


def numbers(text, draw):
    share = draw.uniform(0.05, 0.3)
    return " ".join(str(draw.randint(0, 9999)) if draw.random() < share else word for word in text.split(" "))


def few_sentences(text, draw):
    sentences = text.replace("\n", " ").split(". ")[: draw.randint(3, 7)]
    return draw.choice([". ", ".\n", ".  ", ". \" ", " . [1] ", ".\u00a0"]).join(sentences)


def no_stop_words(text, draw):
    kept = set(draw.sample(["the", "be", "to", "of", "and", "that", "have", "with"], draw.randint(0, 3)))
    dropped = {"the", "be", "to", "of", "and", "that", "have", "with"} - kept
    return " ".join(word for word in text.split(" ") if word not in dropped)


def replace_char(old, new):
    def change(text, draw):
        share = draw.random()
        return "".join(draw.choice(new) if c == old and draw.random() < share else c for c in text)

    return change


MUTATIONS = {
    "shortened": shorten, "repeated lines": repeat_lines, "repeated phrase": repeat_phrase, "hashes": sprinkle(["#", "##"], 0.25),
    "ellipses": sprinkle(["...", "…", "...."], 0.25), "quotes": sprinkle(QUOTES, 0.3), "marked lines": mark_lines, "short lines": chop,
    "long words": long_words, "policy lines": insert_lines, "numbers": numbers, "few sentences": few_sentences,
    "stop words": no_stop_words, "line ends": replace_char("\n", LINE_ENDS), "spaces": replace_char(" ", SPACES),
    "terminals": replace_char(".", TERMINALS), "hard tokens": sprinkle(TOKENS, 0.3), "words cut": replace_char(" ",
    LINE_ENDS + SPACES + ["\n"]),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--mutated", type=float, default=0.45, help="the share of variants")
    parser.add_argument("--pages", type=int, default=250, help="most single HTML pages of a folder")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    draw = random.Random(args.seed)

    found = collections.defaultdict(list)
    for folder in args.folders:
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        html = [path for path in files if path.suffix == ".html" and path.stat().st_size < LARGEST_PAGE]
        web = [path for path in files if path.name.endswith(".warc.gz")] + sorted(draw.sample(html, min(len(html), args.pages)))
        with ProcessPoolExecutor() as pool:
            for path, texts in zip(web, pool.map(pages, web, chunksize=4)):
                found[f"{folder.name} {'html' if path.suffix == '.html' else 'warc'}"] += texts
        for path in files:
            if path.suffix == ".jsonl":
                found[f"{folder.name} jsonl"] += [json.loads(line).get("text", "") for line in path.open(encoding="utf-8")]
            elif path.suffix in (".md", ".txt"):
                found[f"{folder.name} text"] += pieces(path.read_text(encoding="utf-8"), draw)
    # Sources in turn, so that the many pieces of books do not crowd out the web.
    for source in found:
        texts = sorted({text[:LONGEST] for text in found[source] if text.strip()})
        draw.shuffle(texts)
        found[source] = texts
    plain = []
    wanted = round(args.count * (1 - args.mutated))
    while len(plain) < wanted and any(found.values()):
        plain += [(source, found[source].pop()) for source in found if found[source]]
    plain = plain[:wanted]

    rows = [{"source": source, "text": text} for source, text in plain]
    names = list(MUTATIONS)
    while len(rows) < args.count:
        name = names[len(rows) % len(names)]
        text = MUTATIONS[name](draw.choice(plain)[1], draw)
        if draw.random() < 0.15:  # and one change more
            text = MUTATIONS[draw.choice(names)](text, draw)
        if text.strip():
            rows.append({"source": f"variant: {name}", "text": text[: 2 * LONGEST]})
    with args.out.open("w", encoding="utf-8") as out:
        for i, row in enumerate(rows):
            out.write(json.dumps({"id": i, **row}) + "\n")
    for source, count in sorted(collections.Counter(row["source"] for row in rows).items()):
        print(f"{count:6} {source}")
    print(f"{len(rows):6} texts, {sum(len(row['text']) for row in rows)} characters")


if __name__ == "__main__":
    main()
