// Sets the theme before first paint: a classic script in <head>, because a module would run too late. shell.js knows the switch.
try {
  const theme = localStorage.getItem('schoolhouse.theme');
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
} catch { /* Storage is closed: the system's theme it is. */ }
