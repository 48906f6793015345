// The report card: the figures that tell most, large; everything measured, models side by side or runs side by side; answers and stories.

import { el } from '../lib/dom.js';
import { segmented } from './parts.js';

const NAMES = { base: 'base', sft: 'sft', assistant: 'assistant', rl: 'rl' };
// The figures shown large: section and name of the row, and what it is called there.
const LARGE = [
  ['knowledge', 'all kinds', 'of true knowledge is right'],
  ['recall', '64 times and more', 'of what it read often is right'],
  ['context', 'questions on a passage', 'of questions on a passage are right'],
  ['honesty', 'claims about names that occur nowhere', 'of unknown names are made up'],
  ['identity', 'all', 'of the time it knows who it is'],
  ['tools', 'news after the cutoff', 'of the news is found by search'],
];

export function cardView() {
  const element = el('section', { class: 'stack', 'aria-labelledby': 'card-title' });
  const body = el('div', { class: 'stack' });
  const model = segmented('Model', Object.entries(NAMES), () => redraw());
  const all = el('input', { type: 'checkbox', on: { change: () => redraw() } });
  element.append(
    el('div', { class: 'split' }, el('h2', { id: 'card-title' }, 'Report card'), el('div', { class: 'row' }, model.element,
      el('label', { class: 'switch' }, all, 'All figures'))),
    body);
  let runs = [];
  let shown = '';

  function redraw() {
    const cards = runs.filter((run) => run.card && run.card.rows.length > 0);
    element.hidden = cards.length === 0;
    if (cards.length === 0) return;
    const [first] = cards;
    const { models } = first.card;
    model.offer(cards.length > 1 ? models : [], models[models.length - 1]);
    const now = JSON.stringify([cards.map((run) => run.overview.name), cards.map((run) => run.card), model.value, all.checked]);
    if (now === shown) return;
    shown = now;
    const columns = cards.length > 1
      ? cards.map((run) => ({ title: run.overview.name, card: run.card, at: run.card.models.indexOf(model.value) }))
      : first.card.models.map((name, at) => ({ title: name, card: first.card, at }));
    body.replaceChildren(...[large(first.card), table(columns, all.checked), cards.length > 1 ? null : words(first.card)].filter(Boolean));
  }

  return { element, draw(list) { runs = list; redraw(); } };
}

function large(card) {
  const last = card.models.length - 1;
  const found = (section, name) => card.rows.find((row) => row.section === section && row.name === name)?.cells[last];
  const cells = LARGE.map(([section, name, words]) => [words, found(section, name)])
    .filter(([, cell]) => cell?.rate);
  if (cells.length < 2) return null;
  const label = `Main figures of ${card.models[last]}`;
  return el('ul', { class: 'figures', 'aria-label': label }, cells.map(([words, { rate }]) => el('li', { class: 'figure' },
    el('b', { class: 'num' }, `${Math.round(rate.share * 100)}%`), el('span', { class: 'muted' }, words),
    el('span', { class: 'bar', 'aria-hidden': 'true' }, el('span', { style: { width: `${rate.share * 100}%` } })))));
}

// Rows by name over all columns; sections in the order in which they come up.
function table(columns, everything) {
  const sections = new Map();
  for (const card of new Set(columns.map((column) => column.card))) {
    for (const row of card.rows) {
      if (!row.leads && !everything) continue;
      if (!sections.has(row.section)) sections.set(row.section, new Map());
      const rows = sections.get(row.section);
      if (!rows.has(row.name)) rows.set(row.name, []);
      columns.forEach((column, place) => { if (column.card === card) rows.get(row.name)[place] = row.cells[column.at]; });
    }
  }
  const body = [...sections].flatMap(([section, rows]) => [
    el('tr', { class: 'card-section' }, el('th', { scope: 'rowgroup', colspan: columns.length + 1 }, section)),
    ...[...rows].map(([name, cells]) => el('tr', {}, el('th', { scope: 'row' }, name), columns.map((_, place) => cell(cells[place])))),
  ]);
  return el('div', { class: 'card scroll-x', tabindex: '0', role: 'region', 'aria-label': 'Report card, as a table' },
    el('table', { class: 'table report' }, el('caption', { class: 'visually-hidden' }, 'What was measured, by model'),
      el('thead', {}, el('tr', {}, el('th', { scope: 'col' }, 'Measured'), columns.map(({ title }) => el('th', { scope: 'col' }, title)))),
      el('tbody', {}, body)),
    el('p', { class: 'chart-note muted' }, 'Shares of right answers; behind them the 95% interval and how many were asked.'));
}

function cell(value) {
  if (!value) return el('td', { class: 'muted' }, '–');
  if (!value.rate) return el('td', {}, value.text);
  const { share, low, high, n } = value.rate;
  const whole = (part) => Math.round(part * 100);
  return el('td', { class: 'num' }, el('span', { class: 'share' },
    el('b', {}, `${whole(share)}%`),
    el('span', { class: 'share-bar', 'aria-hidden': 'true' },
      el('span', { class: 'share-range', style: { left: `${low * 100}%`, width: `${(high - low) * 100}%` } }),
      el('span', { class: 'share-point', style: { left: `${share * 100}%` } })),
    el('span', { class: 'muted share-range-text' }, `${whole(low)}–${whole(high)} of ${n}`)));
}

// What it answers, and the stories it tells.
function words(card) {
  const answers = card.answers.slice(0, 40).map(({ shows, prompt, samples }) => el('article', { class: 'example' },
    el('p', { class: 'muted' }, shows), el('p', { class: 'example-text' }, el('b', {}, prompt)),
    samples.map((text) => el('p', { class: 'example-text' }, text))));
  const stories = card.stories.flatMap(([name, told]) => told.map((text) => el('article', { class: 'example' },
    el('p', { class: 'label' }, name), el('p', { class: 'example-text' }, text))));
  const fold = (title, list) => (list.length
    ? el('details', { class: 'fold' }, el('summary', {}, title), el('div', { class: 'stack examples' }, list)) : null);
  return el('div', { class: 'funnel-more' }, fold('What it answers', answers), fold('Stories', stories));
}
