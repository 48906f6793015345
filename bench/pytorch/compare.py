"""Our training step and our sampling beside PyTorch's, in paired rounds on the same machine.

Needs the Python package torch. Run from the repository's root, after `cargo build --release`:

    python bench/pytorch/compare.py train --shape base --rounds 10
    python bench/pytorch/compare.py decode --shape base --rounds 5

A round measures ours (a fresh process, warmed up), then PyTorch, for about as long; what counts is the median of the rounds'
quotients, because machines are shared. PyTorch eager at its best: fused AdamW, one product for q, k, v and one for gate and up,
scaled_dot_product_attention, a KV cache that is allocated once, and malloc told to keep large blocks. `--compile` adds torch.compile.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time

MALLOC = {"MALLOC_MMAP_THRESHOLD_": "4294967296", "MALLOC_TRIM_THRESHOLD_": "4294967296", "MALLOC_TOP_PAD_": "67108864"}
if any(os.environ.get(name) != value for name, value in MALLOC.items()):
    os.environ.update(MALLOC)
    os.execv(sys.executable, [sys.executable, *sys.argv])

import torch
import torch.nn as nn
import torch.nn.functional as F

# Vocabulary, width, blocks, heads, MLP, context, rows of a step, tied head: as in `schoolhouse bench`.
SHAPES = {
    "base": (4096, 256, 6, 4, 704, 256, 8, False),
    "demo": (3072, 192, 3, 3, 512, 256, 8, True),
    "small": (8192, 512, 8, 8, 1408, 512, 4, True),
}


class Block(nn.Module):
    def __init__(self, width, heads, mlp):
        super().__init__()
        self.heads, self.head_dim = heads, width // heads
        self.norm, self.norm_mid = nn.RMSNorm(width, 1e-6), nn.RMSNorm(width, 1e-6)
        self.q_norm, self.k_norm = nn.RMSNorm(self.head_dim, 1e-6), nn.RMSNorm(self.head_dim, 1e-6)
        self.qkv, self.out = nn.Linear(width, 3 * width, bias=False), nn.Linear(width, width, bias=False)
        self.gate_up, self.down = nn.Linear(width, 2 * mlp, bias=False), nn.Linear(mlp, width, bias=False)

    def forward(self, x, cos, sin, cache=None, past=0):
        b, t, c = x.shape
        qkv = self.qkv(self.norm(x)).view(b, t, 3, self.heads, self.head_dim)
        q, k, v = qkv.unbind(2)
        q, k = rotate(self.q_norm(q), cos, sin).transpose(1, 2), rotate(self.k_norm(k), cos, sin).transpose(1, 2)
        v = v.transpose(1, 2)
        if cache is not None:
            keys, values = cache
            keys[:, :, past : past + t] = k
            values[:, :, past : past + t] = v
            k, v = keys[:, :, : past + t], values[:, :, : past + t]
        y = F.scaled_dot_product_attention(q, k, v, is_causal=past == 0 and t > 1)
        x = x + self.out(y.transpose(1, 2).reshape(b, t, c))
        gate, up = self.gate_up(self.norm_mid(x)).chunk(2, dim=-1)
        return x + self.down(F.silu(gate) * up)


def rotate(x, cos, sin):
    a, b = x.chunk(2, dim=-1)
    return torch.cat((a * cos - b * sin, b * cos + a * sin), dim=-1)


class Net(nn.Module):
    def __init__(self, vocab, width, blocks, heads, mlp, context, tied):
        super().__init__()
        self.embed = nn.Embedding(vocab, width)
        self.blocks = nn.ModuleList(Block(width, heads, mlp) for _ in range(blocks))
        self.norm, self.head = nn.RMSNorm(width, 1e-6), nn.Linear(width, vocab, bias=False)
        if tied:
            self.head.weight = self.embed.weight
        half = width // heads // 2
        angles = torch.arange(context)[:, None] * 10_000.0 ** (-torch.arange(half) / half)
        self.register_buffer("cos", angles.cos()[:, None, :])
        self.register_buffer("sin", angles.sin()[:, None, :])
        for parameter in self.parameters():
            if parameter.dim() == 2:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, ids, caches=None, past=0):
        t = ids.shape[1]
        cos, sin = self.cos[past : past + t], self.sin[past : past + t]
        x = self.embed(ids)
        for i, block in enumerate(self.blocks):
            x = block(x, cos, sin, None if caches is None else caches[i], past)
        return self.head(self.norm(x if caches is None else x[:, -1:]))


def seconds_of(work, at_least):
    """Median seconds of a call, over calls for at least so long."""
    work()
    times = []
    while sum(times) < at_least or len(times) < 3:
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def torch_train(shape, compiled):
    vocab, width, blocks, heads, mlp, context, rows, tied = SHAPES[shape]
    net = Net(vocab, width, blocks, heads, mlp, context, tied)
    forward = torch.compile(net) if compiled else net
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3, betas=(0.9, 0.95), fused=True)
    ids = torch.randint(0, vocab, (rows, context + 1))

    def step():
        optimizer.zero_grad(set_to_none=False)
        logits = forward(ids[:, :-1])
        F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten()).backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()

    return lambda at_least: rows * context / seconds_of(step, at_least)


def torch_decode(shape, sequences, prompt, tokens):
    vocab, width, blocks, heads, mlp, context, _, tied = SHAPES[shape]
    net = Net(vocab, width, blocks, heads, mlp, context, tied).eval()
    head_dim = width // heads
    caches = [[torch.zeros(sequences, heads, context, head_dim) for _ in range(2)] for _ in range(blocks)]
    ids = torch.randint(0, vocab, (sequences, prompt))

    @torch.inference_mode()
    def generate():
        last = net(ids, caches, 0)[:, -1].argmax(-1, keepdim=True)
        for past in range(prompt, prompt + tokens - 1):
            last = net(last, caches, past)[:, -1].argmax(-1, keepdim=True)

    return lambda at_least: sequences * tokens / seconds_of(generate, at_least)


def ours(binary, what, shape, threads, rounds):
    command = [binary, "--threads", str(threads), "bench", what, "--shape", shape, "--rounds", str(rounds), "--json"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["train", "decode"])
    parser.add_argument("--shape", choices=list(SHAPES), default="base")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--binary", default="target/release/schoolhouse")
    parser.add_argument("--compile", action="store_true", help="torch.compile the forward pass")
    args = parser.parse_args()
    if args.compile and args.what == "decode":
        parser.error("--compile is for train; sampling is measured eager")
    torch.set_num_threads(args.threads)
    torch.manual_seed(1)
    rows = []
    if args.what == "train":
        theirs = torch_train(args.shape, args.compile)
        for _ in range(args.rounds):
            measured = ours(args.binary, "train", args.shape, args.threads, 8)
            rows.append({"train": (measured["tokens_per_second"], theirs(1.5)), "ratio": measured["ratio"]})
    else:
        prompt, tokens, sequences = 16, 200, 64
        one, many = torch_decode(args.shape, 1, prompt, tokens), torch_decode(args.shape, sequences, prompt, tokens)
        for _ in range(args.rounds):
            measured = ours(args.binary, "decode", args.shape, args.threads, 3)
            rows.append({"one": (measured["one_tokens_per_second"], one(1)), "many": (measured["many_tokens_per_second"], many(2))})
    result = {"what": args.what, "shape": args.shape, "threads": args.threads, "torch": torch.__version__, "compiled": args.compile, "rounds": args.rounds}
    for name in rows[0]:
        if name == "ratio":
            result["step_to_products"] = statistics.median(row[name] for row in rows)
            continue
        quotients = sorted(row[name][0] / row[name][1] for row in rows)
        result[name] = {
            "ours_tokens_per_second": round(statistics.median(row[name][0] for row in rows)),
            "torch_tokens_per_second": round(statistics.median(row[name][1] for row in rows)),
            "paired_median": round(statistics.median(quotients), 3),
            "paired_quartiles": [round(quotients[int((len(quotients) - 1) * share + 0.5)], 3) for share in (0.25, 0.75)],
        }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
