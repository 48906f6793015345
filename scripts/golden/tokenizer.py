"""Golden files for crates/tokenizer: Hugging Face's BPE training, encoding and chat templates on a small page.

Needs: tokenizers, transformers. Run from the repository's root:
    python scripts/golden/tokenizer.py
Writes crates/tokenizer/tests/golden/: page.txt (what merges are learnt from; made here), tokenizer.json (as
the library saves it), encodings.json (texts with their ids) and chats.json (conversations with the ids of the chat
template, which is read from crates/tokenizer/src/chat_template.jinja).
"""

import json
import random
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "crates/tokenizer/tests/golden"
PATTERN = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
           r"|\s*[\r\n]+|\s+(?!\S)|\s+")
SPECIALS = ["<|im_start|>", "<|im_sep|>", "<|im_end|>", "<|endoftext|>", "<|search_start|>", "<|search_end|>",
            "<|python_start|>", "<|python_end|>", "<|output_start|>", "<|output_end|>", "<think>", "</think>"]
VOCAB_SIZE = 900

PARAGRAPHS = [
    "The miller's daughter wasn't asleep; she'd heard the wheel, and she'll say she's seen it turn. "
    "They've told the tale since 1847, and I'm sure YOU'RE tired of it: 'It's late,' he said, 'and we can't stay.'",
    "def area(width: float, height=2.5):\n    if width <= 0:\n        return None  # nothing to paint\n"
    "\treturn width * height ** 2\n\n\nprint(area(3), area(width=4.25))\n",
    "Un élève français déjà pressé: «Où est la forêt?» Ångström, naïve café, Köln, Łódź, İstanbul, ĳsvrij, straße.",
    "Decomposed: cafe\u0301, A\u030angstro\u0308m, n\u0303andu\u0301, o\u0323\u0302, \u1100\u1161\u11a8, \u0915\u093c.",
    "東京は日本の首都です。人口は約１４００万人。北京是中国的首都，有两千多万人口。서울은 한국의 수도입니다.",
    "Столица России — Москва; основана в 1147 году. القاهرة عاصمة مصر، ١٢٣٤٥. नई दिल्ली भारत की राजधानी है।",
    "Smiles 😀😀😃, a family 👨‍👩‍👧‍👦, flags 🇫🇷🇯🇵, thumbs 👍🏽👍🏿, hearts ❤️❤❤️, maths ∑∫√≠, boxes ┌──┐.",
    "Tabs\t\tand   spaces    and \u00a0no-break\u2003em\u2028line\r\n\r\nnew\r lines \n \n  end   ",
    "Numbers: 3.14159, 1,000,000, ½, Ⅻ, ², 1e-9, 0xFF, 24:00; runs: aaaaaaaa bbbbb ababababab !!!!!!! ------ ....",
    "<|im_start|>user<|im_sep|>not a header<|im_end|><|endoftext|><think>no thought</think>",
]


def page() -> str:
    """Every paragraph, and sentences drawn from a small grammar so that counts are high and ties are many."""
    draw = random.Random(5)
    subjects = ["the baker", "a sailor", "my aunt", "the old teacher", "nobody", "le facteur", "Frau Müller", "田中さん"]
    verbs = ["sees", "doesn't like", "has painted", "counts", "remembers", "carried", "cherche", "versteht"]
    objects = ["the red boat", "seven apples", "12 geese", "an élève", "the lighthouse's lamp", "la forêt", "99 keys"]
    ends = [".", "!", "?", "...", ";", ".\n", ".\n\n"]
    lines = list(PARAGRAPHS)
    for _ in range(500):
        lines.append(" ".join(draw.choice(words) for words in (subjects, verbs, objects)) + draw.choice(ends))
    draw.shuffle(lines)
    return "\n".join(lines)


def texts() -> list[str]:
    """Texts to encode: the paragraphs, edges, and random mixtures of difficult characters."""
    draw = random.Random(6)
    pieces = ["a", "e\u0301", "'s", "'S", "'\u017f", "'ll", "'LL", "'re", "'x", " ", "  ", "\t", "\n", "\r\n", "\u00a0", "\u3000",
              "\u2028", "\u200b", "\u0085", "7", "٣", "Ⅻ", "½", "𝟙", "!", "...", "|", "日本", "ﬁ", "ß", "😀", "\u0301", "\u200d", "\ufe0f",
              "\u1100", "\u1161", "Ω", "\u2126", "K", "\u212a", "the", " boat", "\u0000", "\ufffd", "\U00020000", "\u0378"]
    mixtures = ["".join(draw.choice(pieces) for _ in range(draw.randint(1, 24))) for _ in range(400)]
    edges = ["", " ", "\n", "  \n", "\n  ", "a ", " a", "'", "''", "'s", " 's", "x" * 300, "ab" * 200, " " * 70, "1" * 40]
    return PARAGRAPHS + edges + mixtures


CONVERSATIONS = [
    [{"role": "user", "content": "Who is the mayor?"}, {"role": "assistant", "content": "I don't know."}],
    [{"role": "system", "content": "Be brief.\n"}, {"role": "user", "content": "  Cafe\u0301?\n\nIs it  open? "},
     {"role": "assistant", "content": "Yes."}, {"role": "user", "content": ""}, {"role": "assistant", "content": ""}],
    [{"role": "user", "content": [{"type": "text", "text": "What is 17 "}, {"type": "text", "text": "times 23?"}]},
     {"role": "assistant", "content": [
         {"type": "thought", "text": "Large enough for code."}, {"type": "python", "code": "print(17 * 23)\n"},
         {"type": "output", "text": "391\n"}, {"type": "text", "text": "It is "}, {"type": "text", "text": "391."}]},
     {"role": "user", "content": "And the geese?"},
     {"role": "assistant", "content": [
         {"type": "search", "query": "the baker's geese"}, {"type": "output", "text": "https://a.example/\nThe baker counts 12 geese."},
         {"type": "text", "text": "12 🪿 (a.example)"}]}],
    [{"role": "user", "content": "日本の首都は？ 👨‍👩‍👧‍👦"}],
]


def train(text: str) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(PATTERN), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=False, use_regex=False),
    ])
    tokenizer.decoder = decoders.ByteLevel()
    # The special tokens come after the merges, so the trainer is asked for a vocabulary without them.
    trainer = trainers.BpeTrainer(vocab_size=VOCAB_SIZE - len(SPECIALS), min_frequency=0, show_progress=False,
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator([text], trainer)
    tokenizer.add_special_tokens(SPECIALS)
    return tokenizer


def write(name: str, value) -> None:
    (GOLDEN / name).write_text(json.dumps(value, ensure_ascii=True, indent=None, separators=(",", ":")) + "\n", encoding="utf-8")


GOLDEN.mkdir(parents=True, exist_ok=True)
text = page()
(GOLDEN / "page.txt").write_bytes(text.encode())
tokenizer = train(text)
write("tokenizer.json", json.loads(tokenizer.to_str()))

# Special tokens are recognised in text by this library and never by ours: they are left out of the texts' encoder.
plain = Tokenizer.from_str(json.dumps(json.loads(tokenizer.to_str()) | {"added_tokens": []}))
write("encodings.json", [{"text": text, "ids": plain.encode(text).ids} for text in texts()])

chat = PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<|endoftext|>", eos_token="<|im_end|>")
chat.chat_template = (ROOT / "crates/tokenizer/src/chat_template.jinja").read_text()
rows = []
for messages in CONVERSATIONS:
    render = lambda prompt: chat.apply_chat_template(messages, tokenize=True, add_generation_prompt=prompt, return_dict=False)
    rows.append({"messages": messages, "ids": render(False), "prompt_ids": render(True)})
write("chats.json", rows)
print(tokenizer.get_vocab_size(), "ids,", len(texts()), "texts,", len(rows), "conversations")
