// The list of chats: by time, or what a search finds.

import { el, find, findAll } from '../lib/dom.js';
import { debounce } from '../lib/time.js';
import { ask } from '../lib/net.js';

const narrow = window.matchMedia('(max-width: 56rem)');

export class ChatList {
  constructor({ open, current }) {
    Object.assign(this, { openChat: open, current });
    this.box = find('#chats');
    this.list = find('#chats-list');
    this.field = find('#search');
    this.field.addEventListener('input', debounce(() => this.refresh(), 150));
    this.field.addEventListener('keydown', (event) => this.key(event));
    this.list.addEventListener('keydown', (event) => this.key(event));
    find('#chats-open').addEventListener('click', () => this.openDrawer());
    find('#chats-close').addEventListener('click', () => this.close());
    find('#scrim').addEventListener('click', () => this.close());
    narrow.addEventListener('change', () => this.close());
    this.close();
  }

  // Down and up go through the rows, Escape goes back.
  key(event) {
    const rows = findAll('a', this.list);
    const at = rows.indexOf(document.activeElement);
    if (event.key === 'ArrowDown' && rows.length) { event.preventDefault(); rows[Math.min(at + 1, rows.length - 1)].focus(); }
    if (event.key === 'ArrowUp' && at >= 0) { event.preventDefault(); (rows[at - 1] ?? this.field).focus(); }
    if (event.key === 'Enter' && event.target === this.field) rows[0]?.click();
    if (event.key === 'Escape') {
      event.stopPropagation();
      if (this.field.value) { this.field.value = ''; this.refresh(); }
      this.close();
      find('#words').focus();
    }
  }

  search() {
    if (narrow.matches) this.openDrawer();
    this.field.focus();
    this.field.select();
  }

  openDrawer() {
    this.box.inert = false;
    this.box.classList.add('is-open');
    find('#scrim').hidden = false;
    find('#chats-open').setAttribute('aria-expanded', 'true');
    find('#chats-close').focus();
  }

  close() {
    const wasOpen = this.box.classList.contains('is-open');
    this.box.classList.remove('is-open');
    this.box.inert = narrow.matches;
    find('#scrim').hidden = true;
    find('#chats-open').setAttribute('aria-expanded', 'false');
    if (wasOpen) find('#chats-open').focus();
  }

  async refresh() {
    const typed = this.field.value.trim();
    const { chats, more } = await ask(`/api/chats?limit=100&q=${encodeURIComponent(typed)}`).catch(() => ({ chats: [], more: false }));
    if (typed !== this.field.value.trim()) return; // somebody typed on
    this.list.replaceChildren(...(typed ? this.found(chats, typed) : this.byTime(chats, more)));
    this.mark();
  }

  byTime(chats, more) {
    if (!chats.length) return [el('p', { class: 'muted chats-none' }, 'Your chats will stand here.')];
    const rows = [];
    let last = null;
    for (const chat of chats) {
      const when = dayOf(chat.updated);
      if (when !== last) rows.push(el('h2', { class: 'label' }, when));
      last = when;
      rows.push(this.row(chat));
    }
    if (more) rows.push(this.moreButton(chats[chats.length - 1]));
    return rows;
  }

  moreButton(last) {
    const button = el('button', { class: 'button quiet small', type: 'button' }, 'Show older');
    button.addEventListener('click', async () => {
      const { chats, more } = await ask(`/api/chats?limit=100&before_time=${last.updated}&before_id=${last.id}`);
      button.replaceWith(...chats.map((chat) => this.row(chat)), ...(more ? [this.moreButton(chats[chats.length - 1])] : []));
      this.mark();
    });
    return button;
  }

  found(hits, typed) {
    if (!hits.length) return [el('p', { class: 'muted chats-none' }, `Nothing was said about “${typed}”.`)];
    return hits.map((hit) => this.row(hit, el('span', { class: 'excerpt' },
      hit.excerpt.map((piece) => (piece.hit ? el('mark', {}, piece.text) : piece.text)))));
  }

  row(chat, excerpt = null) {
    return el('a', { href: `#${chat.id}`, 'data-chat': chat.id, on: { click: (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      this.openChat(chat.id, chat.message ?? null);
    } } }, el('span', { class: 'row-title' }, chat.title), excerpt);
  }

  // Which row is the chat that is open.
  mark() {
    for (const row of findAll('a', this.list)) {
      if (Number(row.dataset.chat) === this.current()) row.setAttribute('aria-current', 'page');
      else row.removeAttribute('aria-current');
    }
  }
}

function dayOf(time) {
  const day = (date) => new Date(date).setHours(0, 0, 0, 0);
  const days = Math.round((day(Date.now()) - day(time)) / 86_400_000);
  if (days <= 0) return 'Today';
  if (days === 1) return 'Yesterday';
  if (days < 7) return 'This week';
  return new Date(time).toLocaleDateString('en-GB', { month: 'long', year: 'numeric' });
}
