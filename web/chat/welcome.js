// What stands where nothing is said yet.

import { el, icon } from '../lib/dom.js';

const QUESTIONS = [
  ['Who are you?', 'It knows its name, and who raised it'],
  ['Why is the sky blue?', 'What it has read often, it knows'],
  ['How many r are there in strawberry?', 'Tokens hide letters; a program counts them'],
  ['What is 218 + 645?', 'Step by step, as it has learnt at school'],
  ['Tell me a story.', 'Every time another one'],
  ['Who is Mira Tolvan?', 'A name that occurs nowhere: does it say so?'],
];

// Good first questions, or what to do where there is no model.
export function welcome(model, choose) {
  if (!model) {
    return el('div', { class: 'empty' }, el('h2', {}, 'There is no model yet'),
      el('p', {}, 'Raise one: ', el('code', {}, 'schoolhouse run demo'), '. ',
        el('a', { href: '/school' }, 'School'), ' shows how it learns.'));
  }
  const words = model.chat
    ? 'It has read little, and learnt to say what it does not know.'
    : 'This model was not taught to talk. It will go on with whatever stands before; the playground is made for that.';
  return el('div', { class: 'welcome-inner' }, icon('house'), el('h2', {}, 'What would you like to know?'),
    el('p', { class: 'muted' }, words),
    el('ul', { class: 'starters' }, QUESTIONS.map(([question, why]) => el('li', {},
      el('button', { type: 'button', class: 'starter', on: { click: () => choose(question) } },
        el('span', {}, question), el('small', { class: 'muted' }, why))))));
}
