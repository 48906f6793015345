"""Golden file for crates/corpus: languages and scores that fastText's Python package gives to short texts.

Needs: fasttext-numpy2-wheel, and lid.176.ftz at ../shared/data/language. Run from the repository's root:
    python scripts/golden/languages.py
Writes crates/corpus/tests/golden/languages.json. The texts are made here; newlines are replaced by spaces before.
"""

import json
import random
from pathlib import Path

import fasttext

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "../shared/data/language/lid.176.ftz"
GOLDEN = ROOT / "crates/corpus/tests/golden/languages.json"

SENTENCES = [
    "The miller's daughter wasn't asleep; she'd heard the wheel, and she'll say she's seen it turn.",
    "Die Müllerin schlief nicht; sie hatte das Rad gehört und wird sagen, dass es sich drehte.",
    "La meunière ne dormait pas; elle avait entendu la roue et dira qu'elle tournait.",
    "La hija del molinero no dormía; había oído la rueda y dirá que la vio girar.",
    "A filha do moleiro não dormia; ouvira a roda e dirá que a viu girar.",
    "La figlia del mugnaio non dormiva; aveva sentito la ruota.",
    "De molenaarsdochter sliep niet; ze had het rad gehoord.",
    "Møllerens datter sov ikke; hun hadde hørt hjulet.",
    "Mjölnarens dotter sov inte; hon hade hört hjulet gå runt.",
    "Myllärin tytär ei nukkunut; hän oli kuullut pyörän.",
    "Córka młynarza nie spała; słyszała koło.",
    "Mlynářova dcera nespala; slyšela kolo.",
    "A molnár lánya nem aludt; hallotta a kereket.",
    "Değirmencinin kızı uyumuyordu; çarkı duymuştu.",
    "Дочь мельника не спала; она слышала колесо.",
    "Донька мірошника не спала; вона чула колесо.",
    "Η κόρη του μυλωνά δεν κοιμόταν· άκουσε τον τροχό.",
    "ابنة الطحان لم تكن نائمة؛ لقد سمعت العجلة.",
    "בתו של הטוחן לא ישנה; היא שמעה את הגלגל.",
    "粉屋の娘は眠っていませんでした。車輪の音を聞いたのです。",
    "磨坊主的女儿没有睡着；她听到了轮子的声音。",
    "방앗간 주인의 딸은 자지 않았다. 바퀴 소리를 들었다.",
    "चक्की वाले की बेटी सो नहीं रही थी; उसने पहिये की आवाज़ सुनी।",
    "Con gái người xay bột không ngủ; cô đã nghe thấy tiếng bánh xe.",
    "Putri tukang giling tidak tidur; ia mendengar roda berputar.",
    "ลูกสาวคนโม่แป้งไม่ได้นอน",
]
EDGES = [
    "", " ", ".", "12 + 35 = 47", "</s> the rest is not read", "ja </s> the rest is not read",
    "__label__fr the word before is skipped", "a\x00b\x0bc\x0cd\re\tf",
    "no\u00a0break and\u3000wide", "x" * 3000, "é" * 500, "the " * 2000, "😀😀 👍🏽", "\ufeffmark", "def f(x): return x ** 2", "A", "æøå", "\u200b",
]
PIECES = [
    " ", " ", "the", "und", "le", "é", "ß", "ł", "и", "не", "の", "日本", "한", "ال", "ה", "ि", "1", ".", ",", "'", "-", "\n", "ing",
    "tion", "ung", "\u00a0", "Z", "q",
]


def texts() -> list[str]:
    draw = random.Random(7)
    pairs = [" ".join(draw.sample(SENTENCES, 2)) for _ in range(60)]
    words = [" ".join(draw.choice(draw.choice(SENTENCES).split()) for _ in range(draw.randint(1, 6))) for _ in range(100)]
    mixtures = ["".join(draw.choice(PIECES) for _ in range(draw.randint(1, 30))) for _ in range(150)]
    return SENTENCES + EDGES + pairs + words + mixtures


model = fasttext.load_model(str(MODEL))
rows = []
for text in texts():
    labels, scores = model.predict(text.replace("\n", " "), k=-1)
    rows.append({"text": text, "label": labels[0].removeprefix("__label__"), "score": round(float(scores[0]), 6)})
GOLDEN.parent.mkdir(parents=True, exist_ok=True)
GOLDEN.write_text("[\n" + ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows) + "\n]\n", encoding="ascii")
print(len(rows), "texts,", len({row["label"] for row in rows}), "languages")
