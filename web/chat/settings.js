// How a chat is answered: the system message, tools, and how tokens are drawn.

import { button, el, find, openDialog } from '../lib/dom.js';
import { debounce } from '../lib/time.js';

const NUMBERS = [
  { name: 'temperature', text: 'Temperature', min: 0, max: 2, step: 0.05, usual: 0.8,
    why: '0 always takes the most likely token; higher is more varied.' },
  { name: 'top_p', text: 'Top-p', min: 0.05, max: 1, step: 0.05, usual: 0.95,
    why: 'Draws from the likeliest tokens that have this share together.' },
  { name: 'top_k', text: 'Top-k', min: 0, max: 200, step: 1, usual: 50, why: 'Draws from so many of the likeliest tokens; 0 is all.' },
  { name: 'min_p', text: 'Min-p', min: 0, max: 0.5, step: 0.01, usual: 0,
    why: 'Leaves out what is less likely than this share of the likeliest.' },
  { name: 'max_tokens', text: 'Tokens of an answer', min: 1, max: 2048, step: 1, usual: 256,
    why: 'At most; without it, what the context has room for.' },
  { name: 'thinking_tokens', text: 'Tokens of a thought', min: 1, max: 1024, step: 1, usual: 128,
    why: 'A thought of so many tokens is ended, and the answer begins; without it, it may go on.' },
  { name: 'seed', text: 'Seed', min: 0, max: 9999, step: 1, usual: 1, why: 'The same seed gives the same answer.' },
];

export class SettingsPanel {
  constructor(dialog, { changed }) {
    this.dialog = dialog;
    this.later = debounce(() => changed(structuredClone(this.settings)), 300);
    dialog.addEventListener('close', () => this.later.now());
  }

  open(settings) {
    this.settings = structuredClone(settings);
    delete this.dialog.dataset.ready;
    this.dialog.replaceChildren(
      el('div', { class: 'dialog-head' }, el('h2', { id: 'settings-title' }, 'Settings of this chat'),
        button({ icon: 'close', tip: 'Close', class: 'quiet', 'data-close': true, 'data-tip-at': 'end' })),
      el('div', { class: 'dialog-body stack' }, this.system(), this.tools(),
        el('h3', {}, 'How tokens are drawn'), NUMBERS.map((number) => this.number(number))));
    openDialog(this.dialog);
  }

  system() {
    const field = el('textarea', { class: 'textarea', rows: 5, id: 'system-message', placeholder: 'You are Ada, the assistant of a museum.',
      props: { value: this.settings.system } });
    field.addEventListener('input', () => { this.settings.system = field.value; this.later(); });
    return el('div', { class: 'field' }, el('label', { for: 'system-message' }, 'System message'), field,
      el('small', { class: 'muted' }, 'What the assistant is told before the conversation. The page does not show it, the model sees it.'));
  }

  tools() {
    const box = el('input', { type: 'checkbox', role: 'switch', props: { checked: this.settings.tools } });
    box.addEventListener('change', () => { this.settings.tools = box.checked; this.later(); });
    return el('label', { class: 'switch' }, box, 'Tools: search and Python');
  }

  // A number that is the model's own until somebody moves it.
  number({ name, text, min, max, step, usual, why }) {
    const { sampling } = this.settings;
    const isOwn = () => sampling[name] === undefined;
    const slider = el('input', { class: 'range', type: 'range', min, max, step, id: `sampling-${name}`,
      'aria-describedby': `why-${name}` });
    const value = el('output', { class: 'num', for: `sampling-${name}` });
    const reset = el('button', { type: 'button', class: 'button quiet small' }, 'Reset');
    const show = () => {
      slider.value = sampling[name] ?? usual;
      value.textContent = isOwn() ? (name === 'seed' ? 'another each time' : 'as the model says') : Number(sampling[name].toFixed(3));
      reset.hidden = isOwn();
    };
    slider.addEventListener('input', () => { sampling[name] = Number(slider.value); show(); this.later(); });
    reset.addEventListener('click', () => { delete sampling[name]; show(); this.later(); find(`#sampling-${name}`, this.dialog).focus(); });
    show();
    return el('div', { class: 'field' },
      el('span', {}, el('label', { for: `sampling-${name}` }, text), el('span', { class: 'row number-value' }, value, reset)),
      slider, el('small', { class: 'muted', id: `why-${name}` }, why));
  }
}
