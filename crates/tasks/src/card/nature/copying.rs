//! How much of what a base model writes stands word for word in what it read. Held-out pages of the same lengths show how
//! much any page of that sort shares with the others.

use base::rng::{Rng, label};
use base::stop::Stop;
use serde::{Deserialize, Serialize};
use tokenizer::shards::TokenView;

use super::Material;
use super::recital::middle;
use crate::Result;
use crate::ask::{Ask, Prompt, Question};
use crate::stats::Rate;
use crate::verbatim::{Matcher, Run};

/// Samples written.
const SAMPLES: usize = 192;
/// Tokens of a sample, at most.
const TOKENS: usize = 128;
/// Matches that are shown.
const SHOWN: usize = 3;

/// Samples from `<|endoftext|>` and held-out pages, by their longest run of tokens that the training text has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Copying {
    /// Tokens of the training text.
    pub training_tokens: u64,
    /// What the model wrote.
    pub samples: Matches,
    /// The beginnings of as many held-out pages, as long as the samples; `n` 0 where nothing was held out.
    pub held_out: Matches,
    /// The longest matches of samples, from different places, longest first.
    pub longest: Vec<Copy>,
}

/// The longest matches of some texts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Matches {
    /// Texts.
    pub n: usize,
    /// The median of their tokens.
    pub tokens: f64,
    /// Each text's longest match in tokens, ascending.
    pub lengths: Vec<usize>,
    /// Their median.
    pub median: f64,
    /// Nine of ten are at most so long.
    pub p90: usize,
    /// The longest of all.
    pub longest: usize,
    /// Texts that stand in the training text from their first token to their last.
    pub whole: Rate,
}

/// A run of a sample that stands in the training text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Copy {
    /// Its tokens.
    pub tokens: usize,
    /// Its text.
    pub text: String,
    /// The address of the first page that has it; empty where the model read the page without one.
    pub url: String,
}

/// Samples the model and looks its texts up in the training text.
///
/// # Errors
/// Those of the answerer; damaged shards; `Stopped` where that is asked for.
pub fn copying(ask: &mut Ask, material: &Material, seed: u64, stop: &Stop) -> Result<Copying> {
    let question = |i: usize| Question {
        prompt: Prompt::Page(String::new()),
        max_tokens: TOKENS,
        temperature: 1.0,
        seed: Rng::derive(seed, &[label("copying"), i as u64]).next_u64(),
        one_line: false,
    };
    let written = ask(&(0..SAMPLES).map(question).collect::<Vec<_>>())?;
    // The text's own tokens: a model may spell a word in others than the tokenizer does.
    let mut texts: Vec<Vec<u32>> = written.iter().map(|answer| material.tokenizer.encode(&answer.text)).collect();
    texts.iter_mut().for_each(|ids| ids.truncate(TOKENS));
    let n_samples = texts.len();
    let lengths: Vec<usize> = texts.iter().map(Vec::len).collect();
    texts.extend(held_out(material, &lengths, seed)?);

    let train = material.shards.train();
    let mut matcher = Matcher::new(&texts);
    let mut part = vec![0; 1 << 16];
    for start in (0..train.len()).step_by(part.len()) {
        if stop.requested() {
            return Err(base::Error::Stopped.into());
        }
        let n = part.len().min(train.len() - start);
        train.copy(start..start + n, &mut part[..n])?;
        matcher.read(&part[..n]);
    }
    let runs = matcher.longest();
    let (samples, pages) = texts.split_at(n_samples);
    Ok(Copying {
        training_tokens: train.len() as u64,
        samples: matches(samples, &runs[..n_samples]),
        held_out: matches(pages, &runs[n_samples..]),
        longest: longest(samples, &runs[..n_samples], material)?,
    })
}

/// Beginnings of held-out pages with the given lengths: of different pages, as far as there are enough long ones.
fn held_out(material: &Material, lengths: &[usize], seed: u64) -> Result<Vec<Vec<u32>>> {
    let val = material.shards.val();
    let mut ids = vec![0; val.len().min(1 << 22)];
    let n = ids.len();
    val.copy(0..n, &mut ids)?;
    let eot = material.tokenizer.eot();
    let mut pages: Vec<&[u32]> = ids.split(|&id| id == eot).filter(|page| !page.is_empty()).collect();
    Rng::derive(seed, &[label("held out")]).shuffle(&mut pages);
    if pages.is_empty() {
        return Ok(Vec::new());
    }
    let mut used = vec![0; pages.len()];
    let mut page_of = |&length: &usize| {
        let fits = (0..pages.len()).filter(|&i| pages[i].len() >= length).min_by_key(|&i| used[i]);
        let page = fits.or_else(|| (0..pages.len()).max_by_key(|&i| pages[i].len())).expect("there are pages");
        used[page] += 1;
        pages[page][..length.min(pages[page].len())].to_vec()
    };
    Ok(lengths.iter().map(&mut page_of).collect())
}

fn matches(texts: &[Vec<u32>], runs: &[Run]) -> Matches {
    let mut lengths: Vec<usize> = runs.iter().map(|run| run.length).collect();
    lengths.sort_unstable();
    let rank = (9 * lengths.len()).div_ceil(10).saturating_sub(1);
    Matches {
        n: texts.len(),
        tokens: middle(&mut texts.iter().map(Vec::len)),
        median: middle(&mut lengths.iter().copied()),
        p90: lengths.get(rank).copied().unwrap_or(0),
        longest: lengths.last().copied().unwrap_or(0),
        whole: Rate::of(texts.iter().zip(runs).map(|(text, run)| !text.is_empty() && run.length == text.len())),
        lengths,
    }
}

fn longest(texts: &[Vec<u32>], runs: &[Run], material: &Material) -> Result<Vec<Copy>> {
    let mut order: Vec<usize> = (0..runs.len()).filter(|&i| runs[i].length > 0).collect();
    order.sort_by_key(|&i| std::cmp::Reverse(runs[i].length));
    let mut copies: Vec<Copy> = Vec::new();
    for run in order.iter().map(|&i| (&texts[i], runs[i])) {
        let (text, Run { start, length, at }) = run;
        let text = material.tokenizer.decode(&text[start..start + length]);
        if copies.iter().all(|copy| !copy.text.contains(text.trim())) {
            copies.push(Copy { tokens: length, text, url: address(material.shards.train(), at, material)? });
        }
        if copies.len() == SHOWN {
            break;
        }
    }
    Ok(copies)
}

/// The first line of the page that a place belongs to, where that is an address.
fn address(view: &TokenView, at: usize, material: &Material) -> Result<String> {
    const BACK: usize = 512;
    const LINE: usize = 256;
    let eot = material.tokenizer.eot();
    let mut ids = [0; BACK];
    let mut end = at + 1;
    let start = loop {
        let from = end.saturating_sub(BACK);
        view.copy(from..end, &mut ids[..end - from])?;
        match ids[..end - from].iter().rposition(|&id| id == eot) {
            Some(place) => break from + place + 1,
            None if from == 0 => break 0,
            None => end = from,
        }
    };
    let n = LINE.min(view.len() - start);
    view.copy(start..start + n, &mut ids[..n])?;
    let page = ids[..n].split(|&id| id == eot).next().unwrap_or(&[]);
    let text = material.tokenizer.decode(page);
    let line = text.lines().next().unwrap_or("").trim();
    Ok(if line.starts_with("http://") || line.starts_with("https://") { line.to_owned() } else { String::new() })
}

#[cfg(test)]
mod tests {
    use super::super::made_up::{Folder, page};
    use super::*;
    use crate::ask::scripted;
    use tokenizer::shards::Page;

    #[test]
    fn what_a_sample_copied_is_found_with_its_page() {
        // Letters as tokens. Digits in the pages are random, so that pages share little with each other.
        let number = |i: u64| (0..9).map(|k| Rng::derive(i, &[k]).next_u64().to_string()).collect::<String>();
        let mut pages: Vec<Page> = (0..60).map(|i| page(&number(i))).collect();
        pages.push(Page { url: "https://a.example/7".into(), ..page("The cat sat on the mat and slept.") });
        let folder = Folder::new("copying", pages, 0.2);
        let material = folder.material();
        let is_train = folder.texts(material.shards.train()).iter().any(|text| text.contains("The cat"));
        assert!(is_train, "the seed of the made-up shards holds the cat out");
        let mut n = 0;
        let mut ask = |questions: &[Question]| {
            assert!(questions.iter().all(|question| question.prompt == Prompt::Page(String::new()) && question.temperature == 1.0));
            n = questions.len();
            scripted(|question| match question.seed % 3 {
                0 => "My cat sat on the mat, too.".into(),
                1 => "%%%%".into(),
                _ => String::new(),
            })(questions)
        };
        let copying = copying(&mut ask, &material, 1, &Stop::new()).unwrap();
        let Copying { samples, held_out, longest, .. } = &copying;
        assert_eq!((samples.n, held_out.n, samples.longest, samples.whole.right), (n, n, " cat sat on the mat".len(), 0));
        assert!(held_out.median < 8.0 && samples.p90 == samples.longest, "{copying:?}");
        assert_eq!(longest.len(), 1, "{longest:?}");
        assert_eq!((longest[0].text.as_str(), longest[0].url.as_str()), (" cat sat on the mat", "https://a.example/7"));
    }

    #[test]
    fn shares_and_ranks_are_of_the_texts() {
        let run = |length| Run { start: 0, length, at: 0 };
        let texts: Vec<Vec<u32>> = (1..=10).map(|n| vec![0; n]).collect();
        let runs: Vec<Run> = [1, 1, 2, 2, 3, 3, 4, 4, 9, 5].map(run).to_vec();
        let matches = matches(&texts, &runs);
        assert_eq!((matches.tokens, matches.median, matches.p90, matches.longest), (5.5, 3.0, 5, 9));
        assert_eq!(matches.whole, Rate::new(2, 10));
    }
}
