//! The pages in a real browser: what people do on each of them, and whether everybody can.
//!
//! Needs chromium and chromedriver on the path, and installs neither. Without them every test says so and passes, unless
//! SCHOOLHOUSE_REQUIRE_BROWSER is set. Accessibility is judged by axe-core, whose file SCHOOLHOUSE_AXE names.

#![forbid(unsafe_code)]

mod access;
mod chat;
mod loading;
mod playground;
mod practice;
mod school;
mod site;
mod tiny;
mod tokenizer_page;
mod webdriver;

use std::sync::{Mutex, MutexGuard};

use site::Site;
use webdriver::Browser;

/// One browser at a time: they are large.
static TURN: Mutex<()> = Mutex::new(());

/// A browser and a site for it, in this order of going.
pub struct Visit {
    /// The browser.
    pub browser: Browser,
    /// What it looks at.
    pub site: Site,
    _turn: MutexGuard<'static, ()>,
}

impl Visit {
    /// Starts both; none where there is no browser and none is required.
    pub fn begin(name: &str) -> Option<Visit> {
        let turn = TURN.lock().unwrap_or_else(|failed| failed.into_inner());
        let Some(browser) = Browser::start() else {
            assert!(!required(), "chromium and chromedriver must be on the path: SCHOOLHOUSE_REQUIRE_BROWSER is set");
            eprintln!("skipped {name}: there is no chromium and chromedriver on the path");
            return None;
        };
        Some(Visit { browser, site: Site::new(name), _turn: turn })
    }

    /// Opens a page of the site.
    pub fn open(&self, path: &str) {
        self.browser.open(&self.site.url(path));
    }

    /// The page told no error to the browser.
    #[track_caller]
    pub fn is_content(&self) {
        assert_eq!(self.browser.complaints(), Vec::<String>::new());
    }
}

/// Whether a missing browser, or a missing axe, is a failure.
pub fn required() -> bool {
    std::env::var_os("SCHOOLHOUSE_REQUIRE_BROWSER").is_some_and(|value| !value.is_empty() && value != "0")
}
