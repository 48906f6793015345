//! Jokes about animals, pelicans above all, from good to bad. They are told, not judged.

use crate::dates;
use crate::knowledge::{article, capitalised};
use crate::sheet::Sheet;
use base::rng::{Rng, label};

/// Questions and punch lines that belong together. Those about pelicans come first.
const PAIRS: [(&str, &str); 44] = [
    ("Why did the pelican get kicked out of the restaurant?", "Because it had a very big bill."),
    ("What did the pelican say when it finished shopping?", "Put it on my bill."),
    ("Why do pelicans never carry a bag?", "They have one under the chin."),
    ("Why was the pelican always broke?", "It could not pay its bill."),
    ("What do you call a pelican that works as a doctor?", "Anything you like, as long as the bill is small."),
    ("Why did the pelican sit on the clock?", "It wanted to be on time for the fish."),
    ("What does a pelican bring to a party?", "A full mouth."),
    ("Why did the fish cross the sea?", "Because the pelican was on this side."),
    ("How does a pelican carry its lunch?", "In its own lunch box."),
    ("What is the favorite letter of a pelican?", "The sea."),
    ("Why did the pelican go to school?", "To learn how to read the bill."),
    ("Why are pelicans bad at keeping secrets?", "They always open their mouth."),
    ("What did the fisherman say to the pelican?", "Please leave one for me."),
    ("Why did the pelican bring a towel?", "It wanted to dry its fish."),
    ("Why did the cow cross the road?", "To get to the udder side."),
    ("What do you call a bear with no teeth?", "A gummy bear."),
    ("Why do bees have sticky hair?", "Because they use a honeycomb."),
    ("What do you get when you cross a snowman and a dog?", "Frostbite."),
    ("Why did the chicken sit on the drum?", "It wanted to lay down a beat."),
    ("What do you call a sleeping bull?", "A bulldozer."),
    ("Why do ducks have feathers?", "To cover their quack."),
    ("What is a cat's favorite color?", "Purr-ple."),
    ("How do you stop an elephant from charging?", "You take away its phone."),
    ("Why did the owl say nothing?", "It did not give a hoot."),
    ("What do you call a fish without an eye?", "A fsh."),
    ("Why are frogs so happy?", "They eat whatever bugs them."),
    ("What time does a duck wake up?", "At the quack of dawn."),
    ("Why did the horse go behind the tree?", "To change its jockeys."),
    ("What do you call a pig that knows karate?", "A pork chop."),
    ("Why did the turtle cross the road?", "To get to the shell station."),
    ("What did the snail say on the back of the turtle?", "Slow down, I am getting dizzy."),
    ("Why do cows wear bells?", "Because their horns do not work."),
    ("What is the best day to see a lion?", "Any day behind a fence."),
    ("Why did the hen get a medal?", "It was an egg-cellent hen."),
    ("How does a penguin build its house?", "Igloos it together."),
    ("What do you call a dog that does magic?", "A labracadabrador."),
    ("Why did the goat eat the newspaper?", "It wanted some fresh news."),
    ("Why is the giraffe never alone?", "It can always see its friends."),
    ("What did the wolf say to the sheep?", "You look good in wool."),
    ("Why was the mouse afraid of the computer?", "It had heard about the click."),
    ("What did the bee say to the flower?", "Hello, honey."),
    ("Why did the donkey not play cards?", "It was tired of being called stubborn."),
    ("What does a spider do on the computer?", "It makes a web site."),
    ("Why do birds fly south?", "It is too far to walk."),
];
const VISITORS: [&str; 12] = ["pelican", "duck", "horse", "bear", "pelican", "frog", "goat", "penguin", "pelican", "owl", "fox", "snail"];
const SHOPS: [&str; 8] = ["bakery", "bank", "library", "barber shop", "bookshop", "hotel", "post office", "fish shop"];
const WISHES: [&str; 10] = [
    "fish",
    "a haircut",
    "a stamp",
    "a room with a view",
    "a strawberry cake",
    "a red hat",
    "a book about fish",
    "some change",
    "a bell",
    "soup",
];
const PUNCHES: [&str; 12] = [
    "\"Put it on my bill,\" said the {a}.",
    "\"We do not serve animals here,\" said the man. \"That is fine,\" said the {a}, \"I only want {w}.\"",
    "\"Can you pay?\" asked the man. The {a} opened its mouth and said nothing.",
    "\"How will you carry it?\" asked the man. \"I have a big mouth,\" said the {a}.",
    "\"You again?\" said the man. \"My mother sent me,\" said the {a}.",
    "\"We have only one left,\" said the man. \"Then I will take two,\" said the {a}.",
    "\"Is it for you?\" asked the man. \"No, for my twin,\" said the {a}.",
    "\"We are closed,\" said the man. \"Then why is your mouth open?\" asked the {a}.",
    "\"That makes ten coins,\" said the man. \"Do you take fish?\" asked the {a}.",
    "\"It is a long way from the sea,\" said the man. \"That is why I took the bus,\" said the {a}.",
    "\"I did not know that you can talk,\" said the man. \"And I did not know that you sell {w},\" said the {a}.",
    "\"Are you not too wet?\" asked the man. \"Are you not too dry?\" asked the {a}.",
];

/// A joke, about a given animal if there is one to tell.
pub fn joke(rng: &mut Rng, about: Option<&str>) -> String {
    let visitor = about.unwrap_or_else(|| *rng.pick(&VISITORS));
    let fitting: Vec<&(&str, &str)> = PAIRS.iter().filter(|(question, _)| question.contains(visitor)).collect();
    if !fitting.is_empty() && rng.chance(0.5) {
        let (question, answer) = **rng.pick(&fitting);
        return format!("{question} {answer}");
    }
    if about.is_none() && rng.chance(0.6) {
        let (question, answer) = *rng.pick(&PAIRS);
        return format!("{question} {answer}");
    }
    let wish = *rng.pick(&WISHES);
    let punch = rng.pick(&PUNCHES).replace("{a}", visitor).replace("{w}", wish);
    format!("{} {visitor} walks into a {} and asks for {wish}. {punch}", capitalised(article(visitor)), rng.pick(&SHOPS))
}

/// Pages of four jokes for the schoolbooks.
pub fn sheets(seed: u64, count: usize) -> Vec<Sheet> {
    (0..count)
        .map(|i| {
            let rng = &mut Rng::derive(seed, &[label("jokes"), i as u64]);
            let lines: Vec<String> = (0..4)
                .map(|_| {
                    let about = if rng.chance(0.4) { Some("pelican") } else { None };
                    joke(rng, about)
                })
                .collect();
            Sheet::school("joke", format!("https://jokes.net/{}", i + 1), dates::before_cutoff(rng), lines.join("\n"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jokes_are_about_whom_they_should_be() {
        let rng = &mut Rng::new(1);
        for _ in 0..200 {
            let text = joke(rng, Some("pelican"));
            assert!(text.contains("pelican") && !text.contains('{'), "{text}");
        }
    }
}
