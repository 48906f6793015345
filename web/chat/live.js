// An answer as it comes: the server's events, put into a turn.

import { events } from '../lib/net.js';

// Listens until the answer is whole. Throws what was refused or failed.
export async function listen(url, { body, signal, turn, start, grew, tokens }) {
  let ended = false;
  for await (const { event, data } of events(url, { body, signal })) {
    const told = JSON.parse(data);
    switch (event) {
      case 'start': start(told); break;
      case 'block': turn.block(told.index, told.html); break;
      case 'thought': turn.thought(told.text); break;
      case 'call': turn.call(told); break;
      case 'output': turn.output(told); break;
      case 'tokens': tokens(told); turn.count(told.completion); break;
      case 'done': ended = true; turn.done(told); break;
      case 'error': throw new Error(told.message);
      default: break;
    }
    if (event !== 'tokens') grew();
  }
  if (!ended) throw new Error('The answer broke off: the server does not answer any more.');
}
