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
schoolhouse() { "${SCHOOLHOUSE:-target/release/schoolhouse}" --quiet "$@"; }
made() { [ -e "$out/$1" ]; }
mkdir -p "$out"

# A web most of whose pages are junk, as in crawls; and a web with one page of eight in Spanish.
made world-junk || schoolhouse world --seed "$seed" --junk 18000 --out "$out/world-junk"
made world-spanish || schoolhouse world --seed "$seed" --spanish 2000 --out "$out/world-spanish"
made world-other || schoolhouse world --seed "$((seed + 1000))" --spanish 200 --out "$out/world-other"

curate() { # name, world, further arguments
    name=$1 world=$2
    shift 2
    made "$name" || schoolhouse curate --input "$out/$world/web-*.warc.gz" --out "$out/$name" "$@" >"$out/$name.txt"
}
curate raw world-junk --profile extract
curate curated world-junk
curate english world-spanish
curate both world-spanish --language en es
curate held-out-en world-other
curate held-out-es world-other --language es

shards() { # the web, which gives the model its name, and its world
    made "$1-books" || schoolhouse curate --input "$out/$2/schoolbooks.jsonl.gz" --profile minimal --out "$out/$1-books" >/dev/null
    made "$1-tokenizer" || schoolhouse tokenizer train --input "$out/$1" "$out/$1-books" --vocab 3072 --out "$out/$1-tokenizer"
    made "$1-shards" || schoolhouse tokenize --input "$out/$1" "$out/$1-books" --tokenizer "$out/$1-tokenizer" --seed "$seed" \
        --cutoff 2026-01-01 --out "$out/$1-shards"
}
tokens() { # what there is to train on
    sed -n '/"train"/,/}/s/^ *"tokens": \([0-9]*\).*/\1/p' "$out/$1-shards/shards.json"
}
model() { # the web, its world, tokens to read
    schoolhouse pretrain --shards "$out/$1-shards" --tokenizer "$out/$1-tokenizer" --depth 3 --context 256 --tokens "$3" \
        --seed "$seed" --out "$out/$1-model" >"$out/$1.log"
    {
        echo "== $1, seed $seed: $3 tokens of $(tokens "$1")"
        echo "English: $(schoolhouse eval --model "$out/$1-model" --documents "$out/held-out-en")"
        echo "Spanish: $(schoolhouse eval --model "$out/$1-model" --documents "$out/held-out-es")"
        schoolhouse eval --model "$out/$1-model" --world "$out/$2" | cut -d'|' -f1-3 |
            grep -E 'measured|recall: (64 times and more|32|16|8|never)|knowledge: (capitals|all)|three digit sums|context'
    } | tee "$out/$1.txt"
}
for pair in raw:world-junk curated:world-junk english:world-spanish both:world-spanish; do
    shards "${pair%:*}" "${pair#*:}"
done
# Within a pair both models read as many tokens as the smaller collection has: once through the curated one.
model raw world-junk "$(tokens curated)"
model curated world-junk "$(tokens curated)"
model english world-spanish "$(tokens english)"
model both world-spanish "$(tokens english)"
