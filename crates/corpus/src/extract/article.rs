//! Which part of a page is its main text, and what inside it is not.
//!
//! Candidates are tried in the order of how plainly their names say that they are the text; a candidate is rid of what
//! its names, its links and its tags give away as not text; the first with enough left is taken, unless the part that
//! the density of paragraphs points to has far more. The order of trials and most thresholds are trafilatura's (A.
//! Barbaresi, "Trafilatura: A Web Scraping Library", 2021), the density is readability's (arc90, 2009). What was
//! changed was changed because a figure of `cargo xtask bench extract` rose. Knows nothing about bytes or records.

use crate::extract::lines::{Line, Source, lines};
use crate::extract::linked_data::told;
use crate::extract::names::{self, said};
use crate::extract::tag::{Kind, Tag, kind};
use crate::extract::tree::{Node, Tree};
use crate::extract::weigh::{Pieces, Weight, pieces, weigh};

/// A text of fewer characters is taken only if nothing better is found.
const ENOUGH: usize = 250;
/// A text of fewer characters gives way to one of the whole page if that is much longer.
const ENOUGH_OF_ALL: usize = 1000;
/// The first of several candidates is taken alone if it has more than this part of their text.
const MODULE_SHARE: u32 = 4;
/// How many ways there are to choose candidates by name.
const STAGES: usize = 5;

/// A page with what is known of its parts.
struct Page<'t> {
    tree: &'t Tree<'t>,
    /// What each element's names say.
    said: Vec<u32>,
    pieces: Pieces,
    /// What is no text anywhere: menus, buttons, comments.
    dropped: Vec<bool>,
    /// The weights of what is left.
    weights: Vec<Weight>,
}

/// The main text's lines; empty if there is none.
pub fn article(tree: &Tree) -> Vec<Line> {
    let page = Page::new(tree);
    let mut best: Vec<Line> = Vec::new();
    for stage in 0..STAGES {
        let found = page.text_of_all(&page.candidates(stage));
        if length(&found) > length(&best) {
            best = found;
        }
        if length(&best) >= ENOUGH && best.len() > 1 {
            break;
        }
    }
    if let Some(dense) = page.densest() {
        let found = page.text_of(dense);
        if length(&found) > 2 * length(&best) {
            best = found;
        }
    }
    if length(&best) < ENOUGH_OF_ALL {
        let found = page.text_of(0);
        if length(&found) > 3 * length(&best) || (length(&best) < ENOUGH && 2 * length(&found) > 3 * length(&best)) {
            best = found;
        }
    }
    if length(&best) < ENOUGH {
        let found = told(tree);
        if length(&found) > 2 * length(&best) {
            best = found;
        }
    }
    best
}

fn length(lines: &[Line]) -> usize {
    lines.iter().map(|line| line.text.len()).sum()
}

fn is_container(tag: Tag) -> bool {
    matches!(tag, Tag::Article | Tag::Div | Tag::Main | Tag::Section)
}

impl<'t> Page<'t> {
    fn new(tree: &'t Tree<'t>) -> Page<'t> {
        let said = tree.nodes.iter().map(|node| said(node.id, node.class)).collect();
        let mut page = Page { tree, said, pieces: pieces(tree), dropped: vec![false; tree.nodes.len()], weights: Vec::new() };
        page.drop_everywhere();
        page
    }

    fn drop_everywhere(&mut self) {
        use Tag::*;
        let nodes = &self.tree.nodes;
        let holds = |tag| {
            let mut holds = vec![false; nodes.len()];
            for at in (1..nodes.len()).rev() {
                let parent = nodes[at].parent as usize;
                holds[parent] = holds[parent] || holds[at] || nodes[at].tag == tag;
            }
            holds
        };
        let (holds_table, holds_title) = (holds(Table), holds(H1));
        for at in 1..nodes.len() {
            let node = &nodes[at];
            let is_block = matches!(node.tag, Div | Section | Ul | Ol | Dl | Details | Aside);
            self.dropped[at] = match node.tag {
                Head | Aside | Nav | Footer | Button | Audio | Video | Object | Fieldset | Label | Legend | Picture | Menu | Dialog
                | Map | Time | Rp | Rt | Option | Optgroup => true,
                Figure => !holds_table[at],
                _ if is_block && self.said[at] & names::COMMENTS != 0 => true,
                _ if is_block && self.said[at] & names::APPENDED != 0 => !holds_title[at],
                _ => node.is(Node::COMMENT),
            };
        }
        let weights = weigh(self.tree, &self.pieces, 0, &self.dropped);
        for at in 1..nodes.len() {
            let is_small = weights[at].text <= weights[0].text / 2;
            let is_consent = matches!(nodes[at].tag, Div | Section) && self.said[at] & names::CONSENT != 0;
            if is_small && (nodes[at].tag == Form || is_consent) {
                self.dropped[at] = true;
            }
        }
        self.weights = weigh(self.tree, &self.pieces, 0, &self.dropped);
    }

    /// The outermost elements that are candidates at a stage: the first, and all others if it is but one module of many.
    fn candidates(&self, stage: usize) -> Vec<usize> {
        let nodes = &self.tree.nodes;
        let mut found: Vec<usize> = Vec::new();
        let mut at = 1;
        while at < nodes.len() {
            let node = &nodes[at];
            let says = |bit| self.said[at] & bit != 0;
            let is_it = !self.dropped[at]
                && is_container(node.tag)
                && match stage {
                    0 => says(names::BODY) || node.is(Node::ARTICLE_BODY),
                    1 => node.tag == Tag::Article,
                    2 => says(names::STORY),
                    3 => says(names::CONTENT),
                    _ => says(names::MAIN) || node.tag == Tag::Main || node.is(Node::ROLE_MAIN),
                };
            if is_it {
                found.push(at);
            }
            at = if is_it || self.dropped[at] { node.end as usize } else { at + 1 };
        }
        if stage > 0 {
            found.truncate(1);
        }
        let text = |at: usize| self.weights[at].text;
        let all: u32 = found.iter().map(|&at| text(at)).sum();
        if found.first().is_some_and(|&first| text(first) * MODULE_SHARE > all) {
            found.truncate(1);
        }
        found
    }

    fn text_of_all(&self, roots: &[usize]) -> Vec<Line> {
        roots.iter().flat_map(|&root| self.text_of(root)).collect()
    }

    /// The container around the most paragraphs, each weighed by length and commas.
    fn densest(&self) -> std::option::Option<usize> {
        use Tag::*;
        let nodes = &self.tree.nodes;
        let mut scores = vec![0f32; nodes.len()];
        let mut at = 1;
        while at < nodes.len() {
            let (node, weight) = (&nodes[at], &self.weights[at]);
            if self.dropped[at] {
                at = node.end as usize;
                continue;
            }
            at += 1;
            let is_paragraph = matches!(node.tag, P | Pre | Blockquote);
            let text = if is_paragraph { weight.text } else { weight.own_text };
            if kind(node.tag) != Kind::Block || text < 25 || weight.link_text * 2 >= weight.text {
                continue;
            }
            let most = if is_paragraph { 3.0 } else { 10.0 };
            let score = 1.0 + weight.own_commas as f32 + (text as f32 / 100.0).min(most);
            let mut above = if is_paragraph || text * 2 < weight.text || text < 200 { node.parent as usize } else { at - 1 };
            for share in [1.0, 0.5, 0.33] {
                scores[above] += score * share;
                above = nodes[above].parent as usize;
            }
        }
        let best = (0..nodes.len()).max_by(|&a, &b| {
            let weight = |at: usize| &self.weights[at];
            let score = |at: usize| scores[at] * (1.0 - weight(at).link_text as f32 / weight(at).text.max(1) as f32);
            score(a).total_cmp(&score(b))
        })?;
        (scores[best] > 0.0).then_some(best)
    }

    /// The lines of a part, without what is not text in it.
    fn text_of(&self, root: usize) -> Vec<Line> {
        let nodes = &self.tree.nodes;
        let (from, to) = (root, nodes[root].end as usize);
        let mut dropped = self.dropped[from..to].to_vec();
        self.drop_named(root, &mut dropped);
        for _ in 0..2 {
            self.drop_linked(root, &mut dropped);
        }
        let weight = weigh(self.tree, &self.pieces, root, &dropped)[0];
        let mut lines = lines(self.tree, root, &dropped);
        let has_paragraphs = weight.paragraph_text as usize >= ENOUGH;
        lines.retain(|line| is_text(line, has_paragraphs));
        while lines.last().is_some_and(|line| line.source == Source::Heading) {
            lines.pop();
        }
        lines
    }

    /// Drops what its names call no text, unless that would leave next to nothing.
    fn drop_named(&self, root: usize, dropped: &mut [bool]) {
        use Tag::*;
        let nodes = &self.tree.nodes;
        let (from, to) = (root, nodes[root].end as usize);
        let before = weigh(self.tree, &self.pieces, root, dropped)[0].text;
        let mut tried = dropped.to_vec();
        let mut at = from + 1;
        while at < to {
            let node = &nodes[at];
            let is_part = matches!(node.tag, Div | Ul | Ol | Dl | Li | Dd | Dt | P | Section | Span);
            let says = |bits| self.said[at] & bits != 0;
            if dropped[at - from]
                || (is_part && (says(names::AROUND) || node.is(Node::ROLE_FRAME)))
                || says(names::UNSEEN)
                || node.is(Node::HIDDEN)
            {
                tried[at - from] = true;
                at = node.end as usize;
            } else {
                at += 1;
            }
        }
        let after = weigh(self.tree, &self.pieces, root, &tried)[0].text;
        if after > before / 7 {
            dropped.copy_from_slice(&tried);
        }
        for at in from + 1..to {
            if matches!(nodes[at].tag, Div | Ul | Ol | Dl | Li | P | Section | Span) && self.said[at] & names::TEASER != 0 {
                dropped[at - from] = true;
            }
        }
    }

    /// Drops what is mostly links.
    fn drop_linked(&self, root: usize, dropped: &mut [bool]) {
        use Tag::*;
        let nodes = &self.tree.nodes;
        let (from, to) = (root, nodes[root].end as usize);
        let weights = weigh(self.tree, &self.pieces, root, dropped);
        for at in from + 1..to {
            let (node, weight) = (&nodes[at], &weights[at - from]);
            if dropped[at - from] || weight.links == 0 {
                continue;
            }
            let parent = nodes[node.parent as usize].tag;
            dropped[at - from] = match node.tag {
                Table => is_link_table(weight),
                P if matches!(parent, Li | Dd | Td | Th) => false,
                Div | Ul | Ol | Dl | P | H1 | H2 | H3 | H4 | H5 | H6 | Blockquote => is_linked(node.tag, weight, self.tree.is_last(at)),
                _ => false,
            };
        }
    }
}

/// Whether an element with links is a menu or the like.
fn is_linked(tag: Tag, weight: &Weight, is_last: bool) -> bool {
    let share = |part: u32| part as f32 / weight.text.max(1) as f32;
    if weight.links == 1 && weight.longest_link > 10 && share(weight.longest_link) > 0.9 {
        return true;
    }
    let limit = match (tag, is_last) {
        (Tag::P, true) => 60,
        (Tag::P, false) => 30,
        (_, true) => 300,
        (_, false) => 100,
    };
    if weight.text < limit {
        let is_menu = share(weight.link_text) > 0.8 || (weight.links > 1 && weight.short_links as f32 / weight.links as f32 > 0.8);
        let is_short_box = tag == Tag::Div && weight.children >= 1 && weight.text < 200;
        return is_menu || is_short_box;
    }
    weight.links > 4 && share(weight.link_text) > 0.9 && weight.link_text < 100 * weight.links
}

fn is_link_table(weight: &Weight) -> bool {
    match weight.text {
        0..200 => false,
        200..1000 => weight.link_text * 10 > weight.text * 8,
        _ => weight.link_text * 2 > weight.text,
    }
}

/// Whether a line is text and not one of the small words around it. Where paragraphs are used, what stands outside them
/// has to look like a sentence.
fn is_text(line: &Line, has_paragraphs: bool) -> bool {
    let text = line.text.trim_start_matches("- ");
    if !text.contains(|c: char| c.is_alphanumeric()) {
        return false;
    }
    !(has_paragraphs && line.source == Source::Loose)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: &str = "The old mill stands at the end of the lane, where the river turns and the willows lean over the water, and every autumn \
        the geese come back to it from the north, tired and loud, and stay until the first frost has gone.";

    /// The lines of a page; the long sentence is written as `L` on both sides.
    fn check(html: &str, expected: &str) {
        let html = html.replace('L', LONG);
        let tree = Tree::parse(&html).unwrap();
        let texts: Vec<String> = article(&tree).into_iter().map(|line| line.text).collect();
        assert_eq!(texts.join("\n").replace(LONG, "L"), expected, "{html}");
    }

    #[test]
    fn the_part_named_as_text_is_taken() {
        check("<div class=list><p>other</p></div><div class=post-content><p>L</p><p>b L</p></div><p>after</p>", "L\nb L");
        check("<p>before</p><article><p>L</p><p>b L</p></article><p>after</p>", "L\nb L");
        check("<p>before</p><main><p>L</p><p>b L</p></main>", "L\nb L");
        check("<div itemprop=articleBody>L<br>b L</div><p>after</p>", "L\nb L");
        // One of many modules named alike: all of them.
        let modules: String = (0..6).map(|i| format!("<div class=text-content><p>{i} L</p></div>")).collect();
        check(&modules, "0 L\n1 L\n2 L\n3 L\n4 L\n5 L");
    }

    #[test]
    fn density_finds_what_no_name_tells() {
        check("<div><ul><li><a href=/>menu</a></ul></div><div><div><p>L</p><p>b L</p></div></div>", "L\nb L");
        check("<table><tr><td><a href=/>menu</a></td><td>L<br>b L</td></tr></table>", "L\nb L");
        // Far more text elsewhere than in the part named so.
        check("<article>teaser</article><div><p>L</p><p>b L</p><p>c L</p></div>", "L\nb L\nc L");
    }

    #[test]
    fn inside_the_part_what_is_no_text_goes() {
        for gone in [
            "<div class=share-bar>share</div>",
            "<nav>menu</nav>",
            "<form><input>search</form>",
            "<ul><li><a href=/a>one link</a><li><a href=/b>another link</a></ul>",
            "<div id=comments><p>First! L</p></div>",
            "<p style='display: none'>L</p>",
            "<figure><img><figcaption>caption</figcaption></figure>",
            "<div>not in a paragraph</div>",
            "<div class=cookie-notice>We use cookies</div>",
            "<p>***</p>",
        ] {
            check(&format!("<article><p>L</p>{gone}<p>b L</p></article>"), "L\nb L");
        }
        check("<article><p>L</p><p>b L</p><h2>Read on</h2></article>", "L\nb L");
    }

    #[test]
    fn inside_the_part_what_is_text_stays() {
        for (kept, lines) in [
            ("<h2>title</h2>", "title"),
            ("<ul><li>one<li>two</ul>", "- one\n- two"),
            ("<pre>a = 1\nb = 2</pre>", "a = 1\nb = 2"),
            ("<table><tr><td>1<td>2</table>", "1 | 2"),
            ("<p>with <a href=/>a link</a> inside</p>", "with a link inside"),
            ("<blockquote>said</blockquote>", "said"),
            ("<figure><table><tr><td>1<td>2</table></figure>", "1 | 2"),
        ] {
            check(&format!("<article><p>L</p>{kept}<p>b L</p></article>"), &format!("L\n{lines}\nb L"));
        }
        // A form around the whole page is no form.
        check("<form><article><p>L</p><p>b L</p></article></form>", "L\nb L");
        // Names that would take nearly everything away are not believed.
        check("<article><div class=widget><p>L</p><p>b L</p></div></article>", "L\nb L");
    }

    #[test]
    fn pages_without_much_text_give_what_they_have() {
        check("<p>A short page.</p>", "A short page.");
        check("<div>No paragraphs<br>here</div>", "No paragraphs\nhere");
        check("<body><nav><a href=/>Home</a></nav>", "");
        check("<script type='application/ld+json'>{\"articleBody\": \"L\"}</script><p>Enable scripts.</p>", "L");
    }
}
