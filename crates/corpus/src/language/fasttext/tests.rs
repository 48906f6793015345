//! Small models, written byte by byte, and the real one where it lies beside the checkout.

use super::*;

/// A model of 2 dimensions with the words `ja`, `yes`, `oui` and the end of the line, and three labels.
struct Small {
    loss: i32,
    quantised: bool,
    pruned: bool,
}

const WORDS: [(&str, [f32; 2]); 4] = [("</s>", [0.25, -0.5]), ("ja", [4.0, 0.5]), ("yes", [-3.0, 1.0]), ("oui", [1.0, -5.0])];
const LABELS: [(&str, i64, [f32; 2]); 3] =
    [("__label__de", 50, [2.0, 0.25]), ("__label__en", 30, [-1.5, 0.5]), ("__label__fr", 20, [0.5, 3.0])];
const BUCKETS: usize = 8;

/// The vector of a bucket of pieces.
fn bucket_vector(bucket: usize) -> [f32; 2] {
    [bucket as f32 / 8.0, 1.0 - bucket as f32 / 4.0]
}

impl Small {
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let i32s = |bytes: &mut Vec<u8>, numbers: &[i32]| numbers.iter().for_each(|number| bytes.extend(number.to_le_bytes()));
        let i64s = |bytes: &mut Vec<u8>, numbers: &[i64]| numbers.iter().for_each(|number| bytes.extend(number.to_le_bytes()));
        let f32s = |bytes: &mut Vec<u8>, numbers: &[f32]| numbers.iter().for_each(|number| bytes.extend(number.to_le_bytes()));
        i32s(&mut bytes, &[793_712_314, 12, 2, 5, 5, 1, 5, 1, self.loss, 3, BUCKETS as i32, 2, 3, 100]);
        bytes.extend(1e-4f64.to_le_bytes());
        i32s(&mut bytes, &[7, 4, 3]);
        // Every other bucket is left, in reverse order.
        let left: Vec<i32> = if self.pruned { (0..BUCKETS as i32).step_by(2).collect() } else { Vec::new() };
        i64s(&mut bytes, &[1000, if self.pruned { left.len() as i64 } else { -1 }]);
        for (is_label, word, count) in WORDS.iter().map(|w| (0, w.0, 9)).chain(LABELS.iter().map(|label| (1, label.0, label.1))) {
            bytes.extend(word.bytes().chain([0]));
            i64s(&mut bytes, &[count]);
            bytes.push(is_label);
        }
        for (row, bucket) in left.iter().rev().enumerate() {
            i32s(&mut bytes, &[*bucket, row as i32]);
        }
        let of_buckets: Vec<usize> =
            if self.pruned { left.iter().rev().map(|&bucket| bucket as usize).collect() } else { (0..BUCKETS).collect() };
        let rows: Vec<[f32; 2]> = WORDS.iter().map(|word| word.1).chain(of_buckets.into_iter().map(bucket_vector)).collect();
        bytes.push(u8::from(self.quantised));
        if self.quantised {
            // One part a dimension; code i of a part stands for the value of row i, halved, and the only length is 2.
            bytes.push(1);
            i64s(&mut bytes, &[rows.len() as i64, 2]);
            i32s(&mut bytes, &[2 * rows.len() as i32]);
            (0..rows.len()).for_each(|row| bytes.extend([row as u8, row as u8]));
            i32s(&mut bytes, &[2, 2, 1, 1]);
            (0..2).for_each(|part| (0..256).for_each(|code| f32s(&mut bytes, &[rows.get(code).map_or(0.0, |row| row[part] / 2.0)])));
            bytes.extend(vec![7; rows.len()]);
            i32s(&mut bytes, &[1, 1, 1, 1]);
            f32s(&mut bytes, &(0..256).map(|code| if code == 7 { 2.0 } else { 0.0 }).collect::<Vec<_>>());
        } else {
            i64s(&mut bytes, &[rows.len() as i64, 2]);
            rows.iter().for_each(|row| f32s(&mut bytes, row));
        }
        bytes.push(0);
        i64s(&mut bytes, &[3, 2]);
        LABELS.iter().for_each(|label| f32s(&mut bytes, &label.2));
        bytes
    }

    fn open(&self) -> FastText {
        read("small", &self.bytes()).unwrap()
    }
}

fn read(name: &str, bytes: &[u8]) -> Result<FastText> {
    let path = std::env::temp_dir().join(format!("schoolhouse-fasttext-{name}-{}-{:?}", std::process::id(), std::thread::current().id()));
    std::fs::write(&path, bytes).unwrap();
    let model = FastText::open(&path);
    std::fs::remove_file(path).unwrap();
    model
}

/// The average vector of a line, in plain words: all pieces of 2 and 3 characters as strings.
fn hidden(words: &[&str], pruned: bool) -> [f64; 2] {
    let mut rows = Vec::new();
    for word in words {
        rows.extend(WORDS.iter().find(|(other, _)| other == word).map(|(_, vector)| *vector));
        let marked: Vec<char> = if *word == "</s>" { Vec::new() } else { format!("<{word}>").chars().collect() };
        for n in [2, 3] {
            for piece in marked.windows(n) {
                let bucket = hash(FNV_START, piece.iter().collect::<String>().as_bytes()) as usize % BUCKETS;
                rows.extend((!pruned || bucket.is_multiple_of(2)).then(|| bucket_vector(bucket)));
            }
        }
    }
    [0, 1].map(|i| rows.iter().map(|row| f64::from(row[i])).sum::<f64>() / rows.len() as f64)
}

fn dot(a: [f32; 2], b: [f64; 2]) -> f64 {
    f64::from(a[0]) * b[0] + f64::from(a[1]) * b[1]
}

const TEXTS: [&[&str]; 7] = [
    &["ja", "</s>"],
    &["yes", "yes", "</s>"],
    &["oui", "</s>"],
    &["</s>"],
    &["ja", "élan", "</s>"],
    &["日本", "語", "</s>"],
    &["a", "oui", "bc", "</s>"],
];

#[test]
fn labels_along_a_tree() {
    // The two rarest labels are joined under node 0, that one and the first label under node 1.
    assert_eq!(tree(&[50, 30, 20]), [Node { left: 2, right: 1 }, Node { left: 3, right: 0 }]);
    for (quantised, pruned) in [(false, false), (true, false), (true, true)] {
        let model = Small { loss: 1, quantised, pruned }.open();
        for words in TEXTS {
            let hidden = hidden(words, pruned);
            let [down, up] = [0, 1].map(|node| 1.0 / (1.0 + (-dot(LABELS[node].2, hidden)).exp()));
            let expected = [("de", up), ("en", (1.0 - up) * down), ("fr", (1.0 - up) * (1.0 - down))];
            agrees(&model, words, &expected);
        }
    }
}

#[test]
fn labels_of_a_flat_softmax() {
    for (quantised, pruned) in [(false, false), (true, true)] {
        let model = Small { loss: 3, quantised, pruned }.open();
        for words in TEXTS {
            let hidden = hidden(words, pruned);
            let powers = LABELS.map(|label| dot(label.2, hidden).exp());
            let expected: Vec<(&str, f64)> =
                ["de", "en", "fr"].into_iter().zip(powers.map(|power| power / powers.iter().sum::<f64>())).collect();
            agrees(&model, words, &expected);
        }
    }
}

/// The best label and its probability, within what the original adds to probabilities (1e-5 a step of the tree).
fn agrees(model: &FastText, words: &[&str], expected: &[(&str, f64)]) {
    let best = expected.iter().copied().max_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
    let (label, score) = model.predict(&words[..words.len() - 1].join(" \t ")).unwrap();
    assert!(label == best.0 && (score - best.1).abs() < 5e-5, "{words:?}: {label} {score}, {expected:?}");
}

#[test]
fn what_ends_a_line_and_what_is_skipped() {
    let model = Small { loss: 1, quantised: false, pruned: false }.open();
    let expected = model.predict("ja ja");
    for text in ["  ja\0ja\x0b", "ja ja\nyes", "ja ja </s> yes", "ja __label__en ja __label__xx"] {
        assert_eq!(model.predict(text), expected, "{text:?}");
    }
    assert_ne!(model.predict("ja\u{a0}ja"), expected);
    assert_eq!(model.labels(), ["de", "en", "fr"]);
}

#[test]
fn runs_of_words_are_hashed_as_signed_numbers() {
    let mut bytes = Small { loss: 3, quantised: false, pruned: false }.bytes();
    bytes[8 + 5 * 4] = 2; // runs of two words
    bytes[8 + 9 * 4] = 0; // no pieces: the shortest
    bytes[8 + 10 * 4] = 0; // and the longest
    let model = read("runs", &bytes).unwrap();
    let widen = |word: &str| i128::from(hash(FNV_START, word.as_bytes()) as i32);
    let rows: Vec<[f32; 2]> = ["ja", "yes", "</s>"].map(|word| WORDS.iter().find(|(other, _)| *other == word).unwrap().1).to_vec();
    let runs = [("ja", "yes"), ("yes", "</s>")].map(|(one, next)| {
        let run = (widen(one) * 116_049_371 + widen(next)).rem_euclid(1 << 64);
        bucket_vector((run % BUCKETS as i128) as usize)
    });
    let sum = model.sum_of("ja yes");
    let expected: [f32; 2] = std::array::from_fn(|i| rows.iter().chain(&runs).map(|row| row[i]).sum());
    assert_eq!((sum.n, &sum.vector[..]), (5, &expected[..]));
}

#[test]
fn damage_is_one_sentence() {
    for (loss, quantised, pruned) in [(1, false, false), (3, true, true)] {
        let whole = Small { loss, quantised, pruned }.bytes();
        for length in 0..whole.len() {
            let error = read("cut", &whole[..length]).unwrap_err().to_string();
            assert!(
                error.contains(" is damaged at byte ") && error.ends_with("; get the model anew, or name another one"),
                "{length}: {error}"
            );
        }
        // Whatever byte is wrong, it ends in a sentence or in a model that answers.
        for at in 0..whole.len() {
            for flip in [0x01, 0x80, 0xff] {
                let mut bytes = whole.clone();
                bytes[at] ^= flip;
                match read("flipped", &bytes) {
                    Ok(model) => assert!(model.predict("ja élan").is_none_or(|(_, score)| (0.0..=1.0).contains(&score)), "byte {at}"),
                    Err(error) => assert!(error.to_string().contains("schoolhouse-fasttext-flipped"), "byte {at}: {error}"),
                }
            }
        }
    }
    let mut vectors = Small { loss: 1, quantised: false, pruned: false }.bytes();
    vectors[8 + 7 * 4] = 2;
    assert!(read("vectors", &vectors).unwrap_err().to_string().contains("holds word vectors and no classifier"));
}

/// The labels and scores that the Python package gives, by scripts/golden/languages.py.
#[test]
fn the_real_model_judges_as_the_original() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = folder.join("../../../shared/data/language/lid.176.ftz");
    if !path.is_file() {
        println!("SKIPPED: there is no model at {}", path.display());
        return;
    }
    let model = FastText::open(&path).unwrap();
    assert_eq!(model.labels().len(), 176);
    let golden: serde_json::Value = base::files::read_json(&folder.join("tests/golden/languages.json")).unwrap();
    for row in golden.as_array().unwrap() {
        let text = row["text"].as_str().unwrap();
        let (label, score) = model.predict(&text.replace('\n', " ")).unwrap();
        let expected = row["score"].as_f64().unwrap().min(1.0);
        assert!(label == row["label"].as_str().unwrap() && (score - expected).abs() < 1e-4, "{text:?}: {label} {score}, {row}");
    }
}
