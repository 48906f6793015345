// Questions and answers as elements. The server's HTML is safe to put in place; everything else is text.

import { button, copy, el, find, findAll, icon } from '../lib/dom.js';
import { plural } from '../lib/format.js';

// The turn of a message.
export const turnOf = (turns, id) => find(`[data-message="${id}"]`, turns);

const FINISHES = {
  stopped: 'Stopped.',
  length: 'Cut: the context or the limit on tokens is full. A new chat has room.',
  no_room: 'There was no room left for what the tool would say. A new chat has room.',
  error: 'The answer failed here.',
};

// ‹ 2/3 ›, where a message has siblings.
function branches(siblings, id, actions) {
  if (!siblings || siblings.length < 2) return null;
  const at = siblings.indexOf(id);
  const step = (to, name, label) => button({ icon: name, tip: label, class: 'quiet small', disabled: to === undefined,
    onclick: () => !actions.isBusy() && actions.branch(to) });
  return el('span', { class: 'branches num', role: 'group', 'aria-label': `Version ${at + 1} of ${siblings.length}` },
    step(siblings[at - 1], 'left', 'Version before'), `${at + 1}/${siblings.length}`, step(siblings[at + 1], 'right', 'Version after'));
}

// Who speaks, for those who go from heading to heading.
const heading = (text) => el('h2', { class: 'visually-hidden' }, text);

// A question: what was asked, as it was written.
export function questionTurn(message, actions) {
  let id = message.id;
  let text = message.text;
  const bubble = el('div', { class: 'bubble' }, text);
  const foot = el('div', { class: 'turn-foot' });
  const element = el('article', { class: 'turn question', 'data-message': id, 'aria-label': 'You' }, heading('You'), bubble, foot);
  const setFoot = (siblings) => foot.replaceChildren(...[
    branches(siblings, id, actions),
    button({ icon: 'copy', tip: 'Copy', class: 'quiet small', onclick: () => copy(text) }),
    button({ icon: 'edit', tip: 'Edit', class: 'quiet small', 'data-act': 'edit', onclick: edit }),
    // Where an answer was stopped before its first word.
    button({ icon: 'again', tip: 'Answer this', class: 'quiet small', 'data-act': 'answer',
      onclick: () => !actions.isBusy() && actions.again(id) }),
  ].filter(Boolean));

  function edit() {
    if (actions.isBusy() || id === undefined) return;
    const field = el('textarea', { class: 'textarea', 'aria-label': 'Edit the question', rows: Math.min(8, text.split('\n').length + 1),
      props: { value: text } });
    const end = () => form.replaceWith(bubble);
    const form = el('form', { class: 'edit stack', on: {
      submit: async (event) => {
        event.preventDefault();
        if (field.value.trim() && !(await actions.edit(id, field.value))) return;
        end();
      },
      keydown: (event) => {
        if (event.key === 'Escape') { event.stopPropagation(); end(); find('#words').focus(); }
        if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) { event.preventDefault(); form.requestSubmit(); }
      },
    } }, field, el('div', { class: 'row edit-foot' },
      el('button', { class: 'button small', type: 'button', on: { click: end } }, 'Cancel'),
      el('button', { class: 'button primary small', type: 'submit' }, 'Ask this')));
    bubble.replaceWith(form);
    field.focus();
    field.setSelectionRange(text.length, text.length);
  }

  setFoot(message.siblings);
  return {
    element,
    begin(number) { id = number; element.dataset.message = number; setFoot(null); },
    siblings: setFoot,
  };
}

// An answer: words, thoughts and calls of tools in their order, whole or as they come.
export function answerTurn(message, actions) {
  let { id, siblings, thumb, model } = message;
  const content = el('div', { class: 'answer-content' });
  const foot = el('div', { class: 'turn-foot' });
  const element = el('article', { class: 'turn answer', 'data-message': id, 'aria-label': 'Assistant' },
    heading('Assistant'), content, foot);
  const blocks = new Map();
  let prose = null;
  let thinking = null;
  let tool = null;

  // What comes next is of another kind.
  function turnTo(kind) {
    if (kind !== 'text') prose = null;
    if (kind !== 'thought') {
      if (thinking) thinking.classList.remove('is-open');
      thinking = null;
    }
  }

  // A button that puts the thought into one sentence.
  function summing() {
    const ask = button({ text: 'Sum up', class: 'quiet small', onclick: async () => {
      ask.disabled = true;
      const summary = await actions.sumUp(id);
      if (summary === undefined) ask.disabled = false;
      else ask.replaceWith(el('p', { class: 'thought-summary' }, summary || 'The model had nothing to say.'));
    } });
    return ask;
  }

  const it = {
    element,
    isEmpty: () => content.childElementCount === 0,
    words: () => findAll('.prose', content).map((part) => part.innerText).join('\n'),

    begin(number, all, of) {
      [id, siblings, model] = [number, all, of];
      element.dataset.message = number;
      element.classList.add('is-writing');
      element.setAttribute('aria-busy', 'true');
    },

    // A block in place of what its number said before.
    block(index, html) {
      let block = blocks.get(index);
      if (!block) {
        turnTo('text');
        if (!prose) content.append(prose = el('div', { class: 'prose' }));
        prose.append(block = el('div', { class: 'block' }));
        blocks.set(index, block);
      }
      block.innerHTML = html;
      withCopyButtons(block);
    },

    thought(text) {
      if (!thinking) {
        turnTo('thought');
        thinking = el('details', { class: 'fold thought is-open' }, el('summary', {}, icon('thought'), 'Thought'),
          el('div', { class: 'thought-words' }), summing());
        content.append(thinking);
      }
      find('.thought-words', thinking).append(text);
    },

    call({ tool: name, input, html }) {
      turnTo('call');
      tool = el('details', { class: 'fold tool is-running' },
        el('summary', {}, icon(name === 'search' ? 'search' : 'tool'),
          el('span', { class: 'tool-name' }, name === 'search' ? 'Searched' : 'Ran Python'),
          el('span', { class: 'tool-input' }, firstLine(input)), el('span', { class: 'spinner', role: 'img', 'aria-label': 'running' })));
      const asked = el('div', { class: 'tool-asked' });
      if (html) asked.innerHTML = html;
      else asked.append(el('p', {}, el('span', { class: 'muted' }, 'Query: '), input));
      withCopyButtons(asked);
      tool.append(asked);
      content.append(tool);
    },

    output({ text, sources }) {
      turnTo('output');
      const said = el('pre', { class: 'tool-output', tabindex: '0' }, text || '(nothing)');
      if (!tool) content.append(tool = el('details', { class: 'fold tool' }, el('summary', {}, icon('tool'), 'A tool said')));
      tool.classList.remove('is-running');
      tool.append(said);
      if (sources.length) content.append(sourceList(sources));
      tool = null;
    },

    count(completion) { message.tokens = [0, completion]; },
    done(told) { message.finish = told.finish; message.tokens = [told.usage.prompt_tokens, told.usage.completion_tokens]; },
    fail(why) { content.append(el('p', { class: 'error', role: 'alert' }, why)); },

    // Nothing more comes; `finish` is how it ended, where the server did not say.
    end(finish) {
      turnTo('end');
      tool?.classList.remove('is-running');
      element.classList.remove('is-writing');
      element.removeAttribute('aria-busy');
      message.finish = finish ?? message.finish;
      setFoot();
    },
  };

  function setFoot() {
    if (id === undefined) return;
    const opinion = (value, label) => button({ icon: value, tip: label, class: 'quiet small', 'aria-pressed': String(thumb === value),
      onclick: async () => {
        const next = thumb === value ? null : value;
        if (!(await actions.thumb(id, next))) return;
        thumb = next;
        setFoot();
        find(`[aria-label="${label}"]`, foot)?.focus();
      } });
    const note = FINISHES[message.finish];
    const about = [model, message.tokens && plural(message.tokens[1], 'token')].filter(Boolean).join(' · ');
    foot.replaceChildren(...[
      note && it.isEmpty() === false ? el('p', { class: 'muted finish' }, note) : null,
      message.finish === 'stop' && it.isEmpty() ? el('p', { class: 'muted finish' }, 'The model had nothing to say.') : null,
      branches(siblings, id, actions),
      button({ icon: 'copy', tip: 'Copy', class: 'quiet small', onclick: () => copy(it.words()) }),
      opinion('up', 'Good answer'),
      opinion('down', 'Bad answer'),
      button({ icon: 'again', tip: 'Answer again', class: 'quiet small', onclick: () => !actions.isBusy() && actions.again(id) }),
      el('small', { class: 'muted about' }, about),
    ].filter(Boolean));
  }

  for (const item of message.items ?? []) {
    if (item.kind === 'text') {
      turnTo('text');
      prose = el('div', { class: 'prose' });
      prose.innerHTML = item.html;
      withCopyButtons(prose);
      content.append(prose);
    } else it[item.kind](item.kind === 'thought' ? item.text : item);
  }
  if (id !== undefined) it.end(null);
  return it;
}

function sourceList(sources) {
  return el('ul', { class: 'sources', 'aria-label': 'Sources' }, sources.map((source, number) => el('li', {},
    el('a', { class: 'chip', href: source.url, target: '_blank', rel: 'noopener noreferrer nofollow', title: source.url },
      el('span', { class: 'num' }, number + 1), el('span', { class: 'source-title' }, source.title || source.url)))));
}

// Every piece of code can be copied.
function withCopyButtons(within) {
  for (const head of findAll('.code-head', within)) {
    const code = find('code', head.parentElement);
    head.append(button({ text: 'Copy', class: 'quiet small', onclick: () => copy(code.textContent, 'Code copied') }));
  }
}

function firstLine(text) {
  const [line, ...rest] = text.trim().split('\n');
  return rest.length ? `${line} …` : line;
}
