// Where one writes: a field that grows, send and stop in one button, tools on and off, and how full the context is.

import { find, icon } from '../lib/dom.js';
import { count } from '../lib/format.js';

export class Composer {
  constructor({ send, stop, editLast }) {
    this.form = find('#composer');
    this.words = find('#words');
    this.sender = find('#send');
    this.toolsButton = find('#tools');
    this.toolsButton.append(icon('tool'), 'Tools');
    this.isBusy = false;
    this.busy(false);
    this.words.addEventListener('input', () => this.grow());
    this.words.addEventListener('keydown', (event) => {
      if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        this.form.requestSubmit();
      } else if (event.key === 'ArrowUp' && this.words.value === '') {
        event.preventDefault();
        editLast();
      }
    });
    this.form.addEventListener('submit', async (event) => {
      event.preventDefault();
      if (this.isBusy) return stop();
      const text = this.words.value;
      if (text.trim() === '') return undefined;
      this.words.value = '';
      this.grow();
      const began = await send(text);
      // What was refused is not lost.
      if (!began && this.words.value === '') {
        this.words.value = text;
        this.grow();
      }
      return undefined;
    });
  }

  grow() {
    this.words.style.height = 'auto';
    this.words.style.height = `${Math.min(this.words.scrollHeight, window.innerHeight * 0.4)}px`;
  }

  focus() {
    if (window.matchMedia('(hover: hover)').matches) this.words.focus();
  }

  // While an answer comes, the button stops it.
  busy(on) {
    this.isBusy = on;
    this.sender.replaceChildren(icon(on ? 'stop' : 'send'));
    this.sender.setAttribute('aria-label', on ? 'Stop (Esc)' : 'Send (Enter)');
    this.form.classList.toggle('is-busy', on);
  }

  tools(on) {
    this.toolsButton.setAttribute('aria-pressed', on);
    this.toolsButton.title = on ? 'The model may search and run Python' : 'The model has no tools';
  }

  // How many tokens are in use, null before any were counted, and how many the model has room for, if that is known.
  meter(used, context) {
    const meter = find('#meter');
    meter.hidden = used === null && !context;
    if (meter.hidden) return;
    const bar = find('.meter', meter);
    const share = context ? Math.min((used ?? 0) / context, 1) : 0;
    bar.hidden = !context;
    bar.firstElementChild.style.width = `${share * 100}%`;
    bar.classList.toggle('warn', share > 0.75 && share <= 0.9);
    bar.classList.toggle('bad', share > 0.9);
    const [words, title] = meterWords(used, context);
    find('.context-words', meter).textContent = words;
    meter.title = title;
    meter.setAttribute('aria-valuenow', used ?? 0);
    meter.setAttribute('aria-valuemax', context ?? used);
    meter.setAttribute('aria-valuetext', title);
  }
}

// The meter in few words, and in a sentence.
function meterWords(used, context) {
  if (used === null) return [`${count(context)} tokens`, `The context has room for ${count(context)} tokens`];
  if (!context) return [`${count(used)} tokens`, `${count(used)} tokens are in use`];
  return [`${count(used)} / ${count(context)}`, `${count(used)} of ${count(context)} tokens of the context are in use`];
}
