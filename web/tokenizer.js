// The page Tokenizer: what is typed is cut into tokens by several tokenizers, side by side. The state stands in the address, so that a
// link shows the same. Panels, the inspector and the messages are files of their own in tokenizer/.

import { announce, copy, el, find, findAll } from './lib/dom.js';
import { count, plural } from './lib/format.js';
import { ask, isAbort } from './lib/net.js';
import { debounce } from './lib/time.js';
import { wholeCharacter } from './lib/tokens.js';
import { Inspector } from './tokenizer/inspector.js';
import { MessageList } from './tokenizer/messages.js';
import { Panel } from './tokenizer/panel.js';
import { readAddress, writeAddress } from './tokenizer/state.js';

// Tokens that a panel shows at first, and more of with each click: a page stays fast with any text.
const SHOWN = 1500;
// Bytes of text that the server takes.
const LONGEST = 1 << 20;

const EXAMPLES = [
  ['Prose', 'The library of Anoru stands beside the old bridge. Nobody remembers who built it, but everybody knows the way.'],
  ['Numbers', '3.14159265, 1,000,000, 12 + 345 = 357, 2026-11-27'],
  ['Code', 'fn main() {\n    let words = ["cat", "dog"];\n    println!("{}", words.join(" and "));\n}\n'],
  ['Languages', 'Good morning. Guten Morgen. Buenos días. Доброе утро. おはようございます。 صباح الخير'],
  ['Emoji', 'A house 🏠, a family 👨‍👩‍👧, a flag 🇪🇺 and café.'],
  ['Control', '<|im_start|>user<|im_sep|>Hello<|im_end|>'],
];

const state = {
  mode: 'text',
  text: EXAMPLES[0][1],
  messages: [
    { role: 'system', content: 'You are a friendly assistant.' },
    { role: 'user', content: 'What is 109 + 280?' },
    { role: 'assistant', content: '9+0+0=9 write 9, 0+8+0=8 write 89, 1+2+0=3 write 389. #### 389' },
  ],
  open: false,
  tokenizers: [],
  view: 'text',
  whitespace: false,
  specials: false,
  ...readAddress(),
};

let known = []; // tokenizers of the server
let shown = SHOWN;
let asked = null; // the request under way
const panels = new Map();
const inspector = new Inspector(find('#inspector'));
const messages = new MessageList(find('#messages'), () => changed());

const panelEvents = {
  onChoose: (panel, number, token) => choose(panel, number, token),
  onHover: (panel, token) => panels.forEach((other) => other.markNear(other === panel ? null : token)),
  onMore: () => { shown += 2 * SHOWN; refresh(); },
};

const refreshSoon = debounce(() => refresh(), 90);
const rememberSoon = debounce(() => writeAddress(state), 300);

function changed() {
  shown = SHOWN;
  showSize();
  refreshSoon();
  rememberSoon();
}

async function refresh() {
  rememberSoon();
  asked?.abort();
  const request = asked = new AbortController();
  const failure = find('#failure');
  try {
    const answers = state.mode === 'text' ? await cutText(request.signal) : await cutChat(request.signal);
    failure.hidden = true;
    showPanels(answers);
  } catch (error) {
    if (isAbort(error)) return;
    failure.textContent = error.message;
    failure.hidden = false;
  }
}

async function cutText(signal) {
  const { tokenizers, specials, text } = state;
  if (text.length > LONGEST) throw new Error(`The text has ${count(text.length)} characters; this page takes ${count(LONGEST)} bytes.`);
  const answer = await ask('/api/look/tokenize', { body: { text, tokenizers, specials, most: shown }, signal });
  return answer.tokenizers;
}

// Each tokenizer has a chat format of its own, or none: what it says instead stands in its panel.
async function cutChat(signal) {
  const one = async (tokenizer) => {
    const { format } = known.find((other) => other.id === tokenizer);
    if (!format) return { id: tokenizer, failure: 'This vocabulary has no chat format that is known here: its model was made for texts.' };
    try {
      return { id: tokenizer, ...await ask('/api/look/chat', { body: { tokenizer, messages: state.messages, open: state.open }, signal }) };
    } catch (error) {
      if (isAbort(error)) throw error;
      return { id: tokenizer, failure: error.message };
    }
  };
  return Promise.all(state.tokenizers.map(one));
}

function showPanels(answers) {
  const characters = state.mode === 'text' ? [...state.text].length : null;
  const most = Math.max(1, ...answers.map((answer) => answer.count ?? 0));
  for (const [id, panel] of panels) {
    if (!answers.some((answer) => answer.id === id)) { panel.element.remove(); panels.delete(id); }
  }
  for (const answer of answers) {
    let panel = panels.get(answer.id);
    if (!panel) panels.set(answer.id, panel = new Panel(known.find((one) => one.id === answer.id) ?? { id: answer.id }, panelEvents));
    panel.show(answer, { characters, most, view: state.view, whitespace: state.whitespace });
    find('#panels').append(panel.element);
  }
  find('#panels').dataset.ready = answers.map((answer) => answer.count ?? '-').join(' ');
}

function choose(panel, number, token) {
  panels.forEach((other) => other.markChosen(other === panel ? number : null));
  inspector.show(panel.tokenizer, token, { times: panel.occurrences(token.id), whole: wholeCharacter(panel.tokens, number) });
  announce(`Token ${token.id}`);
}

function showSize() {
  const bytes = new TextEncoder().encode(state.text).length;
  find('#size').textContent = `${plural([...state.text].length, 'character')}, ${plural(bytes, 'byte')}`;
}

function showChoices() {
  for (const button of findAll('#modes button')) button.setAttribute('aria-pressed', button.dataset.mode === state.mode);
  for (const button of findAll('#views button')) button.setAttribute('aria-pressed', button.dataset.view === state.view);
  for (const chip of findAll('#tokenizers button')) chip.setAttribute('aria-pressed', state.tokenizers.includes(chip.dataset.id));
  find('#text-input').hidden = state.mode !== 'text';
  find('#chat-input').hidden = state.mode !== 'chat';
  find('#specials-option').hidden = state.mode !== 'text';
}

// A tokenizer is shown or not; the last one stays.
function toggle(id) {
  const without = state.tokenizers.filter((one) => one !== id);
  if (without.length === state.tokenizers.length) state.tokenizers = [...without, id];
  else if (without.length) state.tokenizers = without;
  showChoices();
  refresh();
}

function bindControls() {
  const text = find('#text');
  text.value = state.text;
  text.addEventListener('input', () => { state.text = text.value; changed(); });
  find('#examples').append(...EXAMPLES.map(([name, words]) => el('button', {
    type: 'button', class: 'chip', on: { click: () => { text.value = state.text = words; changed(); refreshSoon.now(); } },
  }, name)));
  for (const button of findAll('#modes button')) {
    button.addEventListener('click', () => { state.mode = button.dataset.mode; showChoices(); inspector.clear(); refresh(); });
  }
  for (const button of findAll('#views button')) {
    button.addEventListener('click', () => { state.view = button.dataset.view; showChoices(); refresh(); });
  }
  for (const name of ['whitespace', 'specials', 'open']) {
    const input = find(`#${name}`);
    input.checked = state[name];
    input.addEventListener('change', () => { state[name] = input.checked; refresh(); });
  }
  for (const button of findAll('[data-add]')) button.addEventListener('click', () => messages.add(button.dataset.add));
  messages.show(state.messages);
  find('#share').addEventListener('click', () => {
    const whole = writeAddress(state);
    if (whole) copy(location.href, 'The link is copied');
    else copy(location.href, 'The link is copied without the text, which is too long for an address');
  });
}

async function start() {
  bindControls();
  showChoices();
  showSize();
  try {
    known = (await ask('/api/look/tokenizers')).tokenizers;
  } catch (error) {
    find('#failure').textContent = error.message;
    find('#failure').hidden = false;
    return;
  }
  state.tokenizers = state.tokenizers.filter((id) => known.some((one) => one.id === id));
  if (!state.tokenizers.length) state.tokenizers = known.slice(0, 2).map((one) => one.id);
  find('#tokenizers').append(...known.map((one) => el('button', {
    type: 'button', class: 'chip', 'data-id': one.id, title: one.models.join(', '), on: { click: () => toggle(one.id) },
  }, one.id, el('small', { class: 'num' }, count(one.vocab_size)))));
  showChoices();
  if (known.length) refresh();
  else find('#panels').append(el('p', { class: 'empty' }, 'No model is being served yet, so there is no tokenizer to look at.'));
}

start();
