// One tokenizer's panel: how many tokens, and the tokens themselves, of a text or of a conversation.

import { el, find } from '../lib/dom.js';
import { compact, count, decimal, plural } from '../lib/format.js';
import { chooseTokens, openToKeys, tokenSpan } from '../lib/tokens.js';

export class Panel {
  // `events`: onChoose(panel, number, token), onHover(panel, token or null), onMore().
  constructor(tokenizer, events) {
    this.tokenizer = tokenizer;
    this.tokens = [];
    this.chosen = null;
    this.near = [];
    this.head = el('header', { class: 'panel-head' });
    this.box = el('div', { class: 'tokens', role: 'group', 'aria-label': `Tokens of ${tokenizer.id}` });
    this.foot = el('div', {});
    this.element = el('article', { class: 'card panel', 'data-tokenizer': tokenizer.id }, this.head, this.box, this.foot);
    this.events = events;
    chooseTokens(this.box, {
      onChoose: (number) => events.onChoose(this, number, this.tokens[number]),
      onHover: (number) => events.onHover(this, number === null ? null : this.tokens[number]),
    });
  }

  // An answer of the server: a cut text, a conversation, or why there is none.
  show(answer, { characters, most, view, whitespace }) {
    this.near = [];
    this.tokens = answer.tokens ?? [];
    if (answer.failure) return this.showFailure(answer.failure);
    this.showHead(answer, characters, most);
    const span = (token, number) => {
      const element = tokenSpan(token, number, { view, whitespace });
      if (token.learnt) element.classList.add('learnt');
      return element;
    };
    const spans = this.tokens.map(span);
    this.box.classList.toggle('spread', view !== 'text');
    this.box.hidden = false;
    this.box.replaceChildren(...(answer.format ? turns(this.tokens, spans) : spans));
    openToKeys(this.box);
    this.foot.replaceChildren(...(answer.format ? conversationFoot(answer) : this.textFoot(answer)));
    if (this.tokens[this.chosen?.number]?.id === this.chosen?.id) this.markChosen(this.chosen?.number ?? null);
    else this.chosen = null;
  }

  showFailure(sentence) {
    this.head.replaceChildren(el('h2', {}, this.tokenizer.id));
    this.box.hidden = true;
    this.box.replaceChildren();
    this.foot.replaceChildren(el('p', { class: 'note' }, sentence));
  }

  showHead(answer, characters, most) {
    const vocabulary = this.tokenizer.vocab_size ? `${count(this.tokenizer.vocab_size)} in the vocabulary` : '';
    const each = characters === null
      ? `${count(answer.learnt)} learnt`
      : `${decimal(characters / Math.max(1, answer.count))} characters each`;
    const bar = el('span', { class: 'bar', 'aria-hidden': 'true' }, el('span', { style: { width: `${(100 * answer.count) / most}%` } }));
    this.head.replaceChildren(
      el('h2', {}, this.tokenizer.id),
      el('span', { class: 'figure' }, count(answer.count), el('small', {}, answer.count === 1 ? ' token' : ' tokens')),
      el('span', { class: 'muted' }, answer.format ? `chat format ${answer.format}` : vocabulary),
      el('span', { class: 'muted num' }, each),
      bar);
  }

  textFoot(answer) {
    const left = answer.count - answer.tokens.length;
    const notes = [];
    if (answer.normalised) notes.push(el('p', { class: 'note' }, 'The text was brought into normal form C first, which changed it.'));
    if (left > 0) {
      notes.push(el('button', { type: 'button', class: 'button small more', on: { click: this.events.onMore } },
        `Show more: ${compact(left)} ${left === 1 ? 'token is' : 'tokens are'} not shown`));
    }
    return notes;
  }

  // How often an id stands among the tokens shown.
  occurrences(id) {
    return this.tokens.filter((token) => token.id === id).length;
  }

  markChosen(number) {
    find('.chosen', this.box)?.classList.remove('chosen');
    this.chosen = number === null ? null : { number, id: this.tokens[number].id };
    if (number !== null) find(`[data-number="${number}"]`, this.box)?.classList.add('chosen');
  }

  // Marks the tokens that stand for the same bytes as a token of another panel.
  markNear(token) {
    this.near.forEach((element) => element.classList.remove('near'));
    this.near = [];
    if (!token || token.role !== undefined) return;
    let number = firstBehind(this.tokens, token.start);
    for (; number < this.tokens.length && this.tokens[number].start < token.end; number++) {
      const element = find(`[data-number="${number}"]`, this.box);
      if (element) { element.classList.add('near'); this.near.push(element); }
    }
  }
}

// The first token that ends behind a byte.
function firstBehind(tokens, byte) {
  let [low, high] = [0, tokens.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (tokens[middle].end <= byte) low = middle + 1;
    else high = middle;
  }
  return low;
}

// Spans in a block for each message.
function turns(tokens, spans) {
  const blocks = [];
  let message;
  tokens.forEach((token, number) => {
    if (!blocks.length || token.message !== message) {
      message = token.message;
      const label = token.role ? el('span', { class: 'label' }, token.role) : null;
      blocks.push(el('div', { class: `turn ${token.role ?? ''}` }, label));
    }
    blocks.at(-1).append(spans[number]);
  });
  return blocks;
}

function conversationFoot({ template, learnt, count: all }) {
  return [
    el('p', { class: 'legend' },
      el('span', {}, el('span', { class: 'token learnt' }, 'underlined'),
        ` is learnt in training: ${plural(learnt, 'token')} of ${count(all)}`)),
    el('details', { class: 'fold' }, el('summary', {}, 'The format as a template'),
      el('pre', { tabindex: '0', 'aria-label': 'Template' }, template)),
  ];
}

