// The coin that was tossed for a token: a bar for each of its likeliest sides, the side that came up, and the rest as one bar. Any other
// side can be chosen, and the text branches there.

import { button, el } from '../lib/dom.js';
import { count, percent } from '../lib/format.js';
import { inLine } from '../lib/tokens.js';

// Characters of the text before that are shown.
const BEFORE = 48;

export class Coin {
  // `onBranch(toss, piece)` is called when another side is chosen.
  constructor(element, onBranch) {
    this.element = element;
    this.onBranch = onBranch;
    this.clear();
  }

  clear() {
    this.element.replaceChildren(el('p', { class: 'empty' }, 'Choose a token to see its odds, and what else could have come.'));
  }

  // A toss: { token, before (pieces), sampling, vocabSize, where ('prompt' or 'sample') }.
  show(toss) {
    const { token, before, where } = toss;
    const text = before.filter((piece) => !piece.special).map((piece) => piece.text ?? '').join('').replace(/\n/g, '⏎');
    this.element.replaceChildren(
      button({ icon: 'close', tip: 'Close', class: 'quiet small beside-close', onclick: () => this.clear() }),
      el('span', { class: 'label' }, where === 'prompt' ? 'What the model expected' : 'The coin'),
      el('h2', { class: 'mono' }, inLine(token)),
      el('p', { class: 'before' }, text ? `after ${text.length > BEFORE ? '…' : ''}${text.slice(-BEFORE)}` : 'at the beginning'),
      token.odds.length ? el('ol', { class: 'sides' }, this.sides(toss)) : '',
      el('p', { class: 'note' }, note(toss)));
  }

  sides(toss) {
    const { token, sampling } = toss;
    const shares = token.odds.map((side) => Math.exp(side.logprob));
    const own = Math.exp(token.logprob);
    const isShown = token.odds.some((side) => side.id === token.id);
    const rest = Math.max(0, 1 - shares.reduce((sum, share) => sum + share, 0) - (isShown ? 0 : own));
    const likeliest = token.odds[0].logprob;
    const sides = token.odds.map((side, rank) => this.side(toss, side, shares[rank], isCut(side, rank, likeliest, sampling)));
    if (!isShown) sides.push(this.side(toss, token, own, false));
    const others = el('span', {}, `all ${count(toss.vocabSize - sides.length)} others`);
    sides.push(el('li', {}, el('div', { class: 'side-of rest' }, fill(rest), others, el('span', { class: 'share' }, percent(rest)))));
    return sides;
  }

  side(toss, side, share, cut) {
    const drawn = side.id === toss.token.id;
    const came = drawn ? el('small', {}, toss.where === 'prompt' ? 'stands there' : 'came up') : null;
    const inside = [fill(share), el('span', { class: 'what' }, inLine(side), came), ' ', el('span', { class: 'share' }, percent(share))];
    const classes = `side-of${drawn ? ' drawn' : ''}${cut ? ' cut' : ''}`;
    if (drawn) return el('li', {}, el('div', { class: classes }, inside));
    const title = cut ? 'Cut off by the settings; branch here all the same' : 'Branch here';
    return el('li', {}, el('button', { type: 'button', class: classes, title, on: { click: () => this.onBranch(toss, side) } }, inside));
  }
}

function fill(share) {
  return el('span', { class: 'fill', 'aria-hidden': 'true', style: { width: `${100 * share}%` } });
}

// Whether the settings let a side never come up. Of top-p the shown sides cannot tell.
function isCut(side, rank, likeliest, sampling) {
  if (!sampling) return false;
  const { temperature, top_k: topK, min_p: minP } = sampling;
  if (temperature === 0) return rank > 0;
  return (topK > 0 && rank >= topK) || (minP > 0 && Math.exp((side.logprob - likeliest) / temperature) < minP);
}

function note({ token, where, sampling }) {
  if (!token.odds.length) return 'Nothing stands before it, so there was no choice.';
  if (where === 'prompt') return 'Choose another side to let the model go on from there.';
  const rank = token.odds.findIndex((side) => side.id === token.id);
  const luck = rank === 0 ? 'The likeliest came up.'
    : rank > 0 ? `Number ${rank + 1} came up.` : `None of the likeliest ${token.odds.length} came up.`;
  const heat = !sampling || sampling.temperature === 1 ? '' : ` These are the model's own odds; temperature ${sampling.temperature} then ${
    sampling.temperature < 1 ? 'favours the likely ones' : 'evens them out'}.`;
  return `${luck}${heat}`;
}
