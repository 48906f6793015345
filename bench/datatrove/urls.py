"""Keep or drop an address: datatrove 0.10's URL filter and ours with the same lists.

Needs the Python packages datatrove[processing]==0.10.0 and warcio. LISTS is a folder with FineWeb's lists (domains, urls,
banned_words.txt, banned_subwords.txt, soft_banned_words.txt; each with or without .txt and .gz, and none of them required); the
addresses are those of the WARC files in the other folders, and variants that the seed draws. From the repository's root:

    python bench/datatrove/urls.py theirs LISTS urls.jsonl FOLDER...
    cargo run --release -p corpus --example decisions -- --url LISTS urls.jsonl > ours.jsonl
    python bench/datatrove/urls.py compare urls.jsonl ours.jsonl
"""

import collections
import gzip
import json
import random
import sys
from pathlib import Path

REASONS = {"domain": "url_domain", "subdomain": "url_domain", "url": "url_domain", "hard_blacklisted": "url_word",
           "soft_blacklisted": "url_soft_words", "blacklisted_subword": "url_substring"}

HOSTS = ["user.github.io", "x.blogspot.com", "bbc.co.uk", "town.example", "localhost", "a.b.kawasaki.jp", "münchen.de", "xn--mnchen-3ya.de",
         "例え.jp", "www.ck", "a.ck", "[::1]"]


def read_list(folder, name):
    for ending in ("", ".txt", ".gz", ".txt.gz"):
        path = folder / (name + ending)
        if path.is_file():
            data = path.read_bytes()
            return (gzip.decompress(data) if ending.endswith(".gz") else data).decode("utf-8", "replace").splitlines()
    return []


def addresses(folders, lists, count, draw):
    from warcio.archiveiterator import ArchiveIterator

    found = set()
    for folder in folders:
        for path in sorted(Path(folder).rglob("*.warc.gz")):
            with path.open("rb") as file:
                found |= {record.rec_headers.get_header("WARC-Target-URI") for record in ArchiveIterator(file)} - {None}
    found = sorted(url for url in found if url.startswith("http"))
    made = list(found)
    words = [word for name in ("banned_words", "soft_banned_words", "banned_subwords") for word in lists[name] if word]
    soft = [word for word in lists["soft_banned_words"] if word] or ["word"]
    domains, urls = lists["domains"] or ["a.com"], lists["urls"] or ["a.com/b"]
    while len(made) < count:
        url, word = draw.choice(found), draw.choice(words)
        made.append(draw.choice([
            lambda: url + draw.choice("/-_?.=&+%") + word,
            lambda: url + word,
            lambda: url + "/" + word.upper(),
            lambda: url + "/" + draw.choice("-_ é%").join(word),
            lambda: url + "/" + draw.choice(soft) + "-" + draw.choice(soft) + draw.choice(["", "s"]),
            lambda: "http://" + draw.choice(domains) + draw.choice(["", "/", "/a/b?c", ":8080/x", "?q", "#f"]),
            lambda: draw.choice(["https://www.", "http://a.b.", "http://user:word@", "//", "http://x", ""]) + draw.choice(domains) + "/",
            lambda: "http://" + draw.choice(domains).upper() + "/x",
            lambda: draw.choice(["http://", ""]) + draw.choice(urls) + draw.choice(["", "", "/", "s"]),
            lambda: f"http://{draw.randint(0, 255)}.{draw.randint(0, 255)}.0.{draw.randint(0, 255)}/{word}",
            lambda: "http://" + draw.choice(HOSTS) + "/" + word,
        ])())
    return made


def theirs(folder, out, folders):
    from datatrove.data import Document
    from datatrove.pipeline.filters import URLFilter

    draw = random.Random(1)
    lists = {name: read_list(Path(folder), name) for name in ("domains", "urls", "banned_words", "banned_subwords", "soft_banned_words")}
    filled = {name: [line for line in lines if line.strip()] for name, lines in lists.items()}
    judge = URLFilter(extra_domains=filled["domains"], extra_urls=filled["urls"], banned_words=filled["banned_words"],
                      banned_subwords=filled["banned_subwords"], soft_banned_words=filled["soft_banned_words"], use_integrated_lists=False)
    with open(out, "w", encoding="utf-8") as file:
        for i, url in enumerate(addresses(folders, filled, 6000, draw)):
            answer = judge.filter(Document(text="", id="", metadata={"url": url}))
            file.write(json.dumps({"id": i, "url": url, "verdict": "keep" if answer is True else REASONS[answer[1]]}) + "\n")


def compare(expected, ours):
    pairs = [(json.loads(a), json.loads(b)["url"]) for a, b in zip(open(expected, encoding="utf-8"), open(ours, encoding="utf-8"))]
    unequal = [(row, verdict) for row, verdict in pairs if row["verdict"] != verdict]
    capitals = [row for row, _ in unequal if "/X" in row["url"].upper() and (host := row["url"].split("/")[2]) != host.lower()]
    print(f"{len(pairs)} addresses, {len(unequal)} verdicts differ,",
          f"{len(capitals)} of them of hosts in capitals, which datatrove takes as they are")
    unequal = [(row, verdict) for row, verdict in unequal if row not in capitals]
    print(f"{100 * (1 - len(unequal) / len(pairs)):.3f} % agree but for those")
    print(collections.Counter(row["verdict"] for row, _ in pairs))
    for row, verdict in unequal:
        print(f"theirs {row['verdict']}, ours {verdict}: {row['url']}")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["theirs", folder, out, *folders]:
            theirs(folder, out, folders)
        case ["compare", expected, ours]:
            compare(expected, ours)
        case _:
            sys.exit(__doc__)
