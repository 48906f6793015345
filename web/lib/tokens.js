// Tokens as coloured pieces of text that can be chosen with the mouse and the keyboard. Knows nothing of where they come from.
//
// A token is { id, text (null within a character), hex, special }.

import { el } from './dom.js';

const TINTS = 6;
const SIGNS = { ' ': '·', '\n': '⏎\n', '\t': '→\t', '\r': '␍', '\u00a0': '⍽' };
const NAMES = { ' ': 'space', '\n': 'newline', '\t': 'tab', '\r': 'carriage return', '\u00a0': 'no-break space' };

// What stands for a token on the page: its text, its id or its bytes.
export function face(token, { view = 'text', whitespace = false } = {}) {
  if (view === 'ids') return String(token.id);
  if (view === 'bytes') return token.hex;
  if (token.text === null) return `‹${token.hex}›`;
  if (token.special || !whitespace) return token.text;
  return token.text.replace(/[ \n\t\r\u00a0]/g, (sign) => SIGNS[sign]);
}

// The token in words on one line, for panels and labels: whitespace is always visible there.
export function inLine(token) {
  if (token.text === null) return `‹${token.hex}›`;
  if (token.text === '') return '(nothing)';
  return token.special ? token.text : token.text.replace(/[ \n\t\r\u00a0]/g, (sign) => SIGNS[sign].trim());
}

// What a screen reader says where the face has no letters; null where it has.
export function spoken(token) {
  if (token.text === null) return `bytes ${token.hex}`;
  if (/\S/.test(token.text)) return null;
  return [...token.text].map((sign) => NAMES[sign] ?? 'whitespace').join(', ') || 'empty';
}

// The character that a token of bytes is a part of; null where its neighbours do not complete it.
export function wholeCharacter(tokens, number) {
  const isPart = (token) => token && token.text === null;
  if (!isPart(tokens[number])) return null;
  let first = number;
  while (isPart(tokens[first - 1]) && number - first < 8) first--;
  const bytes = [];
  let [from, to] = [0, 0];
  for (let at = first; isPart(tokens[at]) && at < number + 8; at++) {
    if (at === number) from = bytes.length;
    bytes.push(...tokens[at].hex.split(' ').map((byte) => parseInt(byte, 16)));
    if (at === number) to = bytes.length;
  }
  const isStart = (byte) => (byte & 0xc0) !== 0x80;
  while (from > 0 && !isStart(bytes[from])) from--;
  while (to < bytes.length && !isStart(bytes[to])) to++;
  const text = new TextDecoder().decode(new Uint8Array(bytes.slice(from, to)));
  return text.includes('\ufffd') ? null : text;
}

// One token as an element; `number` is its place, which also gives its colour.
export function tokenSpan(token, number, options = {}) {
  const { view = 'text', tint = true } = options;
  const classes = ['token', tint && !token.special ? `t${number % TINTS}` : '', token.special ? 'special' : '',
    token.text === null && view === 'text' ? 'partial' : ''];
  return el('span', {
    class: classes.filter(Boolean).join(' '), role: 'button', tabindex: '-1', 'data-number': number,
    'aria-label': view === 'text' ? spoken(token) : null,
  }, face(token, options));
}

// Makes the tokens in a box one stop of the Tab key: arrows, Home and End go from one to the next, Enter and Space choose, and so does a
// click. `onChoose(number, element)`; `onHover(number or null)` hears of the mouse and of the focus.
export function chooseTokens(box, { onChoose, onHover = () => {} }) {
  const token = (target) => target.closest?.('.token[data-number]');
  const number = (element) => Number(element.dataset.number);
  box.addEventListener('click', (event) => {
    const chosen = token(event.target);
    if (!chosen || String(getSelection())) return;
    focusOn(box, chosen);
    onChoose(number(chosen), chosen);
  });
  box.addEventListener('keydown', (event) => {
    const at = token(event.target);
    if (!at) return;
    const next = neighbour(box, at, event.key);
    if (next) focusOn(box, next);
    else if (event.key === 'Enter' || event.key === ' ') onChoose(number(at), at);
    else return;
    event.preventDefault();
  });
  const enter = (event) => onHover(token(event.target) ? number(token(event.target)) : null);
  box.addEventListener('mouseover', enter);
  box.addEventListener('focusin', enter);
  box.addEventListener('mouseleave', () => onHover(null));
  box.addEventListener('focusout', () => onHover(null));
}

// Lets the Tab key reach a box whose tokens are new.
export function openToKeys(box) {
  if (!box.querySelector('.token[tabindex="0"]')) box.querySelector('.token[data-number]')?.setAttribute('tabindex', '0');
}

function focusOn(box, element) {
  box.querySelector('.token[tabindex="0"]')?.setAttribute('tabindex', '-1');
  element.setAttribute('tabindex', '0');
  element.focus({ preventScroll: false });
}

function neighbour(box, at, key) {
  const tokens = [...box.querySelectorAll('.token[data-number]')];
  const place = tokens.indexOf(at);
  if (key === 'ArrowRight' || key === 'ArrowDown') return tokens[place + 1];
  if (key === 'ArrowLeft' || key === 'ArrowUp') return tokens[place - 1];
  if (key === 'Home') return tokens[0];
  if (key === 'End') return tokens.at(-1);
  return undefined;
}
