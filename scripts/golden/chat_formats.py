"""Golden file for crates/tokenizer: a tokenizer with Llama 3's pattern, and conversations in the chat formats that people have.

Needs: tokenizers, transformers. Run from the repository's root:
    python scripts/golden/chat_formats.py
Reads page.txt and encodings.json in crates/tokenizer/tests/golden/ (scripts/golden/tokenizer.py makes them) and the templates in
crates/tokenizer/src/chat/; writes chat_formats.json there: the tokenizer as the library saves it, without special tokens; texts of
encodings.json with their ids; and for each format its special tokens and the ids of some conversations.
"""

import json
import unicodedata
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "crates/tokenizer/tests/golden"
TEMPLATES = ROOT / "crates/tokenizer/src/chat"
PATTERN = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
           r"|\s*[\r\n]+|\s+(?!\S)|\s+")
FORMATS = {
    "chatml": ["<|endoftext|>", "<|im_start|>", "<|im_sep|>", "<|im_end|>"],
    "chatml_lines": ["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
    "llama3": ["<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"],
}
CONVERSATIONS = [
    [("user", "Who is the mayor?"), ("assistant", "I don't know.")],
    [("system", "Be brief.\n"), ("user", "  Café?\n\nIs it  open? "), ("assistant", "\n\nYes."), ("user", ""), ("assistant", "")],
    [("user", "日本の首都は？ 12345"), ("assistant", "\u0301x "), ("user", "\n")],
]

tokenizer = Tokenizer(models.BPE())
tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
    pre_tokenizers.Split(Regex(PATTERN), "isolated"),
    pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=False, use_regex=False),
])
tokenizer.decoder = decoders.ByteLevel()
trainer = trainers.BpeTrainer(vocab_size=700, min_frequency=0, show_progress=False,
                              initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
# In normal form C, as ours learns from it; the tokenizer itself does not normalise, as Llama 3's does not.
page = unicodedata.normalize("NFC", (GOLDEN / "page.txt").read_bytes().decode())
tokenizer.train_from_iterator([page], trainer)
plain = json.loads(tokenizer.to_str())

texts = [row["text"] for row in json.loads((GOLDEN / "encodings.json").read_text())][::4]
formats = []
for name, specials in FORMATS.items():
    own = Tokenizer.from_str(json.dumps(plain))
    own.add_special_tokens(specials)
    chat = PreTrainedTokenizerFast(tokenizer_object=own, bos_token=specials[0], eos_token=specials[-1])
    chat.chat_template = (TEMPLATES / f"{name}.jinja").read_text()
    rows = []
    for turns in CONVERSATIONS:
        messages = [{"role": role, "content": content} for role, content in turns]
        render = lambda prompt: chat.apply_chat_template(messages, tokenize=True, add_generation_prompt=prompt, return_dict=False)
        rows.append({"messages": messages, "ids": render(False), "prompt_ids": render(True)})
    formats.append({"name": name.replace("_", "-"), "specials": specials, "conversations": rows})
golden = {"tokenizer": plain, "encodings": [{"text": text, "ids": tokenizer.encode(text).ids} for text in texts], "formats": formats}
(GOLDEN / "chat_formats.json").write_text(json.dumps(golden, ensure_ascii=True, separators=(",", ":")) + "\n", encoding="utf-8")
print(len(texts), "texts,", sum(len(each["conversations"]) for each in formats), "conversations")
