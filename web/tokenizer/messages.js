// The messages of a conversation as a list that can be written in.

import { button, el } from '../lib/dom.js';

const ROLES = ['system', 'user', 'assistant'];

export class MessageList {
  // `onChange` is called after every change of the list that show() was given.
  constructor(element, onChange) {
    this.element = element;
    this.onChange = onChange;
    this.messages = [];
  }

  show(messages) {
    this.messages = messages;
    this.element.replaceChildren(...messages.map((message, number) => this.row(message, number)));
  }

  add(role) {
    this.messages.push({ role, content: '' });
    this.show(this.messages);
    this.element.lastElementChild.querySelector('textarea').focus();
    this.onChange();
  }

  remove(number) {
    this.messages.splice(number, 1);
    this.show(this.messages);
    this.onChange();
  }

  row(message, number) {
    const of = `of message ${number + 1}`;
    const role = el('select', {
      class: 'select', 'aria-label': `Role ${of}`,
      on: { change: () => { message.role = role.value; this.onChange(); } },
    }, ROLES.map((name) => el('option', { value: name, selected: name === message.role }, name)));
    const text = el('textarea', {
      class: 'textarea', rows: '1', 'aria-label': `Text ${of}`, props: { value: message.content },
      on: { input: () => { message.content = text.value; this.onChange(); } },
    });
    const remove = button({ icon: 'close', tip: `Remove message ${number + 1}`, class: 'quiet small', onclick: () => this.remove(number) });
    return el('li', { class: 'message' }, role, text, remove);
  }
}
