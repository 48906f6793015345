//! Memorisation by exposure: the beginning of a text that was read so many times is given, and what the model writes is
//! compared with how the text goes on, up to the first difference. On the passages of the answer key, and on stretches of
//! the training text that were counted in it. Greedy, and sampled at temperature 1.

use base::rng::{Rng, label};
use base::stop::Stop;
use serde::{Deserialize, Serialize};
use tokenizer::Tokenizer;

use super::super::recitation::split;
use super::Material;
use super::stretches::{self, Stretch, WINDOW};
use crate::Result;
use crate::ask::{Ask, Prompt, Question};
use crate::key::Passage;
use crate::stats::{Rate, median};
use crate::words::followed;

/// Samples of a passage.
const PASSAGE_SAMPLES: usize = 8;
/// Enough to follow a paragraph, and short enough for the smallest context.
const PASSAGE_TOKENS: usize = 100;
/// Stretches of each range of counts.
const PER_LEVEL: usize = 24;
/// Samples of a stretch.
const STRETCH_SAMPLES: usize = 3;
/// A few more than a stretch has, because a model may spell it in other tokens.
const STRETCH_TOKENS: usize = WINDOW - stretches::GIVEN + 8;

/// How far a text was followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Followed {
    /// Whole tokens up to the first difference.
    pub tokens: usize,
    /// Characters up to the first difference.
    pub characters: usize,
}

/// A passage of the answer key, recited.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recited {
    /// Pages that quote it.
    pub exposures: u64,
    /// The beginning that was given.
    pub given: String,
    /// How it goes on.
    pub expected: String,
    /// Tokens and characters of that: all that there was to follow.
    pub length: Followed,
    /// The most likely continuation.
    pub text: String,
    /// How far that follows.
    pub greedy: Followed,
    /// How far each sample follows.
    pub sampled: Vec<Followed>,
}

/// A stretch of the training text, recited.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// How often the training text has it.
    pub exposures: u64,
    /// Tokens and characters that there were to follow.
    pub length: Followed,
    /// How far the most likely continuation follows.
    pub greedy: Followed,
    /// How far each sample follows.
    pub sampled: Vec<Followed>,
}

/// Stretches that were read about equally often.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Level {
    /// The lowest count of the range; 0 for held-out pages.
    pub at_least: u64,
    /// The highest count of the range.
    pub at_most: u64,
    /// Each stretch.
    pub points: Vec<Point>,
    /// The median of the tokens that the most likely continuations follow.
    pub greedy_tokens: f64,
    /// The same in characters.
    pub greedy_characters: f64,
    /// The median of the tokens that the samples follow.
    pub sampled_tokens: f64,
    /// The same in characters.
    pub sampled_characters: f64,
    /// Most likely continuations that follow to the end.
    pub greedy_whole: Rate,
    /// Samples that follow to the end.
    pub sampled_whole: Rate,
}

/// Lets the model go on from the first sentence of each passage, most quoted first.
///
/// # Errors
/// Those of the answerer.
pub fn passages(ask: &mut Ask, passages: &[Passage], material: &Material, seed: u64) -> Result<Vec<Recited>> {
    let mut passages: Vec<&Passage> = passages.iter().collect();
    passages.sort_by(|a, b| b.exposures.cmp(&a.exposures).then_with(|| a.name.cmp(&b.name)));
    let parts: Vec<(&str, &str)> = passages.iter().map(|passage| split(&passage.text)).collect();
    let givens = parts.iter().map(|part| part.0);
    let answers = recite(ask, givens, PASSAGE_TOKENS, PASSAGE_SAMPLES, "passages", seed)?;
    let recited = |((passage, (given, expected)), answers): ((&&Passage, &(&str, &str)), &[String])| {
        let how_far = |text: &String| follow(text, expected, material.tokenizer);
        Recited {
            exposures: passage.exposures,
            given: (*given).to_owned(),
            expected: expected.trim_start().to_owned(),
            length: follow(expected, expected, material.tokenizer),
            text: answers[0].trim_start().to_owned(),
            greedy: how_far(&answers[0]),
            sampled: answers[1..].iter().map(how_far).collect(),
        }
    };
    Ok(passages.iter().zip(&parts).zip(answers.chunks(1 + PASSAGE_SAMPLES)).map(recited).collect())
}

/// Lets the model go on from the beginnings of stretches of its training text.
///
/// # Errors
/// Those of the answerer; damaged shards; `Stopped` where that is asked for.
pub fn stretches(ask: &mut Ask, material: &Material, seed: u64, stop: &Stop) -> Result<Vec<Level>> {
    let drawn = stretches::draw(material, PER_LEVEL, seed, stop)?;
    let givens = drawn.iter().map(|stretch| stretch.given.as_str());
    let answers = recite(ask, givens, STRETCH_TOKENS, STRETCH_SAMPLES, "stretches", seed)?;
    let point = |(stretch, answers): (&Stretch, &[String])| {
        let expected = material.tokenizer.decode(&stretch.rest);
        let how_far = |text: &String| follow(text, &expected, material.tokenizer);
        Point {
            exposures: stretch.exposures,
            length: follow(&expected, &expected, material.tokenizer),
            greedy: how_far(&answers[0]),
            sampled: answers[1..].iter().map(how_far).collect(),
        }
    };
    let points: Vec<Point> = drawn.iter().zip(answers.chunks(1 + STRETCH_SAMPLES)).map(point).collect();
    let same_range = |a: &Point, b: &Point| stretches::range(a.exposures) == stretches::range(b.exposures);
    Ok(points.chunk_by(same_range).map(level).collect())
}

fn level(points: &[Point]) -> Level {
    let (at_least, at_most) = stretches::bounds(stretches::range(points[0].exposures));
    let greedy = || points.iter().map(|point| (point.greedy, point.length));
    let sampled = || points.iter().flat_map(|point| point.sampled.iter().map(|followed| (*followed, point.length)));
    let tokens = |pairs: &mut dyn Iterator<Item = (Followed, Followed)>| middle(&mut pairs.map(|(followed, _)| followed.tokens));
    let characters = |pairs: &mut dyn Iterator<Item = (Followed, Followed)>| middle(&mut pairs.map(|(followed, _)| followed.characters));
    Level {
        at_least,
        at_most,
        greedy_tokens: tokens(&mut greedy()),
        greedy_characters: characters(&mut greedy()),
        sampled_tokens: tokens(&mut sampled()),
        sampled_characters: characters(&mut sampled()),
        greedy_whole: Rate::of(greedy().map(|(followed, length)| followed == length)),
        sampled_whole: Rate::of(sampled().map(|(followed, length)| followed == length)),
        points: points.to_vec(),
    }
}

/// The median of counts; 0 of none.
pub(super) fn middle(values: &mut dyn Iterator<Item = usize>) -> f64 {
    median(&values.map(|n| n as f64).collect::<Vec<_>>()).unwrap_or(0.0)
}

/// For each beginning the most likely continuation, then the sampled ones.
fn recite<'g>(
    ask: &mut Ask,
    givens: impl Iterator<Item = &'g str>,
    max_tokens: usize,
    samples: usize,
    name: &str,
    seed: u64,
) -> Result<Vec<String>> {
    let mut rng = Rng::derive(seed, &[label(name)]);
    let mut questions = Vec::new();
    for given in givens {
        let prompt = Prompt::Page(given.to_owned());
        questions.push(Question::greedy(prompt.clone(), max_tokens));
        questions.extend((0..samples).map(|_| {
            let seed = rng.next_u64();
            Question { prompt: prompt.clone(), max_tokens, temperature: 1.0, seed, one_line: false }
        }));
    }
    Ok(ask(&questions)?.into_iter().map(|answer| answer.text).collect())
}

/// How far a text follows what was expected, not counting white space at the start of either.
fn follow(text: &str, expected: &str, tokenizer: &Tokenizer) -> Followed {
    let characters = followed(text, expected);
    let skipped = expected.len() - expected.trim_start().len();
    let bytes: usize = expected.trim_start().chars().take(characters).map(char::len_utf8).sum();
    let mut end = 0;
    let mut whole = |&id: &u32| {
        end += tokenizer.token_bytes(id).len();
        end <= skipped + bytes
    };
    let tokens = if characters == 0 { 0 } else { tokenizer.encode(expected).iter().take_while(|id| whole(id)).count() };
    Followed { tokens, characters }
}

#[cfg(test)]
mod tests {
    use super::super::made_up::{Folder, page};
    use super::*;
    use crate::ask::scripted;

    #[test]
    fn tokens_count_when_all_of_their_bytes_agree() {
        let letters = Tokenizer::from_merges(Vec::new());
        // "at" is one token.
        let pairs = Tokenizer::from_merges(vec![(letters.encode("a")[0], letters.encode("t")[0])]);
        for (text, expected, tokens, characters) in [
            ("  bat", " bat", 3, 3), // the space is a token of what is expected
            (" bax", " bat", 2, 2),
            ("x", " bat", 0, 0),
            ("", "", 0, 0),
            ("éa", "éat", 2, 2), // two bytes, and half a token
            ("cats", "cat", 2, 3),
        ] {
            assert_eq!(follow(text, expected, &pairs), Followed { tokens, characters }, "{text:?} {expected:?}");
        }
    }

    #[test]
    fn passages_are_followed_greedily_and_sampled() {
        let passage = |name: &str, text: &str, exposures| Passage { name: name.into(), text: text.into(), exposures };
        let key = [passage("one", "A fox ran. It hid.", 1), passage("hundreds", "The cat sat. It saw a mouse.", 300)];
        let folder = Folder::new("passages", vec![page("nothing")], 0.0);
        let mut ask = scripted(|question| match &question.prompt {
            Prompt::Page(text) if text == "The cat sat." && question.temperature == 0.0 => " It saw a mouse. Then".into(),
            Prompt::Page(text) if text == "The cat sat." => " It saw a moose.".into(),
            _ => String::new(),
        });
        let recited = passages(&mut ask, &key, &folder.material(), 1).unwrap();
        assert_eq!((recited[0].exposures, recited[0].greedy), (300, recited[0].length));
        assert_eq!(recited[0].sampled, [Followed { tokens: 12, characters: 11 }; PASSAGE_SAMPLES]);
        assert_eq!((recited[1].exposures, recited[1].greedy.characters, recited[1].length.characters), (1, 0, 7));
    }

    #[test]
    fn what_was_read_often_is_followed_further() {
        // A model that recites to the end what stands in the text five times, and half of what stands there once.
        let (often, once) = ("Quick zebras jump over dogs.", "Five wizards boxed six jugs.");
        assert_eq!((often.len(), once.len()), (WINDOW, WINDOW));
        let mut pages = vec![page(once)];
        pages.extend((0..5).map(|i| page(&format!("{}\n{often}", Rng::new(i).next_u64()))));
        let folder = Folder::new("often", pages, 0.0);
        let mut ask = scripted(|question| {
            let Prompt::Page(given) = &question.prompt else { panic!("a page") };
            match (often.strip_prefix(given.as_str()), once.strip_prefix(given.as_str())) {
                (Some(rest), _) => rest.to_owned(),
                (_, Some(rest)) => rest[..8].to_owned(),
                _ => String::new(),
            }
        });
        let levels = stretches(&mut ask, &folder.material(), 1, &Stop::new()).unwrap();
        let five = levels.iter().find(|level| level.at_least == 5).unwrap();
        assert_eq!((five.at_most, five.points.len(), five.greedy_tokens, five.greedy_whole.share), (8, 1, 16.0, 1.0));
        let one = levels.iter().find(|level| level.at_least == 1).unwrap();
        let point = one.points.iter().find(|point| point.greedy.tokens == 8).expect("the stretch that stands there once");
        assert_eq!((point.length.tokens, point.sampled.len(), one.greedy_whole.right), (16, STRETCH_SAMPLES, 0));
    }
}
