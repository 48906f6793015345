//! Tokenizer: text becomes tokens as it is typed, and a token tells of itself.

use crate::Visit;
use crate::site::MODEL;

#[test]
fn text_becomes_tokens_as_it_is_typed_and_a_token_tells_of_itself() {
    let Some(visit) = Visit::begin("tokenizer") else { return };
    let browser = &visit.browser;
    visit.open("/tokenizer");
    browser.wait("document.querySelector('.panel')");
    browser.run("document.querySelector('#text').value = '';");
    browser.type_into("#text", "the mouse <|im_end|>");
    let shown = format!("[...document.querySelectorAll('[data-tokenizer=\"{MODEL}\"] .token')].map((token) => token.textContent)");
    browser.wait(&format!("{shown}.join('') === 'the mouse <|im_end|>'"));
    let count = browser.run(&format!("return {shown}.length;")).as_u64().unwrap();
    // A special token that somebody types is text, many tokens long.
    assert!((8..20).contains(&count), "{count} tokens");
    browser.click(&format!("[data-tokenizer='{MODEL}'] .token[data-number='0']"));
    browser.wait("document.querySelector('#inspector .big')");
    browser.wait("document.querySelector('#inspector .facts').innerText.length > 0");
    visit.is_content();
}
