import { KindError } from '../../base/errors.ts';

export type Variables = (name: string) => string | undefined;

/** Splits at white space outside quotes; quotes and escapes stay in the words (`a="b c"` is one word). */
export function splitWords(text: string, escape = '\\'): readonly string[] {
  const words: string[] = [];
  let word = '';
  let quote = '';
  for (let index = 0; index < text.length; index++) {
    const char = text[index] ?? '';
    if (quote === '' && /\s/.test(char)) {
      if (word !== '') words.push(word);
      word = '';
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
  #at = 0;

  constructor(text: string, variables: Variables, escape: string) {
    this.#text = text;
    this.#variables = variables;
    this.#escape = escape;
  }

  all(): string {
    return this.#until('');
  }

  /** Up to an unquoted stop character (not consumed) or the end. */
  #until(stop: string): string {
    let result = '';
    while (this.#at < this.#text.length) {
      const char = this.#text[this.#at] ?? '';
      if (stop !== '' && stop.includes(char)) break;
      result += this.#next(char);
    }
    return result;
  }

  #next(char: string): string {
    this.#at += 1;
    if (char === "'") return this.#single();
    if (char === '"') return this.#double();
    if (char === '$') return this.#variable();
    if (char !== this.#escape) return char;
    const escaped = this.#text[this.#at];
    this.#at += 1;
    return escaped ?? this.#escape;
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
      return this.#variables(name) ?? '';
    }
    this.#at += 1;
    const name = /^(?:[a-zA-Z_]\w*|\d+)/.exec(this.#text.slice(this.#at))?.[0];
    if (name === undefined) throw new KindError('invalid', 'syntax error: bad substitution');
    this.#at += name.length;
    const operator = /^(?::?[-+?]|##?|%%?|\/\/?)/.exec(this.#text.slice(this.#at))?.[0] ?? '';
    this.#at += operator.length;
    const operand = operator === '' ? '' : this.#until(operator.startsWith('/') ? '/}' : '}');
    const replacement = operator.startsWith('/') && this.#text[this.#at] === '/' ? this.#replacement() : '';
    if (this.#text[this.#at] !== '}') throw new KindError('invalid', `syntax error: missing '}' or unsupported modifier after \${${name}`);
    this.#at += 1;
    return apply(name, this.#variables(name), operator, operand, replacement);
  }

  #replacement(): string {
    this.#at += 1;
    return this.#until('}');
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

function glob(pattern: string, flags: string): RegExp {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(source, `s${flags}`);
}
