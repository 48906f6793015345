// School: a run as it happens and afterwards, and several over each other.

import { announce, el, icon } from '../lib/dom.js';
import { ago, compact, duration, percent } from '../lib/format.js';
import { ask } from '../lib/net.js';
import { every, perFrame } from '../lib/time.js';
import { cardView } from './card.js';
import { curvesView, STAGES } from './curves.js';
import { follow } from './follow.js';
import { funnelView } from './funnel.js';
import { practiceView } from './practice.js';
import { samplesView } from './samples.js';
import { seconds, stageLine } from './stages.js';

const LIST_PAUSE_MS = 3000;
const PRACTICE_PAUSE_MS = 3000;
const MOST_COMPARED = 5;
const STATES = { done: ['done', 'good'], under_way: ['under way', 'accent'], stopped: ['stopped', 'warn'], waiting: ['waiting', ''] };

const main = document.querySelector('#main');
let overviews = []; // all runs at a glance
let run = null; // the one that is shown
let others = []; // those that it is compared with
let views = null;
let watching = null; // stops the following
let lost = false;

start();

async function start() {
  try {
    const { folder, runs } = await ask('/api/runs');
    overviews = runs;
    if (runs.length === 0) return nothing(folder);
    const wanted = new URL(location).searchParams;
    const first = runs.find(({ name }) => name === wanted.get('run')) ?? runs.find(({ state }) => state === 'under_way')
      ?? runs.toSorted((a, b) => b.changed - a.changed)[0];
    await open(first.name, wanted.getAll('with'));
  } catch (error) {
    main.replaceChildren(el('h1', {}, 'School'), el('p', { class: 'error', role: 'alert' }, error.message));
  }
}

function nothing(folder) {
  main.replaceChildren(el('h1', {}, 'School'), el('div', { class: 'empty card' }, icon('book'),
    el('p', {}, folder ? 'No run has begun yet. Start one in a terminal; it appears here at once:'
      : 'This server was given no folder of runs. Begin one and watch it:'),
    el('pre', { class: 'code' }, el('code', {}, 'schoolhouse run demo --serve'))));
  setTimeout(start, LIST_PAUSE_MS);
}

async function load(name) {
  const loaded = await ask(`/api/runs/${encodeURIComponent(name)}`);
  loaded.overview.received = Date.now();
  return loaded;
}

// What practice has come to, where the run has such a stage and it has begun.
async function loadPractice(shown) {
  const stage = shown.overview.stages.find(({ name }) => name === 'rl');
  if (!stage || stage.state === 'waiting') return;
  shown.practice = await ask(`/api/runs/${encodeURIComponent(shown.overview.name)}/practice`).catch(() => shown.practice ?? null);
  redraw();
}

const practised = every(PRACTICE_PAUSE_MS, loadPractice);

// Shows a run, beside others where they are named.
async function open(name, compared = []) {
  watching?.abort();
  views?.samples.stop();
  run = await load(name);
  const names = compared.filter((other) => other !== name && overviews.some((known) => known.name === other));
  others = (await Promise.all(names.slice(0, MOST_COMPARED).map((other) => load(other).catch(() => null)))).filter(Boolean);
  remember();
  build();
  watch();
  [run, ...others].forEach(loadPractice);
}

function remember() {
  const url = new URL(location);
  url.search = '';
  url.searchParams.set('run', run.overview.name);
  for (const other of others) url.searchParams.append('with', other.overview.name);
  history.replaceState(null, '', url);
  document.title = `${run.overview.name} · School · Schoolhouse`;
}

function watch() {
  watching = new AbortController();
  const { signal } = watching;
  const shown = run;
  const before = new Map(shown.overview.stages.map((stage) => [stage.name, stage.state]));
  const told = (what, stage) => {
    if (stage === 'rl') practised(shown);
    if (what === 'overview') {
      for (const { name, title, state } of shown.overview.stages) {
        if (state === 'done' && before.get(name) !== 'done') finished(shown, name, title);
        before.set(name, state);
      }
      drawOverview();
    }
    redraw();
  };
  follow(shown, { signal, told, lost: (now) => { lost = now; drawOverview(); } });
}

// A stage is done: what it left is fetched.
async function finished(shown, name, title) {
  announce(`${title} is done.`);
  if (name !== 'documents' && name !== 'report') return;
  const { funnel, card } = await load(shown.overview.name).catch(() => shown);
  Object.assign(shown, { funnel, card });
  redraw();
}

const practiceViews = () => [run, ...others].map(({ overview }) => practiceView(others.length > 0 ? overview.name : null));

function build() {
  views = {
    head: el('div', { class: 'run-head' }), trouble: el('div', { class: 'stack' }), stages: stageLine(),
    figures: el('ul', { class: 'figures', 'aria-label': 'The run in figures' }),
    curves: curvesView(), samples: samplesView(), practices: practiceViews(), funnel: funnelView(run.overview.name), card: cardView(),
  };
  const { head, trouble, stages, figures, curves, samples, practices, funnel, card } = views;
  main.replaceChildren(head, trouble, stages.element, figures, curves.element, samples.element, ...practices.map((view) => view.element),
    funnel.element, card.element);
  drawHead();
  drawOverview();
  redraw();
}

const redraw = perFrame(() => {
  views.curves.draw([run, ...others]);
  views.samples.draw(run);
  views.practices.forEach((view, place) => view.draw([run, ...others][place].practice));
  views.funnel.draw(run.funnel);
  views.card.draw([run, ...others]);
  drawFigures();
});

function drawHead() {
  const change = () => open(picker.value, others.map((other) => other.overview.name));
  const picker = el('select', { class: 'select', 'aria-label': 'Run', on: { change } },
    overviews.map(({ name }) => el('option', { value: name, selected: name === run.overview.name }, name)));
  const state = el('span', { class: 'run-state' });
  const talk = el('span', {});
  views.head.replaceChildren(
    el('div', { class: 'split' },
      el('div', { class: 'row' }, el('h1', {}, run.overview.name), state),
      el('div', { class: 'row' }, talk, overviews.length > 1 ? [picker, compare()] : null)),
    el('p', { class: 'run-recipe muted' }));
  Object.assign(views, { state, talk });
}

function compare() {
  const chosen = others.map((other) => other.overview.name);
  const changed = () => {
    const names = [...box.querySelectorAll('input:checked')].map((input) => input.value);
    open(run.overview.name, names).then(() => main.querySelector('.compare').toggleAttribute('open', true));
  };
  const rest = overviews.filter(({ name }) => name !== run.overview.name);
  const choice = ({ name, recipe }) => {
    const checked = chosen.includes(name);
    const disabled = !checked && chosen.length >= MOST_COMPARED;
    return el('label', { class: 'check' }, el('input', { type: 'checkbox', value: name, checked, disabled, on: { change: changed } }),
      name, el('span', { class: 'muted' }, told(recipe, ['Depth', 'Seed'])));
  };
  const box = el('div', { class: 'menu', role: 'group', 'aria-label': 'Compare with' }, rest.slice(0, 40).map(choice));
  const words = chosen.length ? `Compared with ${chosen.length}` : 'Compare';
  return el('details', { class: 'compare' }, el('summary', { class: 'button' }, icon('branch'), words), box);
}

const told = (recipe, names) => recipe.filter(({ name }) => names.includes(name))
  .map(({ name, value }) => `${name.toLowerCase()} ${value}`).join(', ');

function drawOverview() {
  const { overview } = run;
  const [words, kind] = STATES[overview.state];
  const dot = overview.state === 'under_way' && !lost ? el('span', { class: 'dot pulse' }) : null;
  views.state.replaceChildren(el('span', { class: `chip ${lost ? 'warn' : kind}` }, dot, lost ? 'connection lost, trying again' : words));
  const recipe = overview.recipe.filter(({ name }) => name !== 'Reads').map(({ name, value }) => `${name.toLowerCase()} ${value}`);
  const reads = overview.recipe.find(({ name }) => name === 'Reads');
  views.head.querySelector('.run-recipe').textContent = [reads && `Reads ${reads.value}`, ...recipe].filter(Boolean).join(' · ');
  views.trouble.replaceChildren(...overview.trouble.map((why) => el('p', { class: 'error' }, why)));
  views.trouble.hidden = overview.trouble.length === 0;
  views.stages.draw(overview);
  const model = ['rl', 'assistant', 'sft'].find((name) => overview.stages.some((stage) => stage.name === name && stage.state === 'done'));
  const link = model ? `/?model=${encodeURIComponent(`${overview.name}/${model}`)}` : null;
  if (views.talk.dataset.link !== String(link)) {
    views.talk.dataset.link = String(link);
    const words = model !== 'sft' ? 'Chat with it' : 'Chat with what it is so far';
    views.talk.replaceChildren(link ? el('a', { class: 'button primary', href: link }, words) : '');
  }
  drawFigures();
}

// What is known by now, as figures.
function drawFigures() {
  const { overview, learning } = run;
  const { documents, tokens, parameters, val_bpb } = overview.figures;
  const last = (curve) => curve.values[curve.values.length - 1];
  const speeds = [...STAGES].reverse().map(([stage]) => learning[stage].tokens_per_second).find((curve) => curve.steps.length > 0);
  const time = overview.stages.reduce((sum, stage) => sum + (seconds(stage, overview) ?? 0), 0);
  const kept = run.funnel ? ` · ${percent(run.funnel.output.documents / Math.max(1, run.funnel.input.records))} stayed` : '';
  const figures = [
    [documents, compact, `documents${kept}`], [tokens, compact, 'tokens to read'], [parameters, compact, 'parameters'],
    [last(learning.base.val_bpb) ?? val_bpb, (value) => value.toFixed(3), 'bits a byte, held out'],
    [speeds && median(speeds.values.slice(-40)), compact, 'tokens a second'],
    [time || null, (value) => duration(value * 1000), overview.state === 'done' ? `in all · ${ago(overview.changed * 1000)}` : 'so far'],
  ].filter(([value]) => value !== null && value !== undefined);
  const now = figures.map(([value, show, words]) => [show(value), words]);
  const key = JSON.stringify(now);
  if (views.figures.dataset.shown === key) return;
  views.figures.dataset.shown = key;
  views.figures.hidden = now.length === 0;
  views.figures.replaceChildren(...now.map(([value, words]) => el('li', { class: 'figure' },
    el('b', { class: 'num' }, value), el('span', { class: 'muted' }, words))));
}

function median(values) {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}

// Time goes on by itself, and runs that begin later join the list.
setInterval(() => { if (views && run.overview.state === 'under_way') drawOverview(); }, 1000);
setInterval(async () => {
  if (!views || document.hidden) return;
  const { runs } = await ask('/api/runs').catch(() => ({ runs: overviews }));
  const names = (list) => list.map(({ name }) => name).join('\n');
  if (names(runs) === names(overviews)) return;
  overviews = runs;
  drawHead();
  drawOverview();
}, LIST_PAUSE_MS);
