// Line charts as SVG: values under the pointer, by the arrow keys, and as a table. Knows numbers and names, nothing of what they are.
//
// const chart = lineChart({ title, x: 'Step', y: 'nats a token', log: true }); chart.draw([{ name, points: [[x, y], ...], colour: 1 }]);
// chart.element is a <figure>. Drawing again replaces what is shown; colours are the numbers of --chart-N. A series may be `dashed`,
// or have `dots` on its points.

import { el, svg } from './dom.js';
import { compact, count } from './format.js';
import { perFrame } from './time.js';

const HEIGHT = 220;
const EDGE = { left: 46, right: 14, top: 10, bottom: 26 };
const ROWS = 40;

export function lineChart({ title, x = 'Step', y, log = false, note = null, show = figureText }) {
  const picture = svg('svg', { class: 'chart-picture', height: HEIGHT, 'aria-hidden': 'true' });
  const value = el('p', { class: 'chart-value', 'aria-live': 'polite' });
  const plot = el('div', { class: 'chart-plot', tabindex: '0', role: 'group', 'aria-roledescription': 'chart' }, picture, value);
  const legend = el('ul', { class: 'chart-legend' });
  const table = el('table', { class: 'table num' });
  const fold = el('details', { class: 'fold chart-table' }, el('summary', {}, 'As a table'),
    el('div', { class: 'scroll-x', tabindex: '0', role: 'region', 'aria-label': `${title}, as a table` }, table));
  const element = el('figure', { class: 'chart' },
    el('figcaption', {}, el('strong', {}, title), y ? el('span', { class: 'muted' }, ` ${y}`) : null), legend, plot,
    note ? el('p', { class: 'chart-note muted' }, note) : null, fold);

  let series = [];
  let at = null; // the x that is looked at
  let frame = null; // the scales of what is drawn

  const redraw = perFrame(() => {
    const width = plot.clientWidth;
    if (width === 0) return;
    frame = scales(series, width, log);
    picture.setAttribute('viewBox', `0 0 ${width} ${HEIGHT}`);
    picture.replaceChildren(...axes(frame, width, show), ...series.flatMap((line) => drawn(line, frame)), cursor(series, frame, at));
    readOut();
  });

  function readOut() {
    plot.setAttribute('aria-label', `${title}. ${summary(series, show)} Arrow keys read the values.`);
    value.hidden = at === null;
    if (at === null || !frame) return;
    const parts = series.map((line) => [line, nearest(line.points, at)]).filter(([, point]) => point);
    value.replaceChildren(el('span', { class: 'muted' }, `${x} ${count(parts[0]?.[1][0] ?? at)} `),
      ...parts.map(([line, point]) => el('span', { class: 'chart-reading' }, mark(line), `${line.name} `, el('b', {}, show(point[1])))));
    value.classList.toggle('at-left', frame.x(at) > plot.clientWidth / 2);
  }

  function move(to) {
    at = to;
    redraw();
  }

  plot.addEventListener('pointermove', (event) => {
    if (!frame) return;
    const place = event.clientX - plot.getBoundingClientRect().left;
    move(frame.unx(place));
  });
  plot.addEventListener('pointerleave', () => { if (document.activeElement !== plot) move(null); });
  plot.addEventListener('blur', () => move(null));
  plot.addEventListener('focus', () => { if (plot.matches(':focus-visible')) move(at ?? frame?.last ?? null); });
  plot.addEventListener('keydown', (event) => {
    if (!frame) return;
    const to = stepped(series, at ?? frame.last, event.key, event.shiftKey ? 10 : 1);
    if (to === null) return;
    event.preventDefault();
    move(to);
  });
  fold.addEventListener('toggle', () => { if (fold.open) fillTable(table, series, title, x, show); });
  new ResizeObserver(redraw).observe(plot);

  return {
    element,
    draw(lines) {
      series = lines.filter((line) => line.points.length > 0);
      element.classList.toggle('is-empty', series.length === 0);
      legend.replaceChildren(...(series.length > 1 ? series : []).map((line) => el('li', {}, mark(line), line.name)));
      if (fold.open) fillTable(table, series, title, x, show);
      redraw();
    },
  };
}

// A number in a chart: as many digits as say something.
export function figureText(value) {
  const size = Math.abs(value);
  if (value === 0) return '0';
  if (size >= 10_000) return compact(value);
  if (size >= 100) return count(value);
  if (size >= 10) return value.toFixed(1);
  if (size >= 0.1) return value.toFixed(3);
  return value.toPrecision(3).replace(/e([+-])0*/, 'e$1');
}

function mark(line) {
  return el('span', { class: `chart-mark c${line.colour}${line.dashed ? ' dashed' : ''}`, 'aria-hidden': 'true' });
}

function scales(series, width, log) {
  const points = series.flatMap((line) => line.points);
  const positive = log && points.every((point) => point[1] > 0);
  const bend = positive ? Math.log : (value) => value;
  let [x0, x1, y0, y1] = [Infinity, -Infinity, Infinity, -Infinity];
  for (const [x, y] of points) {
    x0 = Math.min(x0, x); x1 = Math.max(x1, x);
    y0 = Math.min(y0, y); y1 = Math.max(y1, y);
  }
  if (points.length === 0) [x0, x1, y0, y1] = [0, 1, 0, 1];
  if (x0 === x1) x1 = x0 + 1;
  if (y0 === y1) [y0, y1] = positive ? [y0 / 2, y1 * 2] : [y0 - (Math.abs(y0) || 1) / 2, y1 + (Math.abs(y1) || 1) / 2];
  else if (!positive) [y0, y1] = y0 >= 0 && y0 < (y1 - y0) / 2 ? [0, y1 * 1.04] : [y0 - (y1 - y0) * 0.06, y1 + (y1 - y0) * 0.06];
  const inner = { width: width - EDGE.left - EDGE.right, height: HEIGHT - EDGE.top - EDGE.bottom };
  const [b0, b1] = [bend(y0), bend(y1)];
  return {
    x: (value) => EDGE.left + ((value - x0) / (x1 - x0)) * inner.width,
    y: (value) => EDGE.top + (1 - (bend(value) - b0) / (b1 - b0)) * inner.height,
    unx: (place) => x0 + Math.min(1, Math.max(0, (place - EDGE.left) / inner.width)) * (x1 - x0),
    xTicks: ticks(x0, x1, Math.max(2, Math.floor(inner.width / 90))),
    yTicks: positive ? logTicks(y0, y1) : ticks(y0, y1, 4),
    last: x1,
  };
}

// Round numbers between two ends.
function ticks(from, to, most) {
  const rough = (to - from) / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= rough);
  const found = [];
  for (let n = Math.ceil(from / step); n * step <= to + step * 1e-9; n++) found.push(Number((n * step).toPrecision(12)));
  return found;
}

function logTicks(from, to) {
  const of = (steps) => {
    const found = [];
    for (let power = Math.floor(Math.log10(from)); 10 ** power <= to; power++) {
      for (const n of steps) {
        const tick = Number((n * 10 ** power).toPrecision(3));
        if (tick >= from && tick <= to) found.push(tick);
      }
    }
    return found;
  };
  const found = of([1, 2, 5]);
  return found.length > 6 ? of([1]) : found.length > 1 ? found : ticks(from, to, 4);
}

function axes(frame, width, show) {
  const floor = HEIGHT - EDGE.bottom;
  const short = (value) => {
    if (Math.abs(value) >= 1000) return compact(value);
    return Math.abs(value) >= 0.001 || value === 0 ? String(value) : show(value);
  };
  return [
    ...frame.yTicks.flatMap((tick) => [
      svg('line', { class: 'chart-grid', x1: EDGE.left, x2: width - EDGE.right, y1: frame.y(tick), y2: frame.y(tick) }),
      svg('text', { class: 'chart-tick', x: EDGE.left - 8, y: frame.y(tick) + 4, 'text-anchor': 'end' }, short(tick)),
    ]),
    svg('line', { class: 'chart-axis', x1: EDGE.left, x2: width - EDGE.right, y1: floor, y2: floor }),
    ...frame.xTicks.map((tick) => svg('text', {
      class: 'chart-tick', x: frame.x(tick), y: HEIGHT - 8, 'text-anchor': frame.x(tick) > width - 30 ? 'end' : 'middle',
    }, short(tick))),
  ];
}

function drawn(line, frame) {
  const path = line.points.map(([x, y], i) => `${i ? 'L' : 'M'}${frame.x(x).toFixed(1)} ${frame.y(y).toFixed(1)}`).join('');
  const classes = `chart-line c${line.colour}${line.dashed ? ' dashed' : ''}`;
  const dots = line.dots && line.points.length <= 60
    ? line.points.map(([x, y]) => svg('circle', { class: `chart-dot c${line.colour}`, cx: frame.x(x), cy: frame.y(y), r: 2.6 })) : [];
  return [svg('path', { class: classes, d: path }), ...dots];
}

function cursor(series, frame, at) {
  const group = svg('g', {});
  if (at === null) return group;
  const points = series.map((line) => [line, nearest(line.points, at)]).filter(([, point]) => point);
  if (points.length === 0) return group;
  const place = frame.x(points[0][1][0]);
  group.append(svg('line', { class: 'chart-cursor', x1: place, x2: place, y1: EDGE.top, y2: HEIGHT - EDGE.bottom }),
    ...points.map(([line, [x, y]]) => svg('circle', { class: `chart-dot c${line.colour}`, cx: frame.x(x), cy: frame.y(y), r: 4 })));
  return group;
}

// The point whose x is nearest, by halving.
function nearest(points, x) {
  let [low, high] = [0, points.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (points[middle][0] <= x) low = middle; else high = middle;
  }
  const [left, right] = [points[low], points[high]];
  return left && Math.abs(left[0] - x) <= Math.abs(right[0] - x) ? left : right;
}

// Where a key leads from an x: along the points of the longest series.
function stepped(series, at, key, by) {
  const points = series.reduce((longest, line) => (line.points.length > longest.length ? line.points : longest), []);
  const here = points.indexOf(nearest(points, at));
  const to = { ArrowLeft: here - by, ArrowRight: here + by, Home: 0, End: points.length - 1 }[key];
  return to === undefined || points.length === 0 ? null : points[Math.min(points.length - 1, Math.max(0, to))][0];
}

function summary(series, show) {
  const told = ({ name, points }) => `${name}: from ${show(points[0][1])} to ${show(points[points.length - 1][1])}.`;
  return series.map(told).join(' ');
}

// The values as rows, of a long series every so manieth.
function fillTable(table, series, title, xName, show) {
  const all = [...new Set(series.flatMap((line) => line.points.map((point) => point[0])))].sort((a, b) => a - b);
  const every = Math.max(1, Math.ceil(all.length / ROWS));
  const picked = all.filter((_, i) => i % every === 0 || i === all.length - 1);
  const by = series.map((line) => new Map(line.points));
  // Series of different runs have points at different steps: between its ends a series has the value of its nearest point.
  const value = (line, values, x) => {
    const { points } = line;
    if (values.has(x)) return show(values.get(x));
    return every > 1 && x >= points[0][0] && x <= points[points.length - 1][0] ? show(nearest(points, x)[1]) : '';
  };
  table.replaceChildren(
    el('caption', { class: 'visually-hidden' }, title),
    el('thead', {}, el('tr', {}, el('th', { scope: 'col' }, xName), series.map((line) => el('th', { scope: 'col' }, line.name)))),
    el('tbody', {}, picked.map((x) => el('tr', {}, el('th', { scope: 'row' }, count(x)),
      series.map((line, i) => el('td', {}, value(line, by[i], x)))))));
}
