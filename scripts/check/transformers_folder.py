"""Check: transformers loads the folders that `export` writes without a word about tokens, and its `generate` stops where a turn ends.

Needs: transformers, torch, and cargo. Run from the repository's root:
    python scripts/check/transformers_folder.py
A GGUF file of random weights becomes a folder, and that folder another one in 16 bits; of each, the ids that begin and end texts stand in
config.json and generation_config.json. Random weights end no turn, so the end of a turn is forced: `generate` must stop at it.
"""

import json
import logging
import subprocess
import tempfile
import warnings
from pathlib import Path

import torch
import transformers

FORCED_AT = 5
LONGEST = 20


class Force(transformers.LogitsProcessor):
    """Makes one id certain after so many others."""

    def __init__(self, token: int, at: int):
        self.token, self.at = token, at

    def __call__(self, ids: torch.LongTensor, scores: torch.FloatTensor) -> torch.FloatTensor:
        wanted = self.token if ids.shape[1] == self.at else None
        # Whatever else might end the answer does not come by itself.
        scores[:, END_IDS] = -torch.inf
        if wanted is not None:
            scores[:] = -torch.inf
            scores[:, wanted] = 0.0
        return scores


class Heard(logging.Handler):
    """What transformers has to say."""

    def __init__(self):
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def schoolhouse(*args: object) -> None:
    subprocess.run(["cargo", "run", "-q", "-p", "schoolhouse", "--", "--quiet", *map(str, args)], check=True, stdout=subprocess.DEVNULL)


heard = Heard()
transformers.utils.logging.get_logger("transformers").addHandler(heard)
with tempfile.TemporaryDirectory() as scratch, warnings.catch_warnings(record=True) as warned:
    warnings.simplefilter("always")
    file, first, second = (Path(scratch) / name for name in ("model.gguf", "first", "second"))
    schoolhouse("bench", "decode", "--shape", "demo", "--save", file)
    schoolhouse("export", file, "--out", first, "--weights", "f32")
    schoolhouse("export", first, "--out", second, "--weights", "bf16")
    for folder in (first, second):
        config, generation = (json.loads((folder / name).read_text()) for name in ("config.json", "generation_config.json"))
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        END_IDS = generation["eos_token_id"]
        turn_end, text_end = (tokenizer.convert_tokens_to_ids(token) for token in ("<|im_end|>", "<|endoftext|>"))
        assert set(END_IDS) == {turn_end, text_end} and generation["bos_token_id"] == text_end, generation
        assert config["bos_token_id"] == text_end and set(config["eos_token_id"]) == {turn_end, text_end}, config
        model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
        messages = [{"role": "user", "content": "Who's there?"}]
        asked = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_tensors="pt", return_dict=True)
        length = asked["input_ids"].shape[1]
        for token in (turn_end, text_end, None):
            force = Force(token, length + FORCED_AT if token is not None else -1)
            answer = model.generate(**asked, max_new_tokens=LONGEST, do_sample=False, logits_processor=[force])[0, length:].tolist()
            expected = LONGEST if token is None else FORCED_AT + 1
            assert len(answer) == expected and (token is None or answer[-1] == token), (folder.name, token, answer)
        print(f"{folder.name}: {config['architectures'][0]} in {config['torch_dtype']}, texts begin with {text_end}, answers end with {END_IDS}")
    said = [line for line in heard.lines + [str(warning.message) for warning in warned] if "token" in line.lower()]
    assert not said, said
