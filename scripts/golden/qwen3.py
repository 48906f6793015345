"""Golden files for crates/model: transformers' Qwen3 in float32 on small random models.

Needs the Python packages torch, transformers and safetensors. Run from the repository's root:
    python scripts/golden/qwen3.py
Writes crates/model/tests/golden/NAME/: the model folder (config.json, model.safetensors) and expected.safetensors
with tokens, targets, which positions are scored, the logits, the mean loss and the gradient of every parameter.
"""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import Qwen3Config, Qwen3ForCausalLM

ROOT = Path(__file__).resolve().parents[2] / "crates/model/tests/golden"


def write(name: str, seed: int, **sizes) -> None:
    torch.manual_seed(seed)
    folder = ROOT / name
    folder.mkdir(parents=True, exist_ok=True)
    batch, length = 2, 70  # more than one block of attention's 64 queries
    config = Qwen3Config(max_position_embeddings=96, rms_norm_eps=1e-6, rope_theta=10000.0, attention_dropout=0.0,
                         bos_token_id=0, eos_token_id=0, **sizes)
    config._attn_implementation = "eager"
    model = Qwen3ForCausalLM(config).float().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            noise = torch.randn_like(parameter)
            parameter.copy_(1 + 0.2 * noise if parameter.ndim == 1 else 0.2 * noise)
    tokens = torch.randint(0, config.vocab_size, (batch, length))
    targets = torch.randint(0, config.vocab_size, (batch, length))
    scored = torch.rand(batch, length) < 0.7
    logits = model(tokens, use_cache=False).logits
    losses = torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none")
    loss = losses[scored.flatten()].mean()
    loss.backward()

    fields = ["attention_bias", "hidden_act", "hidden_size", "intermediate_size", "max_position_embeddings", "num_attention_heads",
              "num_hidden_layers", "num_key_value_heads", "rms_norm_eps", "tie_word_embeddings", "use_cache", "vocab_size", "head_dim"]
    described = {field: getattr(config, field) for field in fields}
    described |= {"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "rope_theta": 10000.0, "rope_scaling": None,
                  "torch_dtype": "float32", "bos_token_id": 0, "eos_token_id": 0}
    (folder / "config.json").write_text(json.dumps(described, indent=2) + "\n")
    parameters = dict(model.named_parameters())  # tied weights appear once
    save_file({key: value.detach().contiguous() for key, value in parameters.items()}, folder / "model.safetensors", {"format": "pt"})
    expected = {f"grad.{key}": value.grad for key, value in parameters.items()}
    expected |= {"tokens": tokens.int(), "targets": targets.int(), "scored": scored.to(torch.uint8), "logits": logits.detach(), "loss": loss.detach().reshape(1)}
    save_file({key: value.contiguous() for key, value in expected.items()}, folder / "expected.safetensors")
    print(name, "loss", loss.item(), "parameters", sum(p.numel() for p in parameters.values()))


write("qwen3-tied", 1, vocab_size=61, hidden_size=24, intermediate_size=40, num_hidden_layers=2, num_attention_heads=4,
      num_key_value_heads=2, head_dim=8, tie_word_embeddings=True)
write("qwen3-untied", 2, vocab_size=45, hidden_size=20, intermediate_size=36, num_hidden_layers=1, num_attention_heads=3,
      num_key_value_heads=3, head_dim=6, tie_word_embeddings=False)
