"""Golden files for crates/model: transformers' logits and gradients in float32 on small random models of each architecture.

Needs the Python packages torch, transformers and safetensors. Run from the repository's root:
    python scripts/golden/models.py
Writes crates/model/tests/golden/NAME/: the model folder (config.json, model.safetensors or its parts) and expected.safetensors
with tokens, targets, which positions are scored, the logits, the mean loss and the gradient of every parameter. The folders
"-f16", "-bf16" and "-parts" hold models as they are shared: in 16 bits, in several files, as `save_pretrained` of today writes them.
"""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import (GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM, Qwen3Config,
                          Qwen3ForCausalLM)

ROOT = Path(__file__).resolve().parents[2] / "crates/model/tests/golden"


def write(name: str, seed: int, config, kind, dtype=torch.float32, own_files=False, max_shard_size="5GB", fields=()) -> None:
    torch.manual_seed(seed)
    folder = ROOT / name
    folder.mkdir(parents=True, exist_ok=True)
    batch, length = 2, 70  # more than one block of attention's 64 queries
    config._attn_implementation = "eager"
    model = kind(config).float().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            noise = torch.randn_like(parameter)
            values = 1 + 0.2 * noise if parameter.ndim == 1 else 0.2 * noise
            parameter.copy_(values.to(dtype))  # what is stored in 16 bits is computed with in 32
    tokens = torch.randint(0, config.vocab_size, (batch, length))
    targets = torch.randint(0, config.vocab_size, (batch, length))
    scored = torch.rand(batch, length) < 0.7
    logits = model(tokens, use_cache=False).logits
    losses = torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none")
    loss = losses[scored.flatten()].mean()
    loss.backward()

    parameters = dict(model.named_parameters())  # tied weights appear once
    expected = {f"grad.{key}": value.grad for key, value in parameters.items()}
    expected |= {"tokens": tokens.int(), "targets": targets.int(), "scored": scored.to(torch.uint8), "logits": logits.detach(),
                 "loss": loss.detach().reshape(1)}
    save_file({key: value.contiguous() for key, value in expected.items()}, folder / "expected.safetensors")
    if own_files:
        model.to(dtype).save_pretrained(folder, max_shard_size=max_shard_size)
        (folder / "generation_config.json").unlink(missing_ok=True)
    else:
        described = {field: getattr(config, field) for field in fields}
        described |= {"architectures": [kind.__name__], "rope_theta": 10000.0, "rope_scaling": None, "torch_dtype": "float32",
                      "model_type": config.model_type, "bos_token_id": 0, "eos_token_id": 0}
        (folder / "config.json").write_text(json.dumps(described, indent=2) + "\n")
        save_file({key: value.detach().contiguous() for key, value in parameters.items()}, folder / "model.safetensors", {"format": "pt"})
    print(name, "loss", loss.item(), "parameters", sum(p.numel() for p in parameters.values()))


QWEN3_FIELDS = ["attention_bias", "hidden_act", "hidden_size", "intermediate_size", "max_position_embeddings", "num_attention_heads",
                "num_hidden_layers", "num_key_value_heads", "rms_norm_eps", "tie_word_embeddings", "use_cache", "vocab_size", "head_dim"]
COMMON = dict(max_position_embeddings=96, rms_norm_eps=1e-6, attention_dropout=0.0, bos_token_id=0, eos_token_id=0)
SIZES = dict(vocab_size=61, hidden_size=24, intermediate_size=40, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2)

write("qwen3-tied", 1, Qwen3Config(**COMMON, **SIZES, rope_theta=10000.0, head_dim=8, tie_word_embeddings=True), Qwen3ForCausalLM,
      fields=QWEN3_FIELDS)
write("qwen3-untied", 2,
      Qwen3Config(**COMMON, vocab_size=45, hidden_size=20, intermediate_size=36, num_hidden_layers=1, num_attention_heads=3,
                  num_key_value_heads=3, head_dim=6, rope_theta=10000.0, tie_word_embeddings=False), Qwen3ForCausalLM,
      fields=QWEN3_FIELDS)
write("qwen2-bf16", 3, Qwen2Config(**COMMON, **SIZES, rope_theta=1e6, tie_word_embeddings=True), Qwen2ForCausalLM, torch.bfloat16, True)
write("llama-parts", 4, LlamaConfig(**COMMON, **SIZES, rope_theta=500000.0, tie_word_embeddings=False), LlamaForCausalLM,
      own_files=True, max_shard_size="20KB")
scaling = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 32,
           "rope_theta": 10000.0}
write("llama3-f16", 5, LlamaConfig(**COMMON, **SIZES | dict(head_dim=12), rope_parameters=scaling, tie_word_embeddings=True),
      LlamaForCausalLM, torch.float16, True)
write("gpt2", 6, GPT2Config(vocab_size=53, n_positions=80, n_embd=24, n_layer=2, n_head=3, bos_token_id=0, eos_token_id=0, resid_pdrop=0.0,
                            embd_pdrop=0.0, attn_pdrop=0.0), GPT2LMHeadModel, own_files=True)
