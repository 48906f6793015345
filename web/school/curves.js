// How the models learnt: curves of a stage, of one run or of several over each other.

import { el } from '../lib/dom.js';
import { lineChart } from '../lib/chart.js';
import { segmented } from './parts.js';

export const STAGES = [['base', 'Reading'], ['sft', 'Worked examples'], ['assistant', 'Assistant'], ['rl', 'Practice']];

const CHARTS = [
  { key: 'loss', title: 'Loss', y: 'nats a token', log: true },
  { key: 'val_bpb', title: 'On held-out pages', y: 'bits a byte', log: true, dots: true },
  { key: 'tokens_per_second', title: 'Speed', y: 'tokens a second' },
  { key: 'lr', title: 'Learning rate', y: '' },
  { key: 'grad_norm', title: 'Norm of the gradient', y: 'before clipping', log: true },
];

export function curvesView() {
  const charts = CHARTS.map((chart) => ({ ...chart, view: lineChart(chart) }));
  const stages = segmented('Stage', STAGES, () => redraw());
  const element = el('section', { class: 'stack', 'aria-labelledby': 'curves-title' },
    el('div', { class: 'split' }, el('h2', { id: 'curves-title' }, 'How it learnt'), stages.element),
    el('div', { class: 'charts' }, charts.map(({ view, key }) => el('div', { class: `card chart-card of-${key}` }, view.element))));
  let runs = [];

  function redraw() {
    const has = (stage) => runs.some((run) => run.learning[stage].loss.steps.length + run.learning[stage].val_bpb.steps.length > 0);
    stages.offer(STAGES.map(([stage]) => stage).filter(has), newest(runs));
    element.hidden = !STAGES.some(([stage]) => has(stage));
    for (const { key, view, dots } of charts) {
      const lines = runs.map((run, index) => ({
        name: run.overview.name, colour: (index % 6) + 1, dots, points: pairs(run.learning[stages.value]?.[key]),
      }));
      view.draw(lines);
      view.element.parentElement.hidden = lines.every((line) => line.points.length === 0);
    }
  }

  return { element, draw(shown) { runs = shown; redraw(); } };
}

// The stage that was begun last.
function newest(runs) {
  const begun = STAGES.map(([stage]) => stage).filter((stage) => runs[0]?.learning[stage].loss.steps.length > 0);
  return runs[0]?.overview.state === 'done' ? begun[0] : begun[begun.length - 1];
}

function pairs(curve) {
  return curve ? curve.steps.map((step, i) => [step, curve.values[i]]) : [];
}
