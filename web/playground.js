// The page Playground: a model goes on with a text, several times side by side, and every token shows its odds. From any token the text
// can branch. Samples, the coin and the settings are files of their own in playground/.

import { announce, el, find, findAll } from './lib/dom.js';
import { plural } from './lib/format.js';
import { recall, remember } from './lib/keep.js';
import { ask, events, isAbort } from './lib/net.js';
import { chooseTokens, openToKeys } from './lib/tokens.js';
import { Coin } from './playground/coin.js';
import { EXAMPLES } from './playground/examples.js';
import { Settings } from './playground/settings.js';
import { Sheet, oddsSpan } from './playground/sheet.js';

const ODDS = 10;
const MOST_SHEETS = 12;

const settings = new Settings(find('#settings-fields'));
const coin = new Coin(find('#coin'), branch);
const running = new Set(); // AbortControllers of the streams under way
const sheetEvents = { onChoose: chooseInSheet, onClose: close, onContinue: goOn };

let samples = 2;
let sheets = [];
let promptTokens = []; // with their odds, when they have come
let about = { vocabSize: 0, sampling: null }; // what the server said of the last request
let numbers = 0;

// Several samples of the prompt, in place of what was there.
async function write() {
  stop();
  sheets.forEach((sheet) => sheet.element.remove());
  sheets = [];
  numbers = 0;
  coin.clear();
  showPrompt([]);
  const request = { ...settings.request(), samples, prompt_odds: true, prompt: find('#prompt').value };
  const begun = [];
  for (let number = 0; number < samples; number++) begun.push(addSheet({ seed: request.seed + number, prompt: [] }));
  settings.spend();
  await run(request, begun);
}

// The text up to a token, another one in its place, and what the model writes behind that.
async function branch(toss, piece) {
  const { sheet, number } = toss;
  const request = settings.request();
  const share = { ...piece, logprob: piece.logprob, odds: toss.token.odds, turned: true, kept: false };
  const before = sheet ? sheet.tokens.slice(0, number).map((token) => ({ ...token, kept: true, turned: false })) : [];
  const prompt = sheet ? sheet.prompt : promptTokens.slice(0, number);
  const next = addSheet({ seed: request.seed, prompt, tokens: [...before, share], parent: sheet });
  next.element.scrollIntoView({ block: 'nearest', behavior: 'smooth' });
  settings.spend();
  await run({ ...request, samples: 1, prompt: next.idsBefore(Infinity) }, [next]);
}

// More of the same sample.
async function goOn(sheet) {
  const request = settings.request();
  settings.spend();
  await run({ ...request, samples: 1, prompt: sheet.idsBefore(Infinity) }, [sheet]);
}

function addSheet({ seed, prompt, tokens, parent }) {
  if (sheets.length >= MOST_SHEETS) close(sheets.find((sheet) => sheet.finish) ?? sheets[0]);
  const number = ++numbers;
  const name = parent ? `${number} · branch of ${parent.number}` : tokens ? `${number} · branch of the prompt` : `Sample ${number}`;
  const sheet = new Sheet({ name, seed, prompt, tokens }, sheetEvents);
  sheet.number = number;
  sheets.push(sheet);
  if (parent && parent.element.isConnected) parent.element.after(sheet.element);
  else find('#sheets').append(sheet.element);
  return sheet;
}

// Asks the server, and gives each sheet its tokens.
async function run(request, writing) {
  const controller = new AbortController();
  writing.forEach((sheet) => { sheet.begin(); sheet.controller = controller; });
  running.add(controller);
  showRunning();
  find('#failure').hidden = true;
  try {
    const body = { ...request, model: find('#model').value, odds: ODDS };
    for await (const { event, data } of events('/api/look/complete', { body, signal: controller.signal })) {
      if (event === 'end') break;
      take(JSON.parse(data), writing);
    }
    writing.forEach((sheet) => sheet.end('length'));
  } catch (error) {
    if (!isAbort(error)) fail(error.message);
    writing.forEach((sheet) => sheet.end('halted'));
    writing.filter((sheet) => !sheet.tokens.length).forEach(close);
  } finally {
    running.delete(controller);
    showRunning();
  }
}

function take(told, writing) {
  const sheet = writing[told.sample];
  if (told.type === 'start') {
    about = { vocabSize: told.vocab_size, sampling: told.sampling };
    writing.filter((one) => !one.prompt.length).forEach((one) => { one.prompt = told.prompt; });
    writing.forEach((one) => { one.about = about; });
    if (!promptTokens.length) showPrompt(told.prompt.map((piece) => ({ ...piece, logprob: null, odds: [] })), told.prompt.length);
  } else if (told.type === 'prompt') {
    showPrompt([...promptTokens.slice(0, told.from), ...told.tokens], told.from);
  } else if (told.type === 'token') {
    sheet.push(told);
  } else if (told.type === 'done') {
    sheet.end(told.finish, told.end, told.text);
    announce(`${sheet.name}: ${told.text}`);
  } else if (told.type === 'failed') {
    if (sheet) sheet.fail(told.message);
    else fail(told.message);
  }
}

// The prompt as tokens, folded under its text; those from `from` on can be chosen.
function showPrompt(tokens, from = 0) {
  promptTokens = tokens;
  find('#reading').hidden = !tokens.length;
  find('#reading-title').textContent = `The prompt as the model reads it: ${plural(tokens.length, 'token')}`;
  find('#prompt-tokens').replaceChildren(...tokens.slice(from).map((token, place) => oddsSpan(token, from + place)));
  openToKeys(find('#prompt-tokens'));
}

function chooseInSheet(sheet, number) {
  mark(sheet, number);
  const before = [...sheet.prompt, ...sheet.tokens.slice(0, number)];
  coin.show({ token: sheet.tokens[number], before, where: 'sample', sheet, number, ...(sheet.about ?? about) });
}

function chooseInPrompt(number) {
  mark(null, null);
  find(`#prompt-tokens [data-number="${number}"]`).classList.add('chosen');
  const before = promptTokens.slice(0, number);
  coin.show({ token: promptTokens[number], before, where: 'prompt', sheet: null, number, ...about });
}

function mark(sheet, number) {
  find('#prompt-tokens .chosen')?.classList.remove('chosen');
  sheets.forEach((other) => other.markChosen(other === sheet ? number : null));
}

function close(sheet) {
  // The others of its stream go on; a sheet that is alone in it takes it along.
  const alone = sheets.every((other) => other === sheet || other.controller !== sheet.controller || other.finish);
  if (!sheet.finish && alone) sheet.controller?.abort();
  sheets = sheets.filter((other) => other !== sheet);
  sheet.element.remove();
}

function stop() {
  running.forEach((controller) => controller.abort());
  running.clear();
  showRunning();
}

function showRunning() {
  find('#stop').hidden = running.size === 0;
}

function fail(sentence) {
  find('#failure').textContent = sentence;
  find('#failure').hidden = false;
}

function load(example) {
  find('#prompt').value = example.prompt;
  settings.set('stop', example.stop);
  settings.set('max_tokens', example.tokens);
}

function bindControls() {
  const prompt = find('#prompt');
  load(EXAMPLES.find((example) => example.name === 'Story'));
  find('#examples').append(...EXAMPLES.map((example) => el('button', {
    type: 'button', class: 'chip', on: { click: () => { load(example); write(); } },
  }, example.name)));
  prompt.addEventListener('keydown', (event) => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) { event.preventDefault(); write(); }
  });
  find('#write').addEventListener('click', write);
  find('#stop').addEventListener('click', stop);
  for (const button of findAll('#samples button')) {
    button.addEventListener('click', () => {
      samples = Number(button.dataset.samples);
      findAll('#samples button').forEach((other) => other.setAttribute('aria-pressed', other === button));
    });
  }
  const colour = find('#colour');
  const show = () => {
    document.body.classList.toggle('by-odds', colour.checked);
    find('#legend').hidden = !colour.checked;
    remember('playground.colour', colour.checked);
  };
  colour.checked = recall('playground.colour') === 'true';
  colour.addEventListener('change', show);
  show();
  chooseTokens(find('#prompt-tokens'), { onChoose: chooseInPrompt });
}

// Base models first: they are what a bare continuation is for.
async function loadModels() {
  const { models } = await ask('/api/look/models');
  const select = find('#model');
  const group = (label, list) => (list.length ? el('optgroup', { label }, list.map(({ id }) => el('option', { value: id }, id))) : null);
  const groups = [group('Base models', models.filter((model) => !model.chat)), group('Assistants', models.filter((model) => model.chat))];
  select.append(...groups.filter(Boolean));
  const last = recall('playground.model');
  if (models.some((model) => model.id === last)) select.value = last;
  select.addEventListener('change', () => remember('playground.model', select.value));
  find('#write').disabled = !models.length;
  if (!models.length) fail('No model is being served yet: when a run has its base model, it can be chosen here.');
}

bindControls();
loadModels().catch((error) => fail(error.message));
