//! A page before it is dressed as HTML: its main text, its address, its date, and what should become of it.

/// Where a page is published, which decides how it is curated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shelf {
    /// The web: HTML in WARC, curated with the `fineweb` profile.
    Web,
    /// Texts that come ready, curated with the `minimal` profile.
    Schoolbooks,
}

/// How the bytes of a page come about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dress {
    /// One of the site designs puts navigation, advertisements and the like around the text.
    Site,
    /// The page is what it is.
    Raw(Raw),
}

/// A response that no site design made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raw {
    /// HTTP status.
    pub status: u16,
    /// HTTP headers in order.
    pub headers: Vec<(String, String)>,
    /// The payload as sent.
    pub body: Vec<u8>,
    /// How many bytes are missing at the end of its record in the archive, 0 for a whole one.
    pub cut: usize,
}

/// One page of the world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sheet {
    /// Where it stands.
    pub shelf: Shelf,
    /// What it is about: "resident", "country", "story", "spam".
    pub kind: &'static str,
    /// Its address.
    pub url: String,
    /// Its time stamp, `2024-05-03T10:22:31Z`.
    pub date: String,
    /// The title in the head of the HTML page, never part of the text.
    pub title: String,
    /// The main text: paragraphs joined by a newline.
    pub text: String,
    /// "keep", "pii", or the name of the filter that drops the page.
    pub verdict: String,
    /// How it is written out.
    pub dress: Dress,
}

impl Sheet {
    /// A page of the web that is to be kept.
    pub fn web(kind: &'static str, url: String, date: String, title: &str, text: String) -> Sheet {
        Sheet { shelf: Shelf::Web, kind, url, date, title: title.to_string(), text, verdict: "keep".to_string(), dress: Dress::Site }
    }

    /// A schoolbook page; always kept.
    pub fn school(kind: &'static str, url: String, date: String, text: String) -> Sheet {
        Sheet { shelf: Shelf::Schoolbooks, ..Sheet::web(kind, url, date, "", text) }
    }

    /// The same page with the name of the filter that drops it.
    pub fn dropped_by(mut self, filter: &str) -> Sheet {
        self.verdict = filter.to_string();
        self
    }

    /// Whether its text is among the curated documents (keep, or keep with addresses replaced).
    pub fn kept(&self) -> bool {
        self.verdict == "keep" || self.verdict == "pii"
    }
}
