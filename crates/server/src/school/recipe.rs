//! What a run's `recipe.toml` says of the run: its stages, and the numbers by which people tell runs apart.
//!
//! Reads the keys that it shows, as docs/formats.md names them, and passes over all others.

use serde::Serialize;
use toml::{Table, Value};

/// Stages in their order, with what a page calls them.
pub const STAGES: [(&str, &str); 11] = [
    ("world", "Write the web"),
    ("crawl", "Crawl the web"),
    ("documents", "Clean the pages"),
    ("tokenizer", "Learn the tokens"),
    ("shards", "Cut into tokens"),
    ("base", "Read"),
    ("sft", "Worked examples"),
    ("probe", "Know what it knows"),
    ("assistant", "Become the assistant"),
    ("rl", "Practise"),
    ("report", "Report card"),
];

/// One number, or name, of a recipe.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Setting {
    /// What it is.
    pub name: &'static str,
    /// As it stands in the recipe.
    pub value: String,
}

/// A recipe, as far as it is shown.
#[derive(Clone, Debug, Default)]
pub struct Recipe(Table);

impl Recipe {
    /// Reads a recipe; the error is one sentence.
    pub fn parse(text: &str) -> Result<Recipe, String> {
        text.parse().map(Recipe).map_err(|_| "recipe.toml is damaged; the next `run` of this recipe writes it anew".to_string())
    }

    /// Whether a run of this recipe has a stage.
    pub fn has(&self, stage: &str) -> bool {
        let section = match stage {
            "probe" => "assistant",
            "world" | "crawl" | "sft" | "assistant" | "rl" => stage,
            _ => return true,
        };
        self.0.contains_key(section)
    }

    /// Questions from outside that probing asks, instead of the built-in web's own.
    pub fn questions(&self) -> Option<&str> {
        self.value(&["assistant", "questions"])?.as_str()
    }

    /// What is shown.
    pub fn settings(&self) -> Vec<Setting> {
        let sources: Vec<String> = [
            self.shown(&["world", "size"]).map(|size| format!("the built-in web, {size}")),
            self.value(&["crawl"]).map(|_| "a crawl".to_string()),
            self.value(&["corpus", "inputs"]).map(|_| "files".to_string()),
        ]
        .into_iter()
        .flatten()
        .collect();
        let setting = |name: &'static str, value: Option<String>| value.map(|value| Setting { name, value });
        let rows = [
            setting("Reads", (!sources.is_empty()).then(|| sources.join(" and "))),
            setting("Depth", self.shown(&["pretrain", "depth"])),
            setting("Architecture", self.shown(&["pretrain", "architecture"])),
            setting("Context", self.shown(&["pretrain", "context"])),
            setting("Vocabulary", self.shown(&["tokenizer", "vocab_size"])),
            setting("Passes", self.shown(&["pretrain", "epochs"])),
            setting("Tokens to read", self.shown(&["pretrain", "tokens"])),
            setting("Optimizer", self.shown(&["pretrain", "optimizer"])),
            setting("Assistant", self.shown(&["assistant", "name"])),
            setting("Seed", self.shown(&["seed"])),
        ];
        rows.into_iter().flatten().collect()
    }

    fn value(&self, path: &[&str]) -> Option<&Value> {
        let (first, rest) = path.split_first()?;
        rest.iter().try_fold(self.0.get(*first)?, |value, key| value.get(key))
    }

    /// A value in plain characters, clipped: a recipe is somebody's file.
    fn shown(&self, path: &[&str]) -> Option<String> {
        let text = match self.value(path)? {
            Value::String(text) => text.clone(),
            Value::Table(_) | Value::Array(_) => return None,
            Value::Float(number) => number.to_string(),
            other => other.to_string(),
        };
        Some(text.chars().filter(|c| !c.is_control()).take(80).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(recipe: &str) -> Vec<(&'static str, String)> {
        Recipe::parse(recipe).unwrap().settings().into_iter().map(|setting| (setting.name, setting.value)).collect()
    }

    #[test]
    fn a_recipe_tells_its_stages_and_numbers() {
        let text = "seed = 3\n[world]\nsize = \"demo\"\n[tokenizer]\nvocab_size = 3072\n[pretrain]\ndepth = 3\nepochs = 1.0\n[sft]\n[rl]\n";
        let recipe = Recipe::parse(text).unwrap();
        let stages: Vec<&str> = STAGES.iter().map(|(name, _)| *name).filter(|name| recipe.has(name)).collect();
        assert_eq!(stages, ["world", "documents", "tokenizer", "shards", "base", "sft", "rl", "report"]);
        let expected = [("Reads", "the built-in web, demo"), ("Depth", "3"), ("Vocabulary", "3072"), ("Passes", "1"), ("Seed", "3")];
        assert_eq!(shown(text), expected.map(|(name, value)| (name, value.to_string())));
    }

    #[test]
    fn what_is_no_recipe_is_told_and_strange_values_are_passed_over() {
        assert!(Recipe::parse("[[[").unwrap_err().starts_with("recipe.toml is damaged"));
        assert_eq!(shown("seed = [1]\npretrain = 7\n[assistant]\nname = \"a\\u0007b\"\n"), [("Assistant", "ab".to_string())]);
    }
}
