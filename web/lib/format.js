// Numbers as words on a page.

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 });

// 12,345
export const count = (number) => whole.format(number);
// 12.3K
export const compact = (number) => short.format(number);
// "1 token", "2 tokens"
export const plural = (number, one, many = `${one}s`) => `${count(number)} ${number === 1 ? one : many}`;
// 2.35
export const decimal = (number, digits = 2) => number.toFixed(digits);

// A share as a percentage with as many digits as say something: 87%, 8.7%, 0.87%, <0.01%.
export function percent(share) {
  const value = share * 100;
  if (value === 0) return '0%';
  if (value < 0.01) return '<0.01%';
  if (value < 1) return `${value.toFixed(2)}%`;
  return value < 9.95 || (value > 99 && value < 100) ? `${value.toFixed(1)}%` : `${value.toFixed(0)}%`;
}

// 1.2 MiB
export function bytes(number) {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let unit = 0;
  while (number >= 1024 && unit < units.length - 1) { number /= 1024; unit++; }
  return `${unit === 0 || number >= 100 ? number.toFixed(0) : number.toFixed(1)} ${units[unit]}`;
}

// 840 ms, 3.2 s, 2 min 5 s, 1 h 3 min
export function duration(ms) {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 60) return `${minutes} min ${Math.floor(ms / 1000) % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

// "just now", "5 min ago", "yesterday", "3 May"
export function ago(date, now = Date.now()) {
  const then = new Date(date);
  const minutes = (now - then) / 60_000;
  if (minutes < 1) return 'just now';
  if (minutes < 60) return `${Math.floor(minutes)} min ago`;
  if (minutes < 24 * 60) return `${Math.floor(minutes / 60)} h ago`;
  if (minutes < 48 * 60) return 'yesterday';
  const year = then.getFullYear() === new Date(now).getFullYear() ? {} : { year: 'numeric' };
  return then.toLocaleDateString('en-GB', { day: 'numeric', month: 'short', ...year });
}
