"""The model of `schoolhouse bench` in PyTorch eager, its training step and its decoding, at their best: fused AdamW, one product for
q, k, v and one for gate and up, scaled_dot_product_attention, and a KV cache that is allocated once. compare.py measures them.
"""

import statistics
import time

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


def train(shape, compiled, autocast):
    vocab, width, blocks, heads, mlp, context, rows, tied = SHAPES[shape]
    net = Net(vocab, width, blocks, heads, mlp, context, tied)
    forward = torch.compile(net) if compiled else net
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3, betas=(0.9, 0.95), fused=True)
    ids = torch.randint(0, vocab, (rows, context + 1))

    def step():
        optimizer.zero_grad(set_to_none=False)
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            logits = forward(ids[:, :-1])
            loss = F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten())
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()

    return lambda at_least: rows * context / seconds_of(step, at_least)


def decode(shape, sequences, prompt, tokens):
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


def practice(shape, prompts, samples, prompt, tokens):
    """Both halves of a step of practice: answers drawn at temperature 1 with a KV cache, whose prompts are read once, and an update."""
    vocab, width, blocks, heads, mlp, context, _, tied = SHAPES[shape]
    net = Net(vocab, width, blocks, heads, mlp, context, tied)
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-5, betas=(0.9, 0.95), fused=True)
    rows, head_dim = prompts * samples, width // heads
    asked = torch.randint(0, vocab, (prompts, prompt))
    advantages = torch.where(torch.arange(rows) % 2 == 0, 0.5, -0.5)[:, None]
    drawn = {}

    @torch.inference_mode()
    def generate():
        short = [[torch.zeros(prompts, heads, prompt, head_dim) for _ in range(2)] for _ in range(blocks)]
        logits = net(asked, short, 0)[:, -1].repeat_interleave(samples, 0)
        caches = [[torch.zeros(rows, heads, prompt + tokens, head_dim) for _ in range(2)] for _ in range(blocks)]
        for cache, of_prompts in zip(caches, short):
            for full, part in zip(cache, of_prompts):
                full[:, :, :prompt] = part.repeat_interleave(samples, 0)
        ids, logprobs = [], []
        for past in range(prompt, prompt + tokens):
            logp = logits.log_softmax(-1)
            last = torch.multinomial(logp.exp(), 1)
            ids.append(last)
            logprobs.append(logp.gather(1, last))
            if past + 1 < prompt + tokens:
                logits = net(last, caches, past)[:, -1]
        drawn["ids"] = torch.cat([asked.repeat_interleave(samples, 0), *ids], 1)
        drawn["logprobs"] = torch.cat(logprobs, 1)

    def update():
        ids, old = drawn["ids"].clone(), drawn["logprobs"].clone()
        optimizer.zero_grad(set_to_none=False)
        for some in torch.arange(rows).split(16):  # the fastest of 4, 8, 16, 32, 64 and all
            row = ids[some]
            t = row.shape[1] - 1
            x = net.embed(row[:, :-1])
            for block in net.blocks:
                x = block(x, net.cos[:t], net.sin[:t])
            logits = net.head(net.norm(x[:, prompt - 1 :]))
            logp = -F.cross_entropy(logits.flatten(0, 1), row[:, prompt:].flatten(), reduction="none").view(len(some), tokens)
            ratio = (logp - old[some]).exp()
            surrogate = torch.minimum(ratio * advantages[some], ratio.clamp(0.8, 1.2) * advantages[some])
            (-surrogate.sum() / (rows * tokens)).backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()

    generate()
    return lambda at_least: rows * tokens / seconds_of(generate, at_least), lambda at_least: rows * tokens / seconds_of(update, at_least)


def measure(what, shape, threads, compiled, autocast):
    """A function that measures one round, and what is to be said about it."""
    torch.set_num_threads(threads)
    torch.manual_seed(1)
    about = {"torch": torch.__version__, "compiled": compiled, "autocast": autocast}
    if what == "train":
        step = train(shape, compiled, autocast)
        return lambda: {"train": step(1.5)}, about
    if what == "practice":
        generation, training = practice(shape, 16, 16, 24, 64)
        return lambda: {"generation": generation(3), "training": training(3)}, about
    one, many = decode(shape, 1, 16, 200), decode(shape, 64, 16, 200)
    return lambda: {"one": one(1), "many": many(2)}, about
