//! Playground: a text is gone on with, a token shows its odds, and another side of the coin is a branch.

use crate::Visit;
use crate::site::MODEL;

#[test]
fn a_text_goes_on_and_branches_at_a_token() {
    let Some(visit) = Visit::begin("playground") else { return };
    let browser = &visit.browser;
    visit.open("/playground");
    browser.wait(&format!("document.querySelector('#model').value === '{MODEL}'"));
    browser.type_into("#prompt", "Once upon a time");
    browser.click("[data-samples='1']");
    browser.click("#write");
    browser.wait("document.querySelectorAll('.sheet .token').length > 3");
    browser.wait("document.querySelector('#stop').hidden || (document.querySelector('#stop').click(), false)");
    let sheets = "document.querySelectorAll('.sheet').length";
    assert_eq!(browser.run(&format!("return {sheets};")), 1);

    browser.click(".sheet .token[data-number='1']");
    browser.wait("document.querySelectorAll('#coin .sides li').length > 2");
    browser.wait("document.querySelector('#coin .drawn small')?.innerText === 'came up'");
    let other = browser.text("#coin .sides button .what");
    browser.click("#coin .sides button");
    browser.wait(&format!("{sheets} === 2"));
    browser.wait("document.querySelector('.sheet .turned')");
    browser.wait("document.querySelector('#stop').hidden || (document.querySelector('#stop').click(), false)");
    let turned = browser.run("return document.querySelector('.sheet .turned').textContent.replaceAll(' ', '·');");
    assert_eq!(turned, other.as_str());
    visit.is_content();
}
