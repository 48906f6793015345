// Files in and out.

import { toast } from '../lib/dom.js';
import { recall } from '../lib/keep.js';

// Saves what the server sends, under the name that it gives.
export async function download(url) {
  const key = recall('key');
  try {
    const response = await fetch(url, { headers: key ? { authorization: `Bearer ${key}` } : {} });
    if (!response.ok) throw new Error((await response.json()).error.message);
    const [, name = 'chats.jsonl'] = /filename="([^"]+)"/.exec(response.headers.get('content-disposition') ?? '') ?? [];
    const blob = await response.blob();
    if (blob.size === 0) return toast('There is nothing to export yet.');
    const link = Object.assign(document.createElement('a'), { href: URL.createObjectURL(blob), download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    return toast(`${name} is saved.`);
  } catch (error) {
    return toast(`The export failed: ${error.message}`, 6);
  }
}

// A file that somebody chooses, or null.
export function pickFile(accept) {
  const input = Object.assign(document.createElement('input'), { type: 'file', accept });
  return new Promise((resolve) => {
    input.addEventListener('change', () => resolve(input.files[0] ?? null));
    input.addEventListener('cancel', () => resolve(null));
    input.click();
  });
}
