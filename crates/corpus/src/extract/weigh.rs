//! How much text and how many links stand below each element.
//!
//! Counts only; decides nothing.

use crate::extract::tag::{Kind, Tag, kind};
use crate::extract::tree::{Node, Tree};

/// What stands below an element, dropped parts not counted. Text is measured in characters, runs of white space as one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Weight {
    /// Text.
    pub text: u32,
    /// Text inside links.
    pub link_text: u32,
    /// Text inside paragraphs.
    pub paragraph_text: u32,
    /// Links with text.
    pub links: u32,
    /// Of these, those of fewer than ten characters.
    pub short_links: u32,
    /// Text of the longest link.
    pub longest_link: u32,
    /// Elements right below.
    pub children: u32,
    /// Commas outside inner blocks, as a sign of sentences.
    pub own_commas: u32,
    /// Text outside inner blocks and links.
    pub own_text: u32,
}

/// The measured pieces of text of a page, by node; 0 for elements.
pub struct Pieces {
    chars: Vec<u32>,
    commas: Vec<u32>,
}

/// Measures each piece of text once.
pub fn pieces(tree: &Tree) -> Pieces {
    let mut pieces = Pieces { chars: vec![0; tree.nodes.len()], commas: vec![0; tree.nodes.len()] };
    for (at, node) in tree.nodes.iter().enumerate() {
        if node.tag == Tag::Text {
            (pieces.chars[at], pieces.commas[at]) = measure(node.text);
        }
    }
    pieces
}

fn measure(text: &str) -> (u32, u32) {
    let (mut chars, mut commas, mut gap) = (0, 0, false);
    for &byte in text.as_bytes() {
        if byte.is_ascii_whitespace() {
            gap = true;
        } else if byte & 0xC0 != 0x80 {
            chars += 1 + u32::from(gap);
            gap = false;
            commas += u32::from(byte == b',');
        }
    }
    (chars, commas)
}

/// The weights of a node and all below; `dropped` and the answer begin with that node.
pub fn weigh(tree: &Tree, pieces: &Pieces, root: usize, dropped: &[bool]) -> Vec<Weight> {
    let (from, to) = (root, tree.nodes[root].end as usize);
    let mut weights = vec![Weight::default(); to - from];
    // Upwards: each node adds what it has to its parent. A dropped one has nothing.
    for at in (from..to).rev() {
        let node = &tree.nodes[at];
        if dropped[at - from] {
            weights[at - from] = Weight::default();
            continue;
        }
        let weight = &mut weights[at - from];
        match node.tag {
            Tag::Text => {
                weight.text = pieces.chars[at];
                (weight.own_text, weight.own_commas) = (pieces.chars[at], pieces.commas[at]);
            }
            Tag::A if node.is(Node::LINK) && weight.text > 0 => {
                weight.link_text = weight.text;
                weight.longest_link = weight.text;
                weight.own_text = 0;
                (weight.links, weight.short_links) = (1, u32::from(weight.text < 10));
            }
            Tag::P => weight.paragraph_text = weight.text,
            _ => {}
        }
        if at > from {
            let weight = *weight;
            let parent = &mut weights[node.parent as usize - from];
            parent.text += weight.text;
            if kind(node.tag) != Kind::Block {
                parent.own_text += weight.own_text;
                parent.own_commas += weight.own_commas;
            }
            parent.link_text += weight.link_text;
            parent.paragraph_text += weight.paragraph_text;
            parent.links += weight.links;
            parent.short_links += weight.short_links;
            parent.longest_link = parent.longest_link.max(weight.longest_link);
            parent.children += u32::from(node.tag != Tag::Text);
        }
    }
    weights
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_links_add_up() {
        let html = "<div>ab, c <p>  de  <a href=x>fg, h</a></p><nav>no <a href=y>no</a></nav><a name=z>i</a><ul><li><a href=x>a link of many words</a></ul></div>";
        let tree = Tree::parse(html).unwrap();
        let dropped: Vec<bool> = tree.nodes.iter().map(|node| node.tag == Tag::Nav).collect();
        let weights = weigh(&tree, &pieces(&tree), 0, &dropped);
        let of = |tag| weights[tree.nodes.iter().position(|node| node.tag == tag).unwrap()];
        let expected = Weight {
            text: 34,
            link_text: 25,
            paragraph_text: 8,
            links: 2,
            short_links: 1,
            longest_link: 20,
            children: 3,
            own_commas: 1,
            own_text: 6,
        };
        assert_eq!(of(Tag::Div), expected);
        assert_eq!(of(Tag::Nav), Weight::default());
        assert_eq!((of(Tag::P).text, of(Tag::P).own_text, of(Tag::P).own_commas), (8, 3, 1));
        let part = weigh(&tree, &pieces(&tree), 1, &dropped[1..]);
        assert_eq!(part[0], of(Tag::Div));
    }

    #[test]
    fn characters_are_measured_as_they_are_shown() {
        for (text, expected) in [("", (0, 0)), ("  ", (0, 0)), ("a b", (3, 0)), (" a \n b", (4, 0)), ("größer, ja", (10, 1))] {
            assert_eq!(measure(text), expected, "{text:?}");
        }
    }
}
