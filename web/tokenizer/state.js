// What the page shows, in its address: behind the #, so that no server hears of it.

// Characters of an address that browsers and messengers still carry.
const LONGEST = 8000;

// The state that the address tells, only what it tells.
export function readAddress() {
  const told = new URLSearchParams(location.hash.slice(1));
  const state = {};
  if (told.has('text')) Object.assign(state, { mode: 'text', text: told.get('text') });
  if (told.has('chat')) {
    const messages = parse(told.get('chat'));
    if (messages) Object.assign(state, { mode: 'chat', messages, open: told.has('open') });
  }
  if (told.has('with')) state.tokenizers = told.get('with').split(',').filter(Boolean).slice(0, 8);
  if (['ids', 'bytes'].includes(told.get('view'))) state.view = told.get('view');
  if (told.has('whitespace')) state.whitespace = true;
  if (told.has('specials')) state.specials = true;
  return state;
}

// Puts the state into the address; gives whether all of it fits there.
export function writeAddress(state) {
  const told = new URLSearchParams();
  if (state.mode === 'chat') told.set('chat', JSON.stringify(state.messages.map(({ role, content }) => [role, content])));
  else told.set('text', state.text);
  const fits = told.toString().length <= LONGEST;
  if (!fits) { told.delete('chat'); told.delete('text'); }
  if (state.mode === 'chat' && state.open) told.set('open', '1');
  told.set('with', state.tokenizers.join(','));
  if (state.view !== 'text') told.set('view', state.view);
  if (state.whitespace) told.set('whitespace', '1');
  if (state.specials) told.set('specials', '1');
  history.replaceState(null, '', `#${told}`);
  return fits;
}

function parse(text) {
  try {
    const isTurn = ([role, content]) => ['system', 'user', 'assistant'].includes(role) && typeof content === 'string';
    return JSON.parse(text).filter(isTurn).map(([role, content]) => ({ role, content }));
  } catch {
    return null; // An address that somebody cut.
  }
}
