// A sample on the page: its tokens as they come, and what can be done with it.

import { button, copy, el, find } from '../lib/dom.js';
import { percent, plural } from '../lib/format.js';
import { perFrame } from '../lib/time.js';
import { chooseTokens, openToKeys, tokenSpan } from '../lib/tokens.js';

const ENDS = { stop: 'the model ended it', text: 'stopped before the stop text', length: 'length reached', halted: 'stopped by you' };

// How surprising a token is, as one of five classes.
export function surprise(logprob) {
  const share = Math.exp(logprob);
  return `p${[0.05, 0.2, 0.5, 0.8].filter((bound) => share >= bound).length}`;
}

// A token with odds as an element: its probability as a tooltip and as a class.
export function oddsSpan(token, number) {
  const span = tokenSpan(token, number, { tint: false });
  if (token.logprob !== null && token.logprob !== undefined) {
    span.classList.add(surprise(token.logprob));
    span.dataset.tip = percent(Math.exp(token.logprob));
    span.dataset.tipAt = 'top';
  }
  if (token.kept) span.classList.add('kept');
  if (token.turned) span.classList.add('turned');
  if (token.beyond) span.classList.add('beyond');
  return span;
}

export class Sheet {
  // `events`: onChoose(sheet, number), onClose(sheet), onContinue(sheet).
  constructor({ name, seed, prompt, tokens = [] }, events) {
    Object.assign(this, { name, seed, prompt, events, tokens: [...tokens], finish: null, drawn: 0 });
    this.box = el('div', { class: 'tokens', role: 'group', 'aria-label': `Tokens of ${name}` });
    this.status = el('span', {});
    this.further = button({ text: 'Go on', class: 'small', hidden: true, onclick: () => events.onContinue(this) });
    this.element = el('article', { class: 'card sheet', 'aria-label': name },
      el('header', { class: 'sheet-head' }, el('h2', {}, name), el('div', { class: 'row' }, this.further,
        button({ icon: 'copy', tip: `Copy ${name}`, class: 'quiet small', onclick: () => copy(this.text(), 'The text is copied') }),
        button({ icon: 'close', tip: `Close ${name}`, class: 'quiet small', onclick: () => events.onClose(this) }))),
      this.box,
      el('footer', { class: 'sheet-foot' }, this.status));
    chooseTokens(this.box, { onChoose: (number) => events.onChoose(this, number) });
    this.drawSoon = perFrame(() => this.draw());
    this.draw();
  }

  // All ids from the beginning of the prompt to before a token of the sample.
  idsBefore(number) {
    return [...this.prompt, ...this.tokens.slice(0, number)].map((piece) => piece.id);
  }

  begin() {
    this.finish = null;
    this.begun = this.tokens.length;
    this.element.classList.add('writing');
    this.further.hidden = true;
    this.showStatus();
  }

  push(token) {
    this.tokens.push(token);
    this.drawSoon();
  }

  // How it ended, with the token that ended it, and the text since begin(): tokens behind that belong to a stop text.
  end(finish, token = null, text = null) {
    if (this.finish) return;
    this.finish = finish;
    if (finish === 'text') this.markBeyond(text.length);
    if (token) this.tokens.push(token);
    this.element.classList.remove('writing');
    this.further.hidden = !['length', 'halted'].includes(finish);
    this.drawSoon();
  }

  // Tokens that begin behind so many characters are no part of the sample's text.
  markBeyond(length) {
    let at = 0;
    for (const token of this.tokens.slice(this.begun)) {
      token.beyond = at >= length;
      at += token.text?.length ?? 0;
    }
    this.box.replaceChildren();
    this.drawn = 0;
  }

  fail(sentence) {
    this.end('failed');
    this.status.replaceChildren(el('span', { class: 'error' }, sentence));
    this.failed = true;
  }

  // The text of the sample, without what ended it.
  text() {
    return this.tokens.filter((token) => !token.special && !token.beyond).map((token) => token.text ?? '').join('');
  }

  // Adds the tokens that are not on the page yet.
  draw() {
    const spans = this.tokens.slice(this.drawn).map((token, place) => oddsSpan(token, this.drawn + place));
    this.box.append(...spans);
    this.drawn = this.tokens.length;
    openToKeys(this.box);
    this.showStatus();
  }

  showStatus() {
    if (this.failed) return;
    const own = this.tokens.filter((token) => !token.kept && token.logprob !== undefined);
    const mean = own.length ? Math.exp(own.reduce((sum, token) => sum + token.logprob, 0) / own.length) : null;
    const words = [plural(own.length, 'token'), `seed ${this.seed}`];
    if (mean !== null) words.push(`mean odds ${percent(mean)}`);
    if (this.finish) words.push(ENDS[this.finish] ?? '');
    this.status.textContent = words.filter(Boolean).join(' · ');
  }

  markChosen(number) {
    find('.chosen', this.box)?.classList.remove('chosen');
    if (number !== null) find(`[data-number="${number}"]`, this.box)?.classList.add('chosen');
  }
}
