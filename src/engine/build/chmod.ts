import { wordError } from './place.ts';

const directory = 0o040000;
const typeMask = 0o170000;

/** `640` or `u=rwX,go-w` → what becomes of a mode (with its file type bits). As chmod(1), without its umask. */
export function parseChmod(text: string): (mode: number) => number {
  if (isOctal(text)) return (mode) => (mode & typeMask) | Number.parseInt(text, 8);
  const clauses = text.split(',').map((clause) => clauseOf(clause, text));
  return (mode) => clauses.reduce((current, clause) => clause(current), mode);
}

function clauseOf(clause: string, whole: string): (mode: number) => number {
  const [, who = '', actions = ''] = /^([ugoa]*)((?:[-+=](?:[ugo]|[rwxXst]*))+)$/.exec(clause) ?? [];
  if (actions === '')
    throw wordError(whole, `invalid chmod parameter: '${whole}': want an octal number between 0 and 07777, or for example u=rwX,go=rX`);
  const classes = who === '' || who.includes('a') ? 'ugo' : who;
  const steps = [...actions.matchAll(/([-+=])([ugo]|[rwxXst]*)/g)].map(([, operator = '', what = '']) => ({ operator, what }));
  return (mode) => steps.reduce((current, { operator, what }) => changed(current, classes, operator, what), mode);
}

const shifts: Readonly<Record<string, number>> = { u: 6, g: 3, o: 0 };
const special: Readonly<Record<string, number>> = { u: 0o4000, g: 0o2000, o: 0 };

function changed(mode: number, classes: string, operator: string, what: string): number {
  let [bits, mask] = [0, 0];
  for (const each of classes) {
    const shift = shifts[each] ?? 0;
    bits |= permissions(mode, what) << shift;
    if (what.includes('s')) bits |= special[each] ?? 0;
    // `=` takes away what it does not give; setuid and setgid of directories stay, as chmod(1) has it.
    mask |= (7 << shift) | ((mode & typeMask) === directory ? 0 : (special[each] ?? 0));
  }
  if (what.includes('t')) bits |= 0o1000;
  if (operator === '+') return mode | bits;
  return operator === '-' ? mode & ~bits : (mode & ~mask) | bits;
}

/** Three bits: `rX` → 5 for a directory or what is executable already; `g` → those the group has. */
function permissions(mode: number, what: string): number {
  if (/^[ugo]$/.test(what)) return (mode >> (shifts[what] ?? 0)) & 7;
  const executes = what.includes('x') || (what.includes('X') && ((mode & typeMask) === directory || (mode & 0o111) !== 0));
  return (what.includes('r') ? 4 : 0) | (what.includes('w') ? 2 : 0) | (executes ? 1 : 0);
}

/** Of directories that COPY and ADD make on the way: an octal mode is theirs, too. */
export function madeMode(mode = ''): number {
  return isOctal(mode) ? Number.parseInt(mode, 8) : 0o755;
}

function isOctal(text: string): boolean {
  return /^[0-7]{1,4}$/.test(text);
}
