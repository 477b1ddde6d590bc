import { KindError } from '../../base/errors.ts';

/** The value of a variable. `modifier` is what follows its name in braces: `:-` of `${x:-y}`. */
export type Variables = (name: string, modifier?: string) => string | undefined;

/** Splits at white space outside quotes; quotes and escapes stay in the words (`a="b c"` is one word). At most the first `limit` words. */
export function splitWords(text: string, escape = '\\', limit = Infinity): readonly string[] {
  const words: string[] = [];
  let word = '';
  let quote = '';
  for (let index = 0; index < text.length; index++) {
    const char = text[index] ?? '';
    if (quote === '' && /\s/.test(char)) {
      if (word !== '') words.push(word);
      word = '';
      if (words.length >= limit) return words;
      continue;
    }
    word += char;
    if (char === escape && quote !== "'") word += text[++index] ?? '';
    else if (quote === '' && (char === '"' || char === "'")) quote = char;
    else if (char === quote) quote = '';
  }
  if (word !== '') words.push(word);
  return words;
}

/** Without quotes, nothing replaced; undefined when a quote is left open. */
export function unquoted(word: string): string | undefined {
  const text = word.replaceAll(
    /"([^"]*)"|'([^']*)'/g,
    (_, double: string | undefined, single: string | undefined) => double ?? single ?? '',
  );
  return /^(?:[^"']|"[^"]*"|'[^']*')*$/.test(word) ? text : undefined;
}

/** A here-document's text: variables replaced, `\x` becomes `x`, quotes are ordinary characters. */
export function expandText(text: string, variables: Variables): string {
  return new Expansion(text, variables, '\\', 'kept').all();
}

/** Removes quotes and replaces `$x`, `${x}`, `${x:-default}`, `${x:+other}`, `${x:?message}`, `${x#p}`, `${x%p}`, `${x/p/r}` as a shell would. Unset is empty. */
export function expand(word: string, variables: Variables, escape = '\\'): string {
  return new Expansion(word, variables, escape).all();
}

/** Expands, then splits what came from outside quotes at white space (EXPOSE). */
export function expandWords(text: string, variables: Variables, escape = '\\'): readonly string[] {
  return splitWords(text, escape)
    .flatMap((word) => expand(word, variables, escape).split(/\s+/))
    .filter((word) => word !== '');
}

class Expansion {
  readonly #text: string;
  readonly #variables: Variables;
  readonly #escape: string;
  readonly #quotes: 'removed' | 'kept';
  #at = 0;

  constructor(text: string, variables: Variables, escape: string, quotes: 'removed' | 'kept' = 'removed') {
    this.#text = text;
    this.#variables = variables;
    this.#escape = escape;
    this.#quotes = quotes;
  }

  all(): string {
    return this.#until('', 'removed');
  }

  /** Up to an unquoted stop character (not consumed) or the end. Patterns keep their escapes: `\*` is a star, `*` is not. */
  #until(stop: string, escapes: 'removed' | 'kept'): string {
    let result = '';
    while (this.#at < this.#text.length) {
      const char = this.#text[this.#at] ?? '';
      if (stop !== '' && stop.includes(char)) break;
      result += this.#next(char, escapes);
    }
    return result;
  }

  #next(char: string, escapes: 'removed' | 'kept'): string {
    this.#at += 1;
    if (char === "'" && this.#quotes === 'removed') return this.#single();
    if (char === '"' && this.#quotes === 'removed') return this.#double();
    if (char === '$') return this.#variable();
    if (char !== this.#escape) return char;
    const escaped = this.#text[this.#at];
    this.#at += 1;
    return escaped === undefined ? this.#escape : `${escapes === 'kept' ? '\\' : ''}${escaped}`;
  }

  #single(): string {
    const end = this.#text.indexOf("'", this.#at);
    if (end < 0) throw new KindError('invalid', 'unexpected end of statement while looking for matching single-quote');
    const content = this.#text.slice(this.#at, end);
    this.#at = end + 1;
    return content;
  }

  #double(): string {
    let result = '';
    for (;;) {
      const char = this.#text[this.#at];
      if (char === undefined) throw new KindError('invalid', 'unexpected end of statement while looking for matching double-quote');
      this.#at += 1;
      if (char === '"') return result;
      if (char === '$') result += this.#variable();
      else if (char === this.#escape && ['"', '$', this.#escape].includes(this.#text[this.#at] ?? ''))
        result += this.#text[this.#at++] ?? '';
      else result += char;
    }
  }

  #variable(): string {
    if (this.#text[this.#at] !== '{') {
      const name = /^(?:[a-zA-Z_]\w*|\d|[@*#])/.exec(this.#text.slice(this.#at))?.[0];
      if (name === undefined) return '$';
      this.#at += name.length;
      return this.#variables(name, '') ?? '';
    }
    this.#at += 1;
    const name = /^(?:[a-zA-Z_]\w*|\d+)/.exec(this.#text.slice(this.#at))?.[0];
    if (name === undefined) throw new KindError('invalid', 'syntax error: bad substitution');
    this.#at += name.length;
    const operator = /^(?::?[-+?]|##?|%%?|\/\/?)/.exec(this.#text.slice(this.#at))?.[0] ?? '';
    this.#at += operator.length;
    const isPattern = /^[#%/]/.test(operator);
    const operand = operator === '' ? '' : this.#until(operator.startsWith('/') ? '/}' : '}', isPattern ? 'kept' : 'removed');
    const replacement = operator.startsWith('/') && this.#text[this.#at] === '/' ? this.#replacement() : '';
    if (this.#text[this.#at] !== '}') throw new KindError('invalid', `syntax error: missing '}' or unsupported modifier after \${${name}`);
    this.#at += 1;
    return apply(name, this.#variables(name, operator), operator, operand, replacement);
  }

  #replacement(): string {
    this.#at += 1;
    return this.#until('}', 'removed');
  }
}

function apply(name: string, value: string | undefined, operator: string, operand: string, replacement: string): string {
  const isSet = operator.startsWith(':') ? value !== undefined && value !== '' : value !== undefined;
  switch (operator.replace(':', '')) {
    case '-':
      return isSet ? (value ?? '') : operand;
    case '+':
      return isSet ? operand : '';
    case '?':
      if (isSet) return value ?? '';
      throw new KindError('invalid', `${name}: ${operand === '' ? 'not set' : operand}`);
    case '#':
      return trimmed(value ?? '', operand, 'shortest', 'start');
    case '##':
      return trimmed(value ?? '', operand, 'longest', 'start');
    case '%':
      return trimmed(value ?? '', operand, 'shortest', 'end');
    case '%%':
      return trimmed(value ?? '', operand, 'longest', 'end');
    case '/':
      return (value ?? '').replace(glob(operand, ''), () => replacement);
    case '//':
      return (value ?? '').replace(glob(operand, 'g'), () => replacement);
    default:
      return value ?? '';
  }
}

function trimmed(value: string, pattern: string, how: 'shortest' | 'longest', where: 'start' | 'end'): string {
  const whole = new RegExp(`^(?:${glob(pattern, '').source})$`, 's');
  const lengths = Array.from({ length: value.length + 1 }, (_, length) => length);
  for (const length of how === 'shortest' ? lengths : lengths.reverse()) {
    const part = where === 'start' ? value.slice(0, length) : value.slice(value.length - length);
    if (whole.test(part)) return where === 'start' ? value.slice(length) : value.slice(0, value.length - length);
  }
  return value;
}

/** A shell pattern: `*`, `?`, `\x`. */
function glob(pattern: string, flags: string): RegExp {
  const source = pattern.replaceAll(/\\([\s\S])|\*|\?|[.+^${}()|[\]\\/]/g, (match, escaped: string | undefined) => {
    if (escaped !== undefined) return escaped.replace(/[^\w\s]/, '\\$&');
    if (match === '*') return '.*';
    return match === '?' ? '.' : `\\${match}`;
  });
  return new RegExp(source, `s${flags}`);
}
