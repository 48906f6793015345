// The conversation as the model sees it: every token, special ones as such, a message to a row.

import { el } from '../lib/dom.js';
import { count } from '../lib/format.js';
import { recall, remember } from '../lib/keep.js';

const COLOURS = 6;

export function showTokens(box, { tokens, total, context, format, system }) {
  const row = el('div', { class: 'seen-tokens', tabindex: '0', role: 'region', 'aria-label': 'The conversation as tokens' });
  let message = el('p', {});
  tokens.forEach((token, index) => {
    if (token.special && /start/.test(token.text) && index > 0 && !/search|python|output/.test(token.text)) {
      row.append(message);
      message = el('p', {});
    }
    message.append(el('span', {
      class: token.special ? 'token special' : `token t${index % COLOURS}`, 'data-id': token.id, title: `id ${token.id}`,
    }, visible(token)));
  });
  row.append(message);
  const ids = el('input', { type: 'checkbox', props: { checked: recall('chat.ids') === 'on' } });
  const show = () => row.classList.toggle('with-ids', ids.checked);
  ids.addEventListener('change', () => { remember('chat.ids', ids.checked ? 'on' : 'off'); show(); });
  show();
  const hidden = system
    ? el('p', { class: 'muted' }, 'The page hides the system message: ', el('q', {}, system))
    : el('p', { class: 'muted' }, 'There is no system message.');
  const left = total > tokens.length ? el('p', { class: 'muted' }, `The first ${count(total - tokens.length)} tokens are left out.`) : null;
  box.replaceChildren(el('div', { class: 'split' },
    el('p', {}, el('strong', { class: 'num' }, count(total)), ` tokens of ${count(context)}, in the format ${format}`),
    el('label', { class: 'switch' }, ids, 'Token ids')), hidden, ...(left ? [left] : []), row);
}

function visible({ text, special }) {
  return special ? text : text.replaceAll('\n', '↵\n').replaceAll('\t', '→\t');
}
