// Small settings kept in the browser, as plain strings, under one prefix. Where storage is closed they last as long as the page.

const PREFIX = 'schoolhouse.';
const here = new Map();

export function remember(name, value) {
  here.set(name, String(value));
  try { localStorage.setItem(PREFIX + name, value); } catch { /* It lasts as long as the page. */ }
}

// The kept value, or `otherwise`.
export function recall(name, otherwise = null) {
  try {
    const value = localStorage.getItem(PREFIX + name);
    if (value !== null) return value;
  } catch { /* Storage is closed. */ }
  return here.get(name) ?? otherwise;
}
