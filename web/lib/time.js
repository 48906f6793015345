// When to do things: later, less often, or with the next frame.

// Calls `action` once, when there was no call for `ms`; `.now()` calls it at once if one is due, `.cancel()` forgets it.
export function debounce(action, ms) {
  let timer = null;
  let last = [];
  const run = () => { timer = null; action(...last); };
  const later = (...args) => { last = args; clearTimeout(timer); timer = setTimeout(run, ms); };
  later.now = () => { if (timer !== null) { clearTimeout(timer); run(); } };
  later.cancel = () => { clearTimeout(timer); timer = null; };
  return later;
}

// Calls `action` at most once a frame, with the last arguments.
export function perFrame(action) {
  let due = null;
  return (...args) => {
    if (due === null) requestAnimationFrame(() => { const now = due; due = null; action(...now); });
    due = args;
  };
}

// Calls `action` at most once in `ms`, with the last arguments: at once, and again when the time is over if there were more calls.
export function every(ms, action) {
  let waiting = false;
  let due = null;
  const run = (args) => {
    waiting = true;
    action(...args);
    setTimeout(() => {
      waiting = false;
      if (due) { const now = due; due = null; run(now); }
    }, ms);
  };
  return (...args) => { if (waiting) due = args; else run(args); };
}
