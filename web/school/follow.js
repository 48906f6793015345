// A run followed: what is new in its logs, put behind what is known. Knows the server's events, and no element of the page.

import { events, isAbort } from '../lib/net.js';

const MOST_POINTS = 1200;
const MOST_SAMPLES = 400;
// Which values of a log's rows belong to which curve. Of measurements on held-out pages every one counts.
const CURVES = { metrics: ['loss', 'lr', 'grad_norm', 'val_bpb'], timing: ['tokens_per_second'] };

// Follows a run until `signal` says so; a lost connection is taken up again where it was. `told(what, stage)` is called after each change,
// with 'overview' or the log's name; `lost(true)` while there is no connection.
export async function follow(run, { signal, told, lost }) {
  let cursor = run.cursor;
  let failures = 0;
  while (!signal.aborted) {
    try {
      const url = `/api/runs/${encodeURIComponent(run.overview.name)}/live?from=${encodeURIComponent(cursor)}`;
      for await (const { event, data, id } of events(url, { signal })) {
        if (failures > 0) lost(false);
        failures = 0;
        const news = JSON.parse(data);
        if (event === 'overview') {
          run.overview = { ...news, received: Date.now() };
          told('overview');
        } else if (event === 'rows') {
          take(run.learning[news.stage], news);
          told(news.log, news.stage);
        }
        if (id) cursor = id;
      }
    } catch (error) {
      if (isAbort(error) || signal.aborted) return;
    }
    failures++;
    if (failures > 1) lost(true);
    await new Promise((go) => setTimeout(go, Math.min(10_000, 500 * failures)));
  }
}

// Puts new rows behind what is known of a stage.
export function take(learning, { log, restarted, rows }) {
  if (log === 'samples') {
    if (restarted) learning.samples.length = 0;
    for (const row of rows) addSample(learning.samples, row);
    return;
  }
  for (const name of CURVES[log]) {
    const curve = learning[name];
    if (restarted) Object.assign(curve, { steps: [], values: [], width: 1, held: 0 });
    for (const row of rows) {
      if (row[name] !== undefined) addPoint(curve, row.step, row[name], name === 'val_bpb');
    }
  }
}

function addSample(samples, row) {
  // A step that is done again has other samples.
  const kept = samples.filter((sample) => sample.step < row.step || (sample.step === row.step && sample.prompt !== row.prompt));
  samples.splice(0, samples.length, ...kept.slice(-MOST_SAMPLES), row);
}

// Each point is the mean of `width` neighbours; `held` says of how many the last one is so far.
function addPoint(curve, step, value, alone) {
  const { steps, values } = curve;
  curve.width ??= steps.length > 1 ? Math.max(1, steps[1] - steps[0]) : 1;
  curve.held ??= 0;
  if (alone) curve.width = 1;
  while (steps.length > 0 && steps[steps.length - 1] >= step) {
    steps.pop(); values.pop();
    curve.held = 0;
  }
  if (curve.held > 0 && curve.held < curve.width) {
    const last = values.length - 1;
    values[last] = (values[last] * curve.held + value) / (curve.held + 1);
    steps[last] = step;
    curve.held++;
  } else {
    steps.push(step); values.push(value);
    curve.held = 1;
  }
  if (steps.length > MOST_POINTS) halve(curve);
}

function halve(curve) {
  const [steps, values] = [[], []];
  for (let i = 0; i < curve.steps.length; i += 2) {
    const both = curve.values.slice(i, i + 2);
    steps.push(curve.steps[Math.min(i + 1, curve.steps.length - 1)]);
    values.push(both.reduce((sum, value) => sum + value, 0) / both.length);
  }
  Object.assign(curve, { steps, values, width: (curve.width ?? 1) * 2, held: 0 });
}
