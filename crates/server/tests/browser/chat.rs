//! Chat: an answer comes and is stopped, is asked for again, a question is edited, branches are gone through, chats are found and exported.

use crate::Visit;
use crate::site::MODEL;
use crate::webdriver::{Browser, ENTER};

const STOP: &str = "document.querySelector('#send').getAttribute('aria-label').startsWith('Stop')";
const ANSWER: &str = "document.querySelector('.turn.answer:last-child .prose')?.innerText.trim().length > 0";
const SEND: &str = "document.querySelector('#send').getAttribute('aria-label').startsWith('Send')";

/// Waits for an answer's first words and stops it.
#[track_caller]
fn stop(browser: &Browser) {
    browser.wait(STOP);
    browser.wait(ANSWER);
    browser.click("#send");
    browser.wait(SEND);
    browser.wait("document.querySelector('.turn.answer:last-child .finish')?.innerText === 'Stopped.'");
}

#[test]
fn an_answer_is_stopped_and_asked_for_again_and_a_question_is_edited() {
    let Some(visit) = Visit::begin("chat-turns") else { return };
    let browser = &visit.browser;
    visit.open("/");
    browser.wait(&format!("document.querySelector('#model').value === '{MODEL}'"));
    browser.wait("document.querySelector('#meter').innerText.trim() === '2,048 tokens'");
    browser.type_into("#words", &format!("What is the river called?{ENTER}"));
    stop(browser);
    assert_eq!(browser.text(".turn.question .bubble"), "What is the river called?");
    browser.wait("/^[1-9][0-9,]* [/] 2,048$/.test(document.querySelector('#meter').innerText.trim())");

    browser.click(".turn.answer [aria-label='Answer again']");
    browser.wait(
        "document.querySelector('.turn.answer .branches')?.innerText.includes('2/2') || document.querySelector('#send.primary') && true",
    );
    stop(browser);
    browser.wait("document.querySelector('.turn.answer .branches')?.innerText.includes('2/2')");

    browser.click(".turn.question [data-act='edit']");
    browser.type_into(".edit textarea", &format!(" Tell me.{ENTER}"));
    stop(browser);
    browser.wait("document.querySelector('.turn.question .branches')?.innerText.includes('2/2')");
    assert_eq!(browser.text(".turn.question .bubble"), "What is the river called? Tell me.");
    browser.click(".turn.question [aria-label='Version before']");
    browser.wait("document.querySelector('.turn.question .bubble').innerText === 'What is the river called?'");
    browser.wait("document.querySelector('.turn.answer .branches')?.innerText.includes('/2')");
    visit.is_content();
}

#[test]
fn chats_are_found_and_exported_and_are_there_after_a_reload() {
    let Some(visit) = Visit::begin("chat-find") else { return };
    let browser = &visit.browser;
    visit.open(&format!("/?model={MODEL}"));
    browser.wait(&format!("document.querySelector('#model').value === '{MODEL}'"));
    // What is said is text on every way: on the page, in the list, in what is found.
    let said = "Is <b>Kilamo</b> a goose?";
    browser.type_into("#words", &format!("{said}{ENTER}"));
    stop(browser);
    browser.type_into("#search", "kilamo");
    browser.wait("document.querySelector('#chats-list mark')?.innerText.toLowerCase() === 'kilamo'");
    browser.run("window.sameDocument = true; location.reload();");
    browser.wait("!window.sameDocument && document.querySelector('.turn.question .bubble')");
    assert_eq!(browser.text(".turn.question .bubble"), said);
    let exported = browser.run_later(
        "const done = arguments[arguments.length - 1];
         fetch(`/api/chats/${location.hash.slice(1)}/export`).then((answer) => answer.text()).then(done, (error) => done(`${error}`));",
    );
    let exported = exported.as_str().unwrap_or_default();
    assert!(exported.contains("Kilamo") && exported.contains("\"assistant\""), "{exported}");
    visit.is_content();
}
