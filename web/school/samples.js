// What a model wrote on the way, from gibberish to language: one step at a time, chosen on a slider.

import { button, el, icon } from '../lib/dom.js';
import { count } from '../lib/format.js';
import { STAGES } from './curves.js';
import { segmented } from './parts.js';

const PAUSE_MS = 1100;

export function samplesView() {
  const stages = segmented('Stage', STAGES, () => { at = null; redraw(); });
  const range = el('input', { class: 'range', type: 'range', min: '0', step: '1', 'aria-label': 'Step', on: { input: slide } });
  const play = button({ icon: 'play', tip: 'Play from the beginning', class: 'quiet', onclick: () => (timer === null ? start() : stop()) });
  const label = el('span', { class: 'num sample-step' });
  const ticks = el('div', { class: 'sample-ticks', 'aria-hidden': 'true' });
  const texts = el('div', { class: 'stack sample-texts' });
  const element = el('section', { class: 'stack', 'aria-labelledby': 'samples-title' },
    el('div', { class: 'split' }, el('div', {}, el('h2', { id: 'samples-title' }, 'What it wrote on the way'),
      el('p', { class: 'lead' }, 'The same beginning, gone on with after more and more steps.')), stages.element),
    el('div', { class: 'card stack' }, texts,
      el('div', { class: 'sample-controls' }, play, el('div', { class: 'grow' }, range, ticks), label)));
  let samples = [];
  let run = null;
  let at = null; // the chosen place; null goes with the newest
  let timer = null;

  const steps = () => [...new Set(samples.map((sample) => sample.step))].sort((a, b) => a - b);

  function redraw() {
    if (!run) return;
    const has = STAGES.map(([stage]) => stage).filter((stage) => run.learning[stage].samples.length > 0);
    stages.offer(has, run.overview.state === 'done' ? has[0] : has[has.length - 1]);
    element.hidden = has.length === 0;
    samples = run.learning[stages.value]?.samples ?? [];
    show();
  }

  function show() {
    const all = steps();
    if (all.length === 0) return;
    const place = Math.min(at ?? all.length - 1, all.length - 1);
    const step = all[place];
    range.max = String(all.length - 1);
    range.value = String(place);
    range.setAttribute('aria-valuetext', `step ${count(step)}`);
    range.disabled = all.length < 2;
    play.hidden = all.length < 2;
    label.textContent = `step ${count(step)}`;
    ticks.replaceChildren(...(all.length <= 40 ? all : []).map(() => el('span')));
    const here = samples.filter((sample) => sample.step === step);
    const now = JSON.stringify(here);
    if (texts.dataset.shown === now) return;
    texts.dataset.shown = now;
    texts.replaceChildren(...here.map((sample) => el('blockquote', { class: 'sample' },
      el('span', { class: 'sample-prompt' }, sample.prompt, asked(sample) ? '\n' : ''),
      el('span', { class: 'sample-text' }, sample.text))));
  }

  function slide() {
    stop();
    choose(Number(range.value));
  }

  function choose(place) {
    at = place === steps().length - 1 ? null : place;
    show();
  }

  function start() {
    at = 0;
    show();
    set('stop', 'Stop');
    timer = setInterval(() => {
      const next = at === null ? Infinity : at + 1;
      if (next >= steps().length) return stop();
      return choose(next);
    }, PAUSE_MS);
  }

  function stop() {
    clearInterval(timer);
    timer = null;
    set('play', 'Play from the beginning');
  }

  function set(name, words) {
    play.replaceChildren(icon(name));
    play.setAttribute('aria-label', words);
    play.dataset.tip = words;
  }

  return { element, draw(shown) { run = shown; redraw(); }, stop };
}

// A question is answered on a line of its own; the beginning of a page is gone on with.
const asked = (sample) => /[?.!]$/.test(sample.prompt.trim());
