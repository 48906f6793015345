"""64 chats at once for two minutes, with slow readers, disconnects, oversized prompts and bad JSON among them.

Needs nothing but Python's own library, and a server; xllamacpp for --rival. From the repository's root:

    schoolhouse serve --model runs/demo &
    python bench/serve/load.py http://127.0.0.1:8000 --model demo/assistant --pid $! --seconds 120
    python bench/serve/load.py --rival demo.gguf --seconds 120 --threads 2      # llama.cpp's server at the same load

Every chat asks again as soon as it is answered. What came is counted: answers, refusals by their status, and what was neither, which
must not occur. Prints one JSON object: time to the first token (median and 95 of 100, of well-behaved chats), tokens a second, and the server's
memory after a quarter of the time and at its end, which must not have grown by a tenth. Ends with a failure where something must not be.
"""

import argparse
import http.client
import json
import random
import statistics
import sys
import threading
import time
import urllib.parse
from pathlib import Path

QUESTIONS = ["Who are you?", "What is 312 + 459?", "Tell me a story about a fox.", "What is the capital of France?", "Count the letters in garden.",
             "Say hello.", "Who was the first king of Ardel?", "What is seven times eight?"]


class Tally:
    """What came, over all chats."""

    def __init__(self):
        self.lock = threading.Lock()
        self.counts, self.first, self.tokens, self.wrong = {}, [], 0, []

    def add(self, what: str, first: float | None = None, tokens: int = 0):
        with self.lock:
            self.counts[what] = self.counts.get(what, 0) + 1
            self.tokens += tokens
            if first is not None:
                self.first.append(first)

    def neither(self, what: str):
        with self.lock:
            self.counts["neither answered nor refused"] = self.counts.get("neither answered nor refused", 0) + 1
            self.wrong.append(what)


class Chat(threading.Thread):
    """One client, of one of the manners."""

    def __init__(self, number: int, args, tally: Tally, end: float):
        super().__init__(daemon=True)
        manners = ["plain"] * 12 + ["slow", "leaves", "oversized", "bad JSON"]
        self.manner = manners[number % len(manners)] if not args.plain else "plain"
        self.random = random.Random(number)
        self.args, self.tally, self.end = args, tally, end

    def run(self):
        while time.monotonic() < self.end:
            try:
                self.ask()
            except Exception as error:  # whatever it is, it is told of
                if time.monotonic() < self.end:
                    self.tally.neither(f"{self.manner}: {type(error).__name__}: {error}")
                time.sleep(0.1)

    def body(self) -> bytes:
        words = self.random.choice(QUESTIONS) + (" word" * 20_000 if self.manner == "oversized" else "")
        asked = {"model": self.args.model, "messages": [{"role": "user", "content": words}], "max_tokens": self.args.tokens, "stream": True,
                 "seed": self.random.randrange(1 << 30)}
        body = json.dumps(asked).encode()
        return body[: len(body) // 2] if self.manner == "bad JSON" else body

    def ask(self):
        url = urllib.parse.urlsplit(self.args.url)
        connection = http.client.HTTPConnection(url.hostname, url.port, timeout=120)
        started = time.monotonic()
        connection.request("POST", "/v1/chat/completions", self.body(), {"Content-Type": "application/json"})
        response = connection.getresponse()
        if response.status != 200:
            message = json.loads(response.read())["error"]["message"]
            assert message, "a refusal without a reason"
            self.tally.add(f"refused with {response.status}")
            time.sleep(0.05)
        else:
            self.read(response, started)
        connection.close()

    def read(self, response, started: float):
        first, tokens = None, 0
        for line in response:
            if not line.startswith(b"data: "):
                continue
            data = line[6:].strip()
            if data == b"[DONE]":
                wanted = first if self.manner == "plain" else None
                return self.tally.add(f"answered ({self.manner})", wanted, tokens)
            piece = json.loads(data)
            if "error" in piece:
                return self.tally.add("refused within the stream")
            if piece["choices"] and piece["choices"][0]["delta"].get("content"):
                tokens += 1
                first = first or time.monotonic() - started
            if self.manner == "slow":
                time.sleep(0.1)
            if self.manner == "leaves" and tokens >= 3:
                return self.tally.add("left", None, tokens)
        self.tally.neither(f"{self.manner}: the stream ended without [DONE]")


def memory(pid: int) -> float:
    """MB that a process has in memory."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1000


def rival(args) -> str:
    """llama.cpp's server, within this process."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = args.rival
    params.n_parallel, params.n_ctx, params.n_gpu_layers = args.chats, args.chats * args.context, 0
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = args.threads
    rival.server = xllamacpp.Server(params)
    return rival.server.listening_address


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("url", nargs="?")
    parser.add_argument("--model", default="model")
    parser.add_argument("--pid", type=int)
    parser.add_argument("--chats", type=int, default=64)
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--plain", action="store_true", help="well-behaved chats alone")
    parser.add_argument("--rival", help="GGUF file for llama.cpp's server")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--context", type=int, default=256)
    args = parser.parse_args()
    args.url = rival(args) if args.rival else args.url
    tally, start = Tally(), time.monotonic()
    chats = [Chat(number, args, tally, start + args.seconds) for number in range(args.chats)]
    [chat.start() for chat in chats]
    time.sleep(args.seconds / 4)
    early = memory(args.pid) if args.pid else None
    time.sleep(args.seconds * 3 / 4)
    late = memory(args.pid) if args.pid else None
    [chat.join(timeout=150) for chat in chats]
    first = sorted(tally.first)
    report = {
        "chats": args.chats, "seconds": args.seconds, "counts": dict(sorted(tally.counts.items())),
        "first_token_ms": {"p50": 1000 * statistics.median(first), "p95": 1000 * first[int(0.95 * (len(first) - 1))]} if first else None,
        "tokens_per_second": tally.tokens / args.seconds, "memory_mb": {"early": early, "late": late}, "wrong": tally.wrong[:5],
    }
    print(json.dumps(report, indent=1))
    grown = early is not None and abs(late / early - 1) > 0.1
    sys.exit("something must not be" if tally.wrong or grown or any(chat.is_alive() for chat in chats) else 0)


if __name__ == "__main__":
    main()
