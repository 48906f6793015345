// Asking the server: JSON, and streams of events. A failure is always an Error whose message is a sentence to show.

import { recall } from './keep.js';

// What the server refused, with its status.
export class Refused extends Error {
  constructor(status, message, type) {
    super(message);
    this.status = status;
    this.type = type;
  }
}

// GET, or with a body POST, or any method; gives the parsed answer (null for an empty one). `text` is a body that is no JSON value of ours.
export async function ask(url, { method, body, text: raw, signal, headers } = {}) {
  const response = await send(url, { method, body, raw, signal, headers });
  const text = await response.text();
  return text === '' ? null : JSON.parse(text);
}

// The events of a stream, as { event, data, id }; data is text. Works for POST too, which EventSource does not. Leaving the loop closes it.
export async function* events(url, { method, body, signal, headers } = {}) {
  const response = await send(url, { method, body, signal, headers: { accept: 'text/event-stream', ...headers } });
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      rest += value;
      const parts = rest.split(/\r?\n\r?\n/);
      rest = parts.pop();
      for (const part of parts) {
        const event = parseEvent(part);
        if (event) yield event;
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

// One event of its lines; null for a comment that only keeps the line open.
export function parseEvent(text) {
  const event = { event: 'message', data: [], id: null };
  for (const line of text.split(/\r?\n/)) {
    const [, name, value] = /^([^:]*)(?:: ?(.*))?$/s.exec(line);
    if (name === 'data') event.data.push(value ?? '');
    else if (name === 'event') event.event = value;
    else if (name === 'id') event.id = value;
  }
  return event.data.length ? { ...event, data: event.data.join('\n') } : null;
}

async function send(url, { method, body, raw, signal, headers }) {
  const content = raw ?? (body === undefined ? undefined : JSON.stringify(body));
  const key = recall('key');
  let response;
  try {
    response = await fetch(url, {
      method: method ?? (content === undefined ? 'GET' : 'POST'),
      headers: {
        ...(content === undefined ? {} : { 'content-type': 'application/json' }),
        ...(key ? { authorization: `Bearer ${key}` } : {}),
        ...headers,
      },
      body: content,
      signal,
    });
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new Refused(0, 'The server does not answer. Is it still running?');
  }
  if (!response.ok) throw await refusal(response);
  return response;
}

async function refusal(response) {
  const text = await response.text().catch(() => '');
  try {
    const { error } = JSON.parse(text);
    return new Refused(response.status, error.message, error.type);
  } catch {
    return new Refused(response.status, `The server answered with status ${response.status}.`);
  }
}

// Whether an error only says that we stopped it ourselves.
export const isAbort = (error) => error?.name === 'AbortError';
