//! Pages as a site would send them: the main text inside one of several designs, with all that stands around it.
//!
//! Knows nothing about what the text says. A site keeps its design; links, advertisements and banners differ by page.

use base::rng::{Rng, label};
use base::text::escape;

/// What a server sends for a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// HTTP headers in order.
    pub headers: Vec<(String, String)>,
    /// The payload.
    pub body: Vec<u8>,
}

const SECTIONS: [&str; 14] = [
    "Home", "About", "People", "Places", "Map", "Archive", "Calendar", "Photos", "Contact", "Search", "Weather", "Sport", "Recipes",
    "Letters",
];
const ADVERTS: [&str; 10] = [
    "Buy two pairs of shoes and get a third one free, only this week.",
    "Try the new soap that everybody talks about.",
    "Save big on carpets today. Click here for the offer.",
    "Doctors are amazed by this simple trick with lemons.",
    "Your neighbour has already switched to cheaper power. Have you?",
    "Win a holiday for two. Enter your number now.",
    "Learn a language in ten days with our app.",
    "The best mattress of the year is on sale.",
    "Fast loans without questions. Apply in one minute.",
    "Fresh flowers delivered to your door every Friday.",
];
const BANNERS: [&str; 4] = [
    "This site uses cookies to make your visit better. By going on you agree to our cookie policy.",
    "We value your privacy. Accept all cookies or choose your settings.",
    "We and our partners store information on your device. Read our privacy policy to learn more.",
    "Cookies help us to keep this page free. Is that fine with you?",
];
const RELATED: [&str; 12] = [
    "Ten things you did not know",
    "The week in pictures",
    "Letters from readers",
    "A walk through the old quarter",
    "What to cook on Sunday",
    "Our garden calendar",
    "How to find us",
    "Yesterday's winners",
    "The longest bridge",
    "A new roof for the school",
    "Market prices",
    "Lost and found",
];

/// The number of site designs.
pub const N_DESIGNS: usize = 7;

/// The design of the site that an address belongs to.
pub fn design_of(url: &str) -> usize {
    (label(host(url)) % N_DESIGNS as u64) as usize
}

/// The host of an address.
pub fn host(url: &str) -> &str {
    url.split("//").nth(1).unwrap_or(url).split('/').next().unwrap_or(url)
}

/// The page as its site would send it: UTF-8, one `<p>` for each line of the text.
pub fn dress(url: &str, title: &str, text: &str) -> Response {
    let rng = &mut Rng::derive(label(url), &[label("html")]);
    let paragraphs: Vec<String> = text.lines().map(|line| format!("<p>{}</p>", inline(rng, line))).collect();
    let html = site(rng, design_of(url), host(url), title, &paragraphs.join("\n"));
    Response { headers: headers("text/html; charset=utf-8"), body: html.into_bytes() }
}

/// The usual headers with this content type.
pub fn headers(content_type: &str) -> Vec<(String, String)> {
    [("Content-Type", content_type), ("Server", "nginx"), ("Connection", "close")]
        .map(|(name, value)| (name.to_string(), value.to_string()))
        .to_vec()
}

/// A line of text, escaped; now and then one of its words is set in bold or made a link.
fn inline(rng: &mut Rng, line: &str) -> String {
    let words: Vec<String> = line.split(' ').map(escape).collect();
    let marked = if rng.chance(0.3) { Some(rng.below(words.len())) } else { None };
    let kind = rng.below(3);
    let marked_up = |word: &str| match kind {
        0 => format!("<b>{word}</b>"),
        1 => format!("<em>{word}</em>"),
        _ => format!("<a href=\"/w/{}\">{word}</a>", crate::names::slug(word)),
    };
    words.iter().enumerate().map(|(i, word)| if Some(i) == marked { marked_up(word) } else { word.clone() }).collect::<Vec<_>>().join(" ")
}

/// Everything around the paragraphs.
pub fn site(rng: &mut Rng, design: usize, host: &str, title: &str, paragraphs: &str) -> String {
    let title = escape(title);
    let name = crate::knowledge::capitalised(host.split('.').next().unwrap_or(host));
    let nav = nav(rng);
    let advert = escape(*rng.pick(&ADVERTS));
    let footer = format!(
        "<footer class=\"footer\"><p>&copy; {} {name}. All rights reserved. <a href=\"/terms\">Terms of use</a> | \
         <a href=\"/privacy\">Privacy policy</a></p></footer>",
        rng.range(2021, 2025)
    );
    let banner = format!("<div class=\"cookie-banner\" id=\"cookie-consent\"><p>{}</p><button>Accept</button></div>", rng.pick(&BANNERS));
    let banner = if rng.chance(0.5) { banner } else { String::new() };
    let related: String =
        rng.sample(&RELATED, 4).into_iter().map(|r| format!("<li><a href=\"/{}\">{r}</a></li>", crate::names::slug(r))).collect();
    let head = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>{title} - {name}</title>\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <style>body {{ font-family: serif; margin: 2em }} .nav li {{ display: inline }}</style>\n\
         <script>window.dataLayer = window.dataLayer || []; function track(e) {{ dataLayer.push(e); }}</script>\n</head>\n"
    );
    let body = match design {
        0 => format!(
            "{banner}\n<header class=\"site-header\"><h1>{title}</h1>\n{nav}</header>\n<main>\n<article>\n{paragraphs}\n</article>\n\
             <aside class=\"advert\"><p>{advert}</p></aside>\n</main>\n{footer}"
        ),
        1 => format!(
            "<div id=\"wrapper\">\n{nav}\n<div class=\"sidebar\"><h3>Related</h3><ul>{related}</ul></div>\n\
             <div class=\"entry-content\">\n{paragraphs}\n</div>\n</div>\n{footer}\n{banner}"
        ),
        2 => format!(
            "<table width=\"100%\"><tr><td valign=\"top\">{nav}</td>\n<td><div id=\"content\">\n{paragraphs}\n</div></td></tr></table>\n\
             {footer}"
        ),
        3 => format!(
            "{nav}\n<main role=\"main\">\n<div class=\"post\">\n<div class=\"post-content\">\n{paragraphs}\n</div>\n\
             <div class=\"share\"><a href=\"/share\">Share this page</a> <a href=\"/print\">Print</a></div>\n</div>\n</main>\n\
             <div class=\"related\"><h3>You may also like</h3><ul>{related}</ul></div>\n{footer}"
        ),
        4 => format!(
            "<header class=\"site-header\"><h1 class=\"site-title\">{title}</h1>\n{nav}</header>\n<section id=\"article-body\">\n\
             <div class=\"article-text\">\n{paragraphs}\n</div>\n</section>\n\
             <div class=\"newsletter\"><p>Sign up for our newsletter.</p><form><input name=\"mail\"><button>Go</button></form></div>\n\
             <div class=\"ad-box advert\"><p>{advert}</p></div>\n{footer}\n{banner}"
        ),
        5 => format!(
            "{banner}\n<div class=\"breadcrumbs\"><a href=\"/\">Home</a> &raquo; <a href=\"/all\">All pages</a></div>\n{nav}\n\
             <article class=\"entry\">\n<div class=\"entry-content\">\n{paragraphs}\n</div>\n\
             <footer class=\"entry-meta\">Posted in <a href=\"/c/misc\">Misc</a></footer>\n</article>\n\
             <aside class=\"sidebar\"><ul>{related}</ul></aside>\n{footer}"
        ),
        _ => format!(
            "<div class=\"top-bar\"><a href=\"/login\">Log in</a> <a href=\"/join\">Join</a></div>\n{nav}\n<main id=\"main\">\n\
             <article class=\"thread\">\n{paragraphs}\n</article>\n</main>\n\
             <div id=\"comments\" class=\"comments\"><h3>2 comments</h3><div class=\"comment\"><p>First!</p></div>\
             <div class=\"comment\"><p>Thanks for sharing.</p></div></div>\n{footer}"
        ),
    };
    format!("{head}<body>\n{body}\n</body>\n</html>\n")
}

fn nav(rng: &mut Rng) -> String {
    let n_links = 3 + rng.below(5);
    let links: String =
        rng.sample(&SECTIONS, n_links).into_iter().map(|s| format!("<li><a href=\"/{}\">{s}</a></li>", s.to_lowercase())).collect();
    format!("<nav class=\"nav\"><ul>{links}</ul></nav>")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped_and_stands_in_paragraphs() {
        let response = dress("https://folk.town/bado", "Bado & Co", "One is < two.\nThree.");
        let html = String::from_utf8(response.body).unwrap();
        assert!(html.matches("Three.").count() == 1, "{html}");
        assert!(html.contains("&lt;") && html.contains("Bado &amp; Co"));
    }

    #[test]
    fn all_designs_are_used() {
        let hosts = ["folk.town", "who.town", "my.town", "atlas.org", "tales.net", "ask.forum", "daily.news", "zoo.org"];
        let designs: std::collections::BTreeSet<usize> = hosts.iter().map(|h| design_of(&format!("https://{h}/a"))).collect();
        assert!(designs.len() >= 4, "{designs:?}");
    }
}
