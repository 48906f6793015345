// The page Chat: what is open, and what happens on it. How things look is in chat/turns.js, how an answer comes in chat/live.js, the list
// in chat/list.js, settings in chat/settings.js.

import { announce, button, el, find, icon, toast } from './lib/dom.js';
import { plural } from './lib/format.js';
import { recall, remember } from './lib/keep.js';
import { ask, isAbort } from './lib/net.js';
import { Composer } from './chat/composer.js';
import { download, pickFile } from './chat/files.js';
import { listen } from './chat/live.js';
import { ChatList } from './chat/list.js';
import { menu } from './chat/menu.js';
import { Scroller } from './chat/scroller.js';
import { showTokens } from './chat/seen.js';
import { SettingsPanel } from './chat/settings.js';
import { answerTurn, questionTurn, turnOf } from './chat/turns.js';
import { welcome } from './chat/welcome.js';

const turns = find('#turns');
const scroller = new Scroller(find('#scroll'), turns, find('#latest'));
const phone = window.matchMedia('(max-width: 40rem)');

// The chat that is open: { id, title, model, settings }; without an id it is not kept yet.
let chat = null;
let models = [];
// The answer under way: { controller, turn }.
let running = null;
let isSeen = false;

const list = new ChatList({ open: (id, message) => openChat(id, { message }), current: () => chat?.id ?? null });
const composer = new Composer({ send: (text) => say({ kind: 'send', text }), stop, editLast });
const settings = new SettingsPanel(find('#settings-panel'), { changed: changeSettings });

// What the turns' buttons do.
const actions = {
  edit: (message, text) => say({ kind: 'edit', message, text }),
  again: (message) => say({ kind: 'again', message }),
  branch: (message) => succeeds(ask(`/api/chats/${chat.id}/show`, { body: { message } }).then(show)),
  thumb: (message, thumb) => succeeds(ask(`/api/chats/${chat.id}/messages/${message}/thumb`, { method: 'PUT', body: { thumb } })),
  sumUp: async (message) => {
    let summary;
    await succeeds(ask(`/api/chats/${chat.id}/messages/${message}/summary`, { body: {} }).then((told) => { summary = told.summary; }));
    return summary;
  },
  isBusy: () => running !== null,
};

// Whether something was done; if not, it is said why.
async function succeeds(promise) {
  try {
    await promise;
    return true;
  } catch (error) {
    toast(error.message, 6);
    return false;
  }
}

// Asks, and shows the answer as it comes.
async function say(body) {
  if (running || !chat?.model) return false;
  refuse(null);
  const controller = new AbortController();
  const turn = answerTurn({ items: [] }, actions);
  running = { controller, turn };
  composer.busy(true);
  let began = false;
  let mine = chat;
  try {
    if (chat.id === null) await createChat();
    mine = chat;
    const place = body.kind === 'again' ? turnOf(turns, body.message) : null;
    const question = body.kind === 'again' ? null : questionTurn({ text: body.text.trim() }, actions);
    await listen(`/api/chats/${chat.id}/answer`, { body, signal: controller.signal, turn,
      start(event) {
        if (chat !== mine) return controller.abort();
        began = true;
        putTurns(body, place, question, turn, event);
        setTitle(event.title);
        list.refresh();
        return scroller.toEnd();
      },
      grew: () => scroller.grew(),
      tokens(count) {
        composer.meter(count.prompt + count.completion, count.context);
      },
    });
    announce(`The assistant: ${turn.words()}`);
  } catch (error) {
    if (!isAbort(error)) turn.fail(error.message);
    if (!began && !isAbort(error)) refuse(error.message);
    if (isAbort(error)) announce('Stopped.');
  } finally {
    turn.end(controller.signal.aborted ? 'stopped' : null);
    if (began && turn.isEmpty()) turn.element.remove();
    running = null;
    composer.busy(false);
    if (isSeen && chat === mine) refreshSeen();
    list.refresh();
  }
  return began;
}

// Says above the field why a question was not taken; null takes it away.
function refuse(why) {
  const box = find('#refused');
  box.hidden = why === null;
  const fresh = why?.includes('new chat') ? button({ text: 'New chat', icon: 'plus', class: 'small', onclick: () => newChat() }) : null;
  box.replaceChildren(...(why === null ? [] : [el('div', { class: 'row' }, el('span', { class: 'grow' }, why), fresh)]));
}

// Puts question and answer where they belong: at the end, or in place of what they stand beside.
function putTurns(body, place, question, turn, event) {
  hideWelcome();
  if (body.kind === 'edit') cutFrom(turnOf(turns, body.message));
  if (place) cutFrom(place.classList.contains('answer') ? place : place.nextElementSibling);
  if (question) {
    question.begin(event.question);
    turns.append(question.element);
  }
  turn.begin(event.answer, event.siblings, event.model);
  turns.append(turn.element);
  if (body.kind === 'edit') refreshSiblings(question, event.question);
}

function cutFrom(element) {
  while (element) {
    const next = element.nextElementSibling;
    element.remove();
    element = next;
  }
}

// The numbers of the questions beside an edited one: only the server knows all of them.
async function refreshSiblings(question, id) {
  const { messages } = await ask(`/api/chats/${chat.id}`);
  question.siblings(messages.find((message) => message.id === id)?.siblings ?? [id]);
}

function stop() {
  running?.controller.abort();
}

function editLast() {
  const questions = turns.querySelectorAll('.question');
  questions[questions.length - 1]?.querySelector('[data-act=edit]')?.click();
}

async function createChat() {
  const made = await ask('/api/chats', { body: { model: chat.model, settings: chat.settings } });
  chat = made.chat;
  history.replaceState(null, '', `#${chat.id}`);
}

// Opens a chat, and goes to a message that was found in it.
async function openChat(id, { message = null, push = true } = {}) {
  stop();
  try {
    if (message) await ask(`/api/chats/${id}/show`, { body: { message } }).catch(() => null);
    const view = await ask(`/api/chats/${id}`);
    if (push) history.pushState(null, '', `#${id}`);
    show(view);
    list.close();
    const found = message && turnOf(turns, message);
    if (found) {
      scroller.leave();
      found.scrollIntoView({ block: 'center' });
    } else scroller.toEnd();
  } catch (error) {
    toast(error.message, 6);
    newChat();
  }
}

function show(view) {
  refuse(null);
  chat = view.chat;
  turns.replaceChildren(...view.messages.map((message) =>
    (message.role === 'user' ? questionTurn(message, actions) : answerTurn(message, actions)).element));
  setTitle(chat.title);
  setModel(chat.model);
  const last = view.messages.findLast((message) => message.tokens);
  composer.meter(last ? last.tokens[0] + last.tokens[1] : null, contextOf(chat.model));
  composer.tools(chat.settings.tools);
  if (view.messages.length) hideWelcome();
  else showWelcome();
  list.mark();
  if (isSeen) refreshSeen();
}

function newChat({ push = true } = {}) {
  stop();
  const tools = recall('chat.tools', 'on') === 'on';
  const asked = new URL(location).searchParams.get('model');
  const model = models.find(({ id }) => id === asked) ?? models.find(({ id }) => id === recall('chat.model'))
    ?? models.find(({ chat: talks }) => talks) ?? models[0];
  chat = { id: null, title: 'New chat', model: model?.id ?? null, settings: { system: '', tools, sampling: {} } };
  refuse(null);
  if (push && location.hash) history.pushState(null, '', location.pathname);
  turns.replaceChildren();
  setTitle(chat.title);
  setModel(chat.model);
  composer.meter(null, contextOf(chat.model));
  composer.tools(tools);
  setSeen(false);
  showWelcome();
  list.mark();
  list.close();
  composer.focus();
}

function showWelcome() {
  const model = models.find(({ id }) => id === chat.model);
  find('#empty').replaceChildren(welcome(model, (text) => say({ kind: 'send', text })));
  find('#empty').hidden = false;
}

function hideWelcome() {
  find('#empty').hidden = true;
}

function setTitle(title) {
  chat.title = title;
  find('#title').textContent = title;
  document.title = `${title} · Schoolhouse`;
}

function setModel(id) {
  const select = find('#model');
  if (id && !models.some((model) => model.id === id)) select.append(new Option(`${id} (gone)`, id));
  select.value = id ?? '';
}

// How many tokens a model reads and writes at most; undefined where its files do not tell.
function contextOf(id) {
  return models.find((model) => model.id === id)?.context ?? undefined;
}

async function loadModels() {
  const answer = await ask('/api/chats/models');
  models = answer.models;
  const select = find('#model');
  const group = (label, of) => {
    const options = document.createElement('optgroup');
    options.label = label;
    options.append(...of.map((model) => new Option(model.id, model.id)));
    return of.length ? [options] : [];
  };
  select.replaceChildren(...group('Made for conversation', models.filter(({ chat: talks }) => talks)),
    ...group('Others', models.filter(({ chat: talks }) => !talks)));
  select.disabled = models.length === 0;
}

// Changes of the open chat go to the server; those of a new one wait until it is kept.
async function change(changes) {
  Object.assign(chat, changes);
  if (chat.id === null) return;
  await succeeds(ask(`/api/chats/${chat.id}`, { method: 'PATCH', body: changes }));
}

async function changeSettings(changed) {
  remember('chat.tools', changed.tools ? 'on' : 'off');
  composer.tools(changed.tools);
  await change({ settings: changed });
  if (isSeen) refreshSeen();
}

async function setSeen(on) {
  isSeen = on;
  find('#seen').setAttribute('aria-pressed', on);
  find('#tokens').hidden = !on;
  turns.hidden = on;
  if (on) await refreshSeen();
}

async function refreshSeen() {
  if (chat.id === null) {
    find('#tokens').replaceChildren('Ask something first: then the conversation stands here, token by token.');
    return;
  }
  try {
    const seen = await ask(`/api/chats/${chat.id}/tokens`);
    showTokens(find('#tokens'), seen);
    composer.meter(seen.total, seen.context);
  } catch (error) {
    find('#tokens').replaceChildren(error.message);
  }
}

function rename() {
  const heading = find('#title');
  const input = Object.assign(document.createElement('input'), { className: 'input title-input', value: chat.title, maxLength: 200 });
  input.setAttribute('aria-label', 'Title of this chat');
  let ended = false;
  const end = async (keep) => {
    if (ended) return; // taking the field away blurs it
    ended = true;
    const title = input.value.trim();
    heading.replaceChildren(chat.title);
    if (keep && title && title !== chat.title) {
      setTitle(title);
      await change({ title });
      list.refresh();
    }
  };
  input.addEventListener('blur', () => end(true));
  input.addEventListener('keydown', (event) => {
    if (event.key === 'Enter') end(true);
    if (event.key === 'Escape') { event.stopPropagation(); end(false); }
  });
  heading.replaceChildren(input);
  input.select();
}

async function remove() {
  if (!window.confirm(`Delete “${chat.title}” with all its branches?`)) return;
  stop();
  if (!(await succeeds(ask(`/api/chats/${chat.id}`, { method: 'DELETE' })))) return;
  list.refresh();
  newChat();
}

async function importChats() {
  const file = await pickFile('.jsonl,.json');
  if (!file) return;
  await succeeds(file.text().then(async (text) => {
    const imported = await ask(`/api/chats/import?model=${encodeURIComponent(chat.model)}`, { text, method: 'POST' });
    const left = imported.n_left_out ? ` ${imported.n_left_out} left out: ${imported.left_out[0]}` : '';
    toast(`${plural(imported.chats.length, 'chat')} came in.${left}`, 8);
    list.refresh();
  }));
}

function setIcons() {
  const names = { 'chats-menu': 'more', 'chats-close': 'close', 'chats-open': 'panel', seen: 'eye', settings: 'settings',
    'chat-menu': 'more', latest: 'chevron' };
  for (const [id, name] of Object.entries(names)) find(`#${id}`).append(icon(name));
  find('#new-chat').append(icon('plus'), 'New chat');
}

function listenToPage() {
  find('#new-chat').addEventListener('click', () => newChat());
  find('#seen').addEventListener('click', () => setSeen(!isSeen));
  find('#settings').addEventListener('click', () => settings.open(chat.settings));
  find('#tools').addEventListener('click', () => changeSettings({ ...chat.settings, tools: !chat.settings.tools }));
  find('#model').addEventListener('change', async (event) => {
    remember('chat.model', event.target.value);
    await change({ model: event.target.value });
    composer.meter(null, contextOf(chat.model)); // what was counted were the other one's tokens
    if (isSeen) refreshSeen();
    if (!find('#empty').hidden) showWelcome();
  });
  menu(find('#chat-menu'), () => [
    ...(phone.matches ? [
      { text: isSeen ? 'As you see it' : 'As the model sees it', icon: 'eye', do: () => setSeen(!isSeen) },
      { text: 'Settings of this chat', icon: 'settings', do: () => settings.open(chat.settings) },
    ] : []),
    { text: 'Rename', icon: 'edit', do: rename },
    { text: 'Export', icon: 'download', off: !chat.id, do: () => download(`/api/chats/${chat.id}/export`) },
    { text: 'Export all branches', icon: 'branch', off: !chat.id, do: () => download(`/api/chats/${chat.id}/export?branches=all`) },
    { text: 'Delete', icon: 'trash', off: !chat.id, danger: true, do: remove },
  ]);
  menu(find('#chats-menu'), () => [
    { text: 'Import chats', icon: 'upload', off: !chat.model, do: importChats },
    { text: 'Export all chats', icon: 'download', do: () => download('/api/chats/export') },
    { text: 'Export preferences', icon: 'up', do: () => download('/api/chats/preferences') },
  ]);
  document.addEventListener('keydown', (event) => {
    const command = event.ctrlKey || event.metaKey;
    if (event.key === 'Escape' && running && !document.querySelector('dialog[open], :popover-open')) stop();
    else if (command && event.key.toLowerCase() === 'k') { event.preventDefault(); list.search(); }
    else if (command && event.shiftKey && event.key.toLowerCase() === 'o') { event.preventDefault(); newChat(); }
  });
  window.addEventListener('popstate', () => route());
}

function route() {
  const id = Number(location.hash.slice(1));
  if (Number.isInteger(id) && id > 0) return openChat(id, { push: false });
  return newChat({ push: false });
}

setIcons();
listenToPage();
list.refresh();
try {
  await loadModels();
} catch (error) {
  toast(error.message, 10);
}
await route();
