// What practice changed: right answers and how long they are, one style giving way to the other beside what is expected of it, the same
// problems before, midway and after, and where the time goes.

import { el } from '../lib/dom.js';
import { lineChart } from '../lib/chart.js';
import { compact, count, duration, percent } from '../lib/format.js';

const GREY = 5;
const [MEASURED, EXPECTED] = [1, 2];
const EXPECTATION = 'Dashed: what follows if practice only changes how often the long style is used, along a logistic curve '
  + '(Tsilivis et al. 2025).';
const CHARTS = [
  { key: 'accuracy', title: 'Right answers', y: '%, greedy, to held-out problems' },
  { key: 'pass', title: 'pass@k', y: '%, of each step’s sampled answers' },
  { key: 'long', title: 'Share of long answers', y: '%, sampled', note: EXPECTATION },
  { key: 'reward', title: 'Reward', y: 'mean of the sampled answers' },
  { key: 'length', title: 'Length, sampled', y: 'tokens' },
  { key: 'held', title: 'Length, held out', y: 'tokens, greedy' },
  { key: 'kl', title: 'Distance from the start', y: 'KL, nats a token' },
  { key: 'entropy', title: 'Entropy', y: 'nats a token' },
];

// Of one run; its name stands in the heading where several are shown.
export function practiceView(name = null) {
  const heading = name === null ? 'Practice' : `Practice in ${name}`;
  const charts = CHARTS.map((chart) => ({ key: chart.key, view: lineChart(chart) }));
  const figures = el('ul', { class: 'figures', 'aria-label': 'Practice in figures' });
  const tables = el('div', { class: 'stack' });
  const element = el('section', { class: 'stack practice', 'aria-label': heading, hidden: true },
    el('div', {}, el('h2', {}, heading), el('p', { class: 'lead' },
      'It tries each problem several times; a program says what is right, and what led there becomes more likely.')),
    figures,
    el('div', { class: 'charts' }, charts.map(({ key, view }) => el('div', { class: `card chart-card of-${key}` }, view.element))),
    tables);
  let shown = '';

  function draw(practice) {
    element.hidden = !practice;
    const now = JSON.stringify(practice ?? null);
    if (now === shown || !practice) return;
    shown = now;
    const lines = linesOf(practice);
    for (const { key, view } of charts) {
      view.draw(lines[key]);
      view.element.parentElement.hidden = lines[key].every((line) => line.points.length === 0);
    }
    const cells = figuresOf(practice);
    figures.hidden = cells.length === 0;
    figures.replaceChildren(...cells.map(([value, words]) => el('li', { class: 'figure' },
      el('b', { class: 'num' }, value), el('span', { class: 'muted' }, words))));
    tables.replaceChildren(...[courseTable(practice.courses), answerTable(practice.samples)].filter(Boolean));
  }

  return { element, draw };
}

const title = ({ name }) => name.replaceAll('_', ' ');
// Courses are never grey: that is what all of them are together.
const colourOf = (place) => { const colour = (place % 5) + 1; return colour < GREY ? colour : 6; };
const scaled = (points, by) => points.map(([step, value]) => [step, value * by]);

// The lines of each chart.
function linesOf({ courses, pass, expected, ...curves }) {
  const ofCourses = (key, by) => courses.map((course, place) => (
    { name: title(course), colour: colourOf(place), dots: true, points: scaled(course[key], by) }));
  const alone = (name, points, by = 1) => [{ name, colour: MEASURED, points: scaled(points, by) }];
  const beside = (key, by = 1) => [...alone('measured', curves[key], by),
    { name: 'expected', colour: EXPECTED, dashed: true, points: scaled(expected?.[key] ?? [], by) }];
  return {
    accuracy: ofCourses('accuracy', 100),
    pass: pass.map(({ k, points }, place) => ({ name: `pass@${k}`, colour: place + 1, points: scaled(points, 100) })),
    long: beside('long', 100),
    reward: beside('reward'),
    length: beside('length'),
    held: ofCourses('length', 1),
    kl: alone('KL', curves.kl),
    entropy: alone('entropy', curves.entropy),
  };
}

// What the curves come to, in a few figures.
function figuresOf({ speed, logistic, second_thoughts: thoughts, clipped }) {
  const [last, cut] = [thoughts, clipped].map((curve) => mean(curve.slice(-Math.ceil(curve.length / 10))));
  const half = ({ share, tokens_per_second: rate }) => `${percent(share)} · ${compact(rate)}/s`;
  return [
    speed && [half(speed.generation), 'of the time samples answers; tokens a second'],
    speed && [half(speed.training), 'of the time learns from them; tokens a second'],
    speed && [duration(speed.seconds * 1000), 'of practice'],
    logistic && logistic.middle >= 0 && [`step ${count(Math.round(logistic.middle))}`, 'is where half of the answers are long, as fitted'],
    last !== null && [percent(last), `think again (“wait”, “check”); ${percent(mean(thoughts.slice(0, 5)))} at first`],
    cut !== null && [percent(cut), 'of the answers are cut at the longest allowed'],
  ].filter(Boolean);
}

function mean(points) {
  return points.length ? points.reduce((sum, [, value]) => sum + value, 0) / points.length : null;
}

// Held-out problems before and now.
function courseTable(courses) {
  const measured = courses.filter((course) => course.accuracy.length > 0);
  if (measured.length === 0) return null;
  const tries = [...new Set(measured.flatMap((course) => course.pass.map(({ k }) => k)))].sort((a, b) => a - b);
  const change = (points, show) => {
    if (!points?.length) return '–';
    const [first, last] = [points[0][1], points[points.length - 1][1]];
    return points.length > 1 ? `${show(first)} → ${show(last)}` : show(first);
  };
  const tokens = (value) => value.toFixed(1);
  const row = (course) => el('tr', {}, el('th', { scope: 'row' }, title(course)),
    el('td', { class: 'num' }, change(course.accuracy, percent)), el('td', { class: 'num' }, change(course.length, tokens)),
    tries.map((k) => el('td', { class: 'num' }, change(course.pass.find((pass) => pass.k === k)?.points, percent))));
  const heads = [head('Held-out problems'), ...['right', 'tokens', ...tries.map((k) => `pass@${k}`)].map((text) => head(text, 'num'))];
  return table('Held-out problems before practice and now', heads, measured.map(row));
}

// The same problem before, midway and now.
function answerTable({ steps, problems }) {
  if (problems.length === 0) return null;
  const after = (step) => (step === 0 ? 'before' : `after ${count(step)} ${step === 1 ? 'step' : 'steps'}`);
  const row = ({ prompt, texts }) => el('tr', {}, el('th', { scope: 'row', class: 'answer' }, prompt),
    texts.map((text) => el('td', { class: 'answer' }, text.trim() || '–')));
  return table('Answers to the same problems on the way', ['Problem', ...steps.map(after)].map((text) => head(text)), problems.map(row));
}

const head = (text, kind = null) => el('th', { scope: 'col', class: kind }, text);

function table(caption, heads, rows) {
  return el('div', { class: 'card scroll-x', tabindex: '0', role: 'region', 'aria-label': caption },
    el('table', { class: 'table practice-table' }, el('caption', { class: 'visually-hidden' }, caption),
      el('thead', {}, el('tr', {}, heads)), el('tbody', {}, rows)));
}
