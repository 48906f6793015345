// What became of the pages: a bar for each filter, its reasons, and pages to read. What pages say is text here, never markup.

import { el } from '../lib/dom.js';
import { bytes, count, percent, plural } from '../lib/format.js';
import { ask } from '../lib/net.js';

const WHAT = {
  record: 'Damaged records, and what is no page', url: 'Addresses on a block list', extract: 'Pages without a main text',
  language: 'Another language', gopher_repetition: 'The same over and over', gopher_quality: 'Not like prose', c4: 'Leftovers and code',
  fineweb: 'Lists and fragments', exact_duplicate: 'Word for word there before', minhash: 'Nearly the same there before',
  pii: 'Addresses of people',
};

export function funnelView(name) {
  const element = el('section', { class: 'stack', 'aria-labelledby': 'funnel-title' });
  let shown = '';

  function draw(funnel) {
    element.hidden = !funnel;
    const now = JSON.stringify(funnel);
    if (!funnel || now === shown) return;
    shown = now;
    const most = Math.max(1, ...funnel.steps.map((step) => step.dropped));
    element.replaceChildren(
      el('div', {}, el('h2', { id: 'funnel-title' }, 'What it was given to read'),
        el('p', { class: 'lead' }, `${count(funnel.input.records)} records went in, ${count(funnel.output.documents)} documents came out: `
          + `${bytes(funnel.output.bytes)} of text. Open a filter to read what it dropped.`)),
      el('div', { class: 'funnel card' },
        el('div', { class: 'funnel-head label', 'aria-hidden': 'true' },
          ['Filter', 'Kept', 'Dropped'].map((word) => el('span', {}, word))),
        funnel.steps.map((step) => filter(name, step, funnel.input.records, most))),
      el('div', { class: 'funnel-more' },
        fold('Pages that stayed', (box) => texts(box, name, 'kept', 'No examples were kept by this run.')),
        fold('From page to text', (box) => extractions(box, name))));
  }
  return { element, draw };
}

function filter(name, step, records, most) {
  const row = [
    el('span', { class: 'funnel-name' }, el('b', {}, step.name.replaceAll('_', ' ')),
      el('span', { class: 'muted hide-phone' }, WHAT[step.name] ?? '')),
    el('span', { class: 'funnel-kept' }, bar(step.kept / Math.max(1, records), 'kept'), el('span', { class: 'num' }, count(step.kept))),
    el('span', { class: 'funnel-dropped' }, bar(step.dropped / most, 'dropped'),
      el('span', { class: 'num' }, step.dropped ? count(step.dropped) : '–')),
  ];
  const words = `${step.name.replaceAll('_', ' ')}: ${count(step.kept)} kept, ${count(step.dropped)} dropped`;
  if (step.dropped === 0) return el('div', { class: 'funnel-row still' }, el('span', { class: 'visually-hidden' }, words), hidden(row));
  const details = el('details', { class: 'funnel-step' },
    el('summary', { class: 'funnel-row' }, el('span', { class: 'visually-hidden' }, words), hidden(row)));
  once(details, () => details.append(reasons(name, step)));
  return details;
}

// What a screen reader has been told in one sentence.
function hidden(cells) {
  cells.forEach((cell) => cell.setAttribute('aria-hidden', 'true'));
  return cells;
}

function bar(share, kind) {
  return el('span', { class: `funnel-bar ${kind}` }, el('span', { style: { width: `${Math.max(share > 0 ? 0.6 : 0, share * 100)}%` } }));
}

function reasons(name, step) {
  const sorted = Object.entries(step.reasons).sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0]));
  return el('div', { class: 'funnel-reasons' }, sorted.map(([reason, dropped]) => {
    const words = reason.split('/').pop().replaceAll('_', ' ');
    const share = `${count(dropped)} · ${percent(dropped / (step.kept + step.dropped))}`;
    return fold(el('span', {}, `${words} `, el('span', { class: 'muted num' }, share)),
      (box) => texts(box, name, reason, 'Of these no text was kept to show.'));
  }));
}

// A fold whose content is fetched when it is first opened.
function fold(summary, fillBox) {
  const box = el('div', { class: 'stack examples' }, el('span', { class: 'spinner', role: 'status', 'aria-label': 'Loading' }));
  const details = el('details', { class: 'fold' }, el('summary', {}, summary), box);
  once(details, () => fillBox(box).catch((error) => box.replaceChildren(el('p', { class: 'error' }, error.message))));
  return details;
}

function once(details, action) {
  let done = false;
  details.addEventListener('toggle', () => {
    if (!details.open || done) return;
    done = true;
    action();
  });
}

const fetched = (name, of) => ask(`/api/runs/${encodeURIComponent(name)}/examples?of=${encodeURIComponent(of)}`);

async function texts(box, name, of, none) {
  const examples = await fetched(name, of);
  if (examples.length === 0) return box.replaceChildren(el('p', { class: 'muted' }, none));
  return box.replaceChildren(...examples.map((example) => el('article', { class: 'example' },
    el('p', { class: 'example-name mono' }, example.name, example.characters ? ` · ${plural(example.characters, 'character')}` : ''),
    example.text ? el('p', { class: 'example-text' }, example.text)
      : el('p', { class: 'muted' }, 'It was dropped before it had a text.'))));
}

async function extractions(box, name) {
  const pages = await fetched(name, 'extractions');
  if (pages.length === 0) return box.replaceChildren(el('p', { class: 'muted' }, 'No examples were kept by this run.'));
  const pane = (page, label, text, classes) => el('div', {}, el('p', { class: 'label' }, label),
    el('pre', { class: classes, tabindex: '0', role: 'region', 'aria-label': `${label}: ${page.name}` }, text));
  return box.replaceChildren(...pages.map((page) => el('article', { class: 'example' },
    el('p', { class: 'example-name mono' }, page.name, ` · ${bytes(page.html_bytes)} of HTML`),
    el('div', { class: 'example-pair' }, pane(page, 'The page', page.html, 'example-html'),
      pane(page, 'Its text', page.text, 'example-html plain')))));
}
