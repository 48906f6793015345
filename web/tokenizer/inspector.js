// The chosen token: its id, its bytes, and the merges that made it, as a tree and as a list.

import { button, el } from '../lib/dom.js';
import { count } from '../lib/format.js';
import { ask } from '../lib/net.js';
import { inLine, spoken } from '../lib/tokens.js';

// Parts of a token that a tree has room for; of longer ones the list tells alone.
const WIDEST = 24;

export class Inspector {
  constructor(element) {
    this.element = element;
    this.origins = new Map(); // what the server said, by tokenizer and id
    this.clear();
  }

  clear() {
    this.shown = null;
    this.element.replaceChildren(el('p', { class: 'empty' }, 'Choose a token to see its number, its bytes and the merges that made it.'));
  }

  // Shows a token; `times` is how often it stands in the text, `whole` the character that it is a part of.
  async show(tokenizer, token, { times = null, whole = null } = {}) {
    this.shown = { tokenizer, token };
    const origin = await this.origin(tokenizer.id, token.id);
    if (this.shown?.token !== token) return;
    this.element.replaceChildren(...this.contents(tokenizer, token, { times, whole }, origin));
  }


  async origin(tokenizer, id) {
    const key = `${tokenizer} ${id}`;
    if (!this.origins.has(key)) {
      const query = new URLSearchParams({ tokenizer, token: id });
      try {
        this.origins.set(key, await ask(`/api/look/merges?${query}`));
      } catch (error) {
        return { steps: [], failure: error.message };
      }
    }
    return this.origins.get(key);
  }

  contents(tokenizer, token, { times, whole }, origin) {
    const words = spoken(token);
    return [
      button({ icon: 'close', tip: 'Close', class: 'quiet small beside-close', onclick: () => this.clear() }),
      el('span', { class: 'label' }, `Token of ${tokenizer.id}`),
      el('span', { class: 'big' }, inLine(token)),
      el('dl', { class: 'facts' }, facts({
        ID: count(token.id),
        Bytes: el('span', { class: 'mono' }, token.hex || 'none'),
        Length: `${token.hex ? token.hex.split(' ').length : 0}`,
        Reads: token.text === null ? null : words,
        'Part of': whole,
        Place: token.start === undefined ? null : `byte ${count(token.start)} to ${count(token.end)}`,
        'In this text': times ? (times === 1 ? 'once' : `${count(times)} times`) : null,
        Kind: kind(token, origin),
        Learnt: token.learnt === undefined ? null : token.learnt ? 'yes, training asks for it' : 'no, only read',
      })),
      origin.failure ? el('p', { class: 'error' }, origin.failure) : null,
      ...(origin.steps.length ? this.merges(tokenizer, token, origin) : []),
    ].filter(Boolean);
  }

  merges(tokenizer, token, origin) {
    const made = new Map(origin.steps.map((step) => [step.merged.id, step]));
    const choose = (piece) => this.show(tokenizer, piece);
    const parts = [];
    if (leaves(token.id, made) <= WIDEST) {
      const tree = el('ul', {}, branch(origin.token, made, choose, true));
      const box = el('div', { class: 'tree', role: 'region', tabindex: '0', 'aria-label': 'Merges as a tree' }, tree);
      parts.push(el('h3', {}, 'Made of'), box);
    }
    const step = ({ left, right, number }) => el('li', {},
      el('span', {}, `${inLine(left)} + ${inLine(right)}`),
      el('span', { class: 'num' }, number === null ? '' : `merge ${count(number)}`));
    const title = origin.merges ? `Merges, of ${count(origin.merges)} in all` : 'Merges';
    parts.push(el('h3', {}, title), el('ol', { class: 'steps' }, origin.steps.map(step)));
    return parts;
  }
}

function facts(of) {
  return Object.entries(of).filter(([, value]) => value !== null).map(([name, value]) => [el('dt', {}, name), el('dd', {}, value)]);
}

function kind(token, { steps }) {
  if (token.special) return 'special token';
  if (token.hex && !token.hex.includes(' ')) return 'a byte';
  return steps.length ? `${steps.length === 1 ? 'one merge' : `${steps.length} merges`}` : 'listed whole';
}

// How many bytes the tree of a token has at its foot.
function leaves(id, made) {
  const step = made.get(id);
  return step ? leaves(step.left.id, made) + leaves(step.right.id, made) : 1;
}

// A token above what it is made of.
function branch(piece, made, choose, root = false) {
  const step = made.get(piece.id);
  return el('li', {},
    el('button', {
      type: 'button', class: `node${root ? ' root' : ''}`, title: `Token ${piece.id}`, on: { click: () => choose(piece) },
    }, inLine(piece)),
    step ? el('ul', {}, branch(step.left, made, choose), branch(step.right, made, choose)) : null);
}
