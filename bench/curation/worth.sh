#!/bin/sh
# What curation is worth: models of the demo's size on the same number of tokens of the raw and of the curated built-in web, and of
# a web with Spanish pages with that language filtered out and kept. Prints, for each model, bits per byte on the web of another
# seed, in English and in Spanish, and the report card's rows on recall.
#
#     sh bench/curation/worth.sh FOLDER SEED
#
# Needs `cargo build --release`; takes about half an hour on two cores. What is there is not made again.
set -eu
out=$1
seed=$2
schoolhouse() { target/release/schoolhouse --plain --quiet "$@"; }
made() { [ -e "$out/$1" ]; }
mkdir -p "$out"

# Pages that the filters are there for, as many as others; and a web with one page of eight in Spanish.
made world-junk || schoolhouse world --seed "$seed" --junk 24000 --out "$out/world-junk"
made world-spanish || schoolhouse world --seed "$seed" --spanish 2000 --out "$out/world-spanish"
made world-other || schoolhouse world --seed "$((seed + 1000))" --spanish 200 --out "$out/world-other"

curate() { # name, world, further arguments
    name=$1 world=$2
    shift 2
    made "$name" || schoolhouse curate --input "$out/$world/web-*.warc.gz" --out "$out/$name" "$@"
}
curate raw world-junk --profile extract
curate curated world-junk
curate english world-spanish
curate both world-spanish --language en es
curate held-out-en world-other
curate held-out-es world-other --language es

model() { # name, its web, the world, tokens
    made "$1-books" || schoolhouse curate --input "$out/$3/schoolbooks.jsonl.gz" --profile minimal --out "$out/$1-books"
    made "$1-tokenizer" || schoolhouse tokenizer train --input "$out/$2" "$out/$1-books" --vocab 3072 --out "$out/$1-tokenizer"
    made "$1-shards" || schoolhouse tokenize --input "$out/$2" "$out/$1-books" --tokenizer "$out/$1-tokenizer" --seed "$seed" \
        --cutoff 2026-01-01 --out "$out/$1-shards"
    schoolhouse pretrain --shards "$out/$1-shards" --tokenizer "$out/$1-tokenizer" --depth 3 --context 256 --tokens "$4" \
        --seed "$seed" --out "$out/$1-model" >"$out/$1.log"
    {
        echo "== $1, seed $seed: $4 tokens of $(sed -n 's/^ *"tokens": //p' "$out/$1-shards/shards.json" | head -1 | tr -d ,)"
        echo "English: $(schoolhouse eval --model "$out/$1-model" --documents "$out/held-out-en")"
        echo "Spanish: $(schoolhouse eval --model "$out/$1-model" --documents "$out/held-out-es")"
        schoolhouse eval --model "$out/$1-model" --world "$out/$3" | sed -n '1p;/^recall/p;/^knowledge/p;/^context/p'
    } | tee "$out/$1.txt"
}
model raw raw world-junk 3700000
model curated curated world-junk 3700000
model english english world-spanish 3700000
model both both world-spanish 3700000
