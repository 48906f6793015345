// How tokens are chosen: sliders and fields, and what they say as the server's words.

import { el } from '../lib/dom.js';

const SLIDERS = [
  { name: 'temperature', text: 'Temperature', min: 0, max: 2, step: 0.05, value: 0.8 },
  { name: 'top_p', text: 'Top-p', min: 0.05, max: 1, step: 0.05, value: 1 },
  { name: 'min_p', text: 'Min-p', min: 0, max: 0.5, step: 0.01, value: 0 },
  { name: 'max_tokens', text: 'Length in tokens', min: 1, max: 512, step: 1, value: 96 },
];

const MOST_SEED = 1_000_000;

export class Settings {
  constructor(box) {
    this.inputs = {};
    this.outputs = {};
    const sliders = SLIDERS.map((slider) => this.slider(slider));
    this.inputs.top_k = el('input', { class: 'input num', type: 'number', min: '0', max: '100000', value: '50', inputmode: 'numeric' });
    this.inputs.seed = el('input', { class: 'input num', type: 'number', min: '0', value: '1', inputmode: 'numeric' });
    this.inputs.stop = el('input', { class: 'input mono', type: 'text', placeholder: 'nothing', autocomplete: 'off', spellcheck: 'false' });
    this.fresh = el('input', { type: 'checkbox', props: { checked: true } });
    box.append(
      ...sliders,
      el('div', { class: 'pair' }, field('Top-k, 0 is off', this.inputs.top_k), field('Seed', this.inputs.seed)),
      el('label', { class: 'switch' }, this.fresh, 'Another seed each time'),
      field('Stop before (\\n is a new line)', this.inputs.stop));
  }

  slider({ name, text, value, ...bounds }) {
    const output = this.outputs[name] = el('output', {}, String(value));
    const input = this.inputs[name] = el('input', { class: 'range', type: 'range', ...bounds, value, 'aria-label': text });
    input.addEventListener('input', () => { output.textContent = input.value; });
    return el('div', { class: 'field' }, el('span', {}, text, output), input);
  }

  set(name, value) {
    this.inputs[name].value = value;
    if (this.outputs[name]) this.outputs[name].textContent = this.inputs[name].value;
  }

  // What a request says. Numbers that a field does not hold are left to the model's maker.
  request() {
    const number = (name) => (this.inputs[name].value === '' ? undefined : Number(this.inputs[name].value));
    const stop = this.inputs.stop.value.replace(/\\n/g, '\n').replace(/\\t/g, '\t');
    return {
      temperature: number('temperature'),
      top_k: number('top_k'),
      top_p: number('top_p'),
      min_p: number('min_p'),
      max_tokens: number('max_tokens'),
      seed: number('seed') ?? 0,
      stop: stop ? [stop] : [],
    };
  }

  // After a request: the next one has other luck, unless the seed is to stay.
  spend() {
    if (this.fresh.checked) this.set('seed', Math.floor(Math.random() * MOST_SEED));
  }
}

function field(text, input) {
  return el('label', { class: 'field' }, el('span', {}, text), input);
}
