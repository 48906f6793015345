// The line of a run's stages: what is done, what is under way and how far, what waits.

import { el, icon } from '../lib/dom.js';
import { count, duration } from '../lib/format.js';

const WORDS = { done: 'done', under_way: 'under way', stopped: 'stopped', waiting: 'waiting' };
const UNITS = { base: 'step', sft: 'step', assistant: 'step', rl: 'step', probe: 'question', documents: 'part' };

export function stageLine() {
  const list = el('ol', { class: 'stages' });
  const now = el('p', { class: 'stage-now', role: 'status' });
  const element = el('section', { 'aria-label': 'Stages', class: 'stage-box' }, list, now);
  const speeds = new Map();

  function draw(overview) {
    list.replaceChildren(...overview.stages.map((stage, index) => item(stage, index, overview)));
    const current = overview.stages.find((stage) => stage.state === 'under_way' || stage.state === 'stopped');
    const sentence = current ? tell(current, speeds) : '';
    if (now.textContent !== sentence) now.textContent = sentence;
    now.hidden = sentence === '';
  }
  return { element, draw };
}

// Seconds of a stage as they are now: those under way go on since they were told.
export function seconds(stage, overview) {
  if (stage.seconds === null) return null;
  const since = stage.state === 'under_way' && overview.received ? (Date.now() - overview.received) / 1000 : 0;
  return stage.seconds + since;
}

function item(stage, index, overview) {
  const time = seconds(stage, overview);
  const share = stage.progress ? stage.progress[0] / stage.progress[1] : null;
  const sign = stage.state === 'done' ? icon('check') : stage.state === 'under_way' && share === null ? el('span', { class: 'spinner' })
    : String(index + 1);
  return el('li', { class: `stage ${stage.state}`, 'aria-current': stage.state === 'under_way' ? 'step' : null },
    el('span', { class: 'stage-sign', 'aria-hidden': 'true', style: share === null ? {} : { '--share': `${share * 360}deg` } }, sign),
    el('span', { class: 'stage-title' }, stage.title),
    el('span', { class: 'visually-hidden' }, `, ${WORDS[stage.state]}`),
    el('span', { class: 'stage-time num' }, time === null ? '' : duration(time * 1000)));
}

function tell(stage, speeds) {
  const parts = [`${stage.title}:`];
  if (stage.state === 'stopped') parts.push('stopped. The same command goes on from there.');
  if (stage.progress) {
    const [done, all] = stage.progress;
    parts.push(`${UNITS[stage.name] ?? 'part'} ${count(done)} of ${count(all)}`);
    const left = stage.state === 'under_way' ? timeLeft(stage, speeds) : null;
    if (left !== null) parts.push(`· about ${duration(left)} left`);
  } else if (stage.state === 'under_way') parts.push('under way');
  return parts.join(' ');
}

// From the speed of the last minute, as this page saw it; before that from the whole stage's.
function timeLeft({ name, progress: [done, all], seconds: taken }, speeds) {
  const now = Date.now();
  const seen = (speeds.get(name) ?? []).filter(([time, at]) => now - time < 60_000 && at <= done);
  seen.push([now, done]);
  speeds.set(name, seen);
  const [time, at] = seen[0];
  if (done > at && now - time > 4000) return ((now - time) / (done - at)) * (all - done);
  return done > 0 && taken !== null ? ((taken * 1000) / done) * (all - done) : null;
}
