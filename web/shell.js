// The header of every page: wordmark, navigation, theme switch, skip link. Knows no page but by name.
//
// <site-header current="chat"></site-header>; children of the element stand at its right end, before the theme switch.

import { el, icon } from './lib/dom.js';
import { recall, remember } from './lib/keep.js';

const PAGES = [
  ['chat', '/', 'Chat'],
  ['playground', '/playground', 'Playground'],
  ['tokenizer', '/tokenizer', 'Tokenizer'],
  ['school', '/school', 'School'],
];

const THEMES = ['system', 'light', 'dark'];
const THEME_ICONS = { system: 'system', light: 'sun', dark: 'moon' };

class SiteHeader extends HTMLElement {
  connectedCallback() {
    if (this.querySelector('.shell')) return;
    const extras = [...this.childNodes];
    const current = this.getAttribute('current');
    this.replaceChildren(
      el('a', { class: 'skip', href: '#main' }, 'Skip to content'),
      el('header', { class: 'shell' },
        el('a', { class: 'wordmark', href: '/', 'aria-label': 'Schoolhouse' }, icon('house'), el('span', {}, 'Schoolhouse')),
        el('nav', { 'aria-label': 'Pages' },
          PAGES.map(([name, href, text]) => el('a', { href, 'aria-current': name === current ? 'page' : null }, text))),
        el('div', { class: 'shell-end' }, extras, themeSwitch())),
    );
  }
}

// A button that goes round the three themes.
function themeSwitch() {
  const button = el('button', { class: 'button quiet icon-only', type: 'button', 'data-tip-at': 'end' });
  const show = () => {
    const theme = chosenTheme();
    const next = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
    button.replaceChildren(icon(THEME_ICONS[theme]));
    button.setAttribute('aria-label', `Theme: ${theme}. Change to ${next}.`);
    button.dataset.tip = `Theme: ${theme}`;
    button.onclick = () => { setTheme(next); show(); };
  };
  show();
  return button;
}

function chosenTheme() {
  const theme = recall('theme');
  return THEMES.includes(theme) ? theme : 'system';
}

// 'system', 'light' or 'dark'; kept for the next page.
export function setTheme(theme) {
  remember('theme', theme);
  if (theme === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  document.dispatchEvent(new CustomEvent('themechange', { detail: theme }));
}

customElements.define('site-header', SiteHeader);
