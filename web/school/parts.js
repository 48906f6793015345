// Small controls that several views of School use.

import { el } from '../lib/dom.js';

let groups = 0;

// A row of choices. `offer(names, first)` says which there are; until somebody chooses, `first` is chosen.
export function segmented(label, choices, changed) {
  const group = `choice-${++groups}`;
  const element = el('div', { class: 'segmented', role: 'radiogroup', 'aria-label': label });
  let chosen = null;
  let value = null;
  let shown = '';

  function choose(name) {
    chosen = name;
    value = name;
    changed();
  }

  function draw(names) {
    const now = `${names} ${value}`;
    if (now === shown) return;
    shown = now;
    element.hidden = names.length < 2;
    element.replaceChildren(...choices.filter(([name]) => names.includes(name)).map(([name, text]) => el('label', {},
      el('input', { type: 'radio', name: group, value: name, checked: name === value, on: { change: () => choose(name) } }), text)));
  }
  return {
    element,
    get value() { return value; },
    offer(names, first) {
      value = names.includes(chosen) ? chosen : names.includes(first) ? first : names[0] ?? null;
      if (!element.contains(document.activeElement)) draw(names);
    },
  };
}
