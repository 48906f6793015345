// A menu under a button.

import { el, icon } from '../lib/dom.js';

// `items()` gives { text, icon, do, off, danger } each time it opens.
export function menu(opener, items) {
  const box = el('div', { class: 'menu', role: 'menu', popover: 'auto' });
  opener.after(box);
  opener.setAttribute('aria-expanded', 'false');
  const rows = () => [...box.querySelectorAll('[role=menuitem]:not(:disabled)')];
  opener.addEventListener('click', () => {
    if (box.matches(':popover-open')) return box.hidePopover();
    box.replaceChildren(...items().map((item) => el('button', {
      type: 'button', role: 'menuitem', class: `button ${item.danger ? 'danger' : ''}`, disabled: item.off,
      on: { click: () => { box.hidePopover(); item.do(); } },
    }, icon(item.icon), item.text)));
    box.showPopover();
    const at = opener.getBoundingClientRect();
    const left = Math.min(at.left, window.innerWidth - box.offsetWidth - 8);
    box.style.left = `${Math.max(8, left)}px`;
    box.style.top = `${at.bottom + 4}px`;
    rows()[0]?.focus();
    return undefined;
  });
  // A click on the opener closes it as a click elsewhere would, and must not open it again.
  opener.addEventListener('pointerdown', (event) => { if (box.matches(':popover-open')) { box.hidePopover(); event.preventDefault(); } });
  box.addEventListener('toggle', (event) => {
    opener.setAttribute('aria-expanded', event.newState === 'open');
    if (event.newState === 'closed' && box.contains(document.activeElement)) opener.focus();
  });
  box.addEventListener('keydown', (event) => {
    const all = rows();
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    all[(all.indexOf(document.activeElement) + step + all.length) % all.length].focus();
  });
}
