// Building elements, and speaking to who cannot see them. Text is always text: nothing here takes HTML.

const SVG = 'http://www.w3.org/2000/svg';

// An element. Attributes: null, undefined and false leave one out, true sets it empty; `on` holds listeners by event name, `style` sets
// properties one by one (the page's policy allows no style attribute), `props` sets properties (value, checked, ...). Children: elements,
// text, numbers, arrays of them; null and false are left out.
export function el(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

// The same for SVG.
export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(element, { on, style, props, ...attributes }, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    element.setAttribute(name, value === true ? '' : value);
  }
  for (const [event, listener] of Object.entries(on ?? {})) element.addEventListener(event, listener);
  for (const [name, value] of Object.entries(style ?? {})) element.style.setProperty(name, value);
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return Object.assign(element, props);
}

// An icon of icons.svg; the words for it stand in the aria-label of what holds it.
export function icon(name) {
  return svg('svg', { class: 'icon', 'aria-hidden': 'true' }, svg('use', { href: `/web/icons.svg#${name}` }));
}

// A button: words, an icon, or both; `tip` names a button that has an icon only.
export function button({ text, icon: name, tip, class: classes = '', onclick, ...attributes }) {
  const bare = name && !text;
  return el('button', {
    type: 'button', class: `button ${classes}${bare ? ' icon-only' : ''}`, 'aria-label': bare ? tip : null, 'data-tip': tip, ...attributes,
    on: onclick ? { click: onclick } : {},
  }, name ? icon(name) : null, text ?? null);
}

export const find = (selector, within = document) => within.querySelector(selector);
export const findAll = (selector, within = document) => [...within.querySelectorAll(selector)];

let speaker;
// Says a sentence to a screen reader; the same sentence twice is said twice.
export function announce(text) {
  if (!speaker) {
    speaker = el('div', { class: 'visually-hidden', role: 'status', 'aria-live': 'polite' });
    (find('main') ?? document.body).append(speaker);
  }
  speaker.textContent = '';
  setTimeout(() => { speaker.textContent = text; }, 50);
}

// A sentence at the foot of the page that goes by itself, for eyes and ears.
export function toast(text, seconds = 4) {
  const box = find('.toasts') ?? document.body.appendChild(el('div', { class: 'toasts', role: 'region', 'aria-label': 'Messages' }));
  const note = el('div', { class: 'toast' }, text);
  box.append(note);
  announce(text);
  setTimeout(() => note.remove(), seconds * 1000);
}

// Opens a <dialog>; a click beside it closes it, and the focus goes back by itself.
export function openDialog(dialog) {
  if (!dialog.dataset.ready) {
    dialog.dataset.ready = 'yes';
    dialog.addEventListener('click', (event) => { if (event.target === dialog) dialog.close(); });
    for (const closer of findAll('[data-close]', dialog)) closer.addEventListener('click', () => dialog.close());
  }
  if (!dialog.open) dialog.showModal();
}

// Puts text on the clipboard and says so.
export async function copy(text, what = 'Copied') {
  try {
    await navigator.clipboard.writeText(text);
    toast(`${what}.`, 2);
  } catch {
    toast('The browser did not let the page copy. Select the text and copy it by hand.');
  }
}
