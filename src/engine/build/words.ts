import { KindError, messageOf } from '../../base/errors.ts';

/** The value of a variable. */
export type Variables = (name: string) => string | undefined;

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

/** Split where white space is, whatever quotes say: the sources of COPY, the ports of EXPOSE. */
export function fields(text: string): readonly string[] {
  return text.split(/[\t\v\f\r ]+/).filter((field) => field !== '');
}

/** Removes quotes and replaces `$x`, `${x}`, `${x:-default}`, `${x:+other}`, `${x:?message}`, `${x#p}`, `${x%p}`, `${x/p/r}` as a shell would. Unset is empty. */
export function expand(word: string, variables: Variables, escape = '\\'): string {
  try {
    return new Expansion(word, variables, escape).all();
  } catch (error) {
    throw new KindError('invalid', `failed to process ${JSON.stringify(word)}: ${messageOf(error)}`, { cause: error });
  }
}

/** Expands, then splits what came from outside quotes at white space (EXPOSE). */
export function expandWords(text: string, variables: Variables, escape = '\\'): readonly string[] {
  return fields(text)
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
    return `${escapes === 'kept' ? this.#escape : ''}${escaped ?? ''}`;
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
      const name = this.#name();
      return name === '' ? '$' : (this.#variables(name) ?? '');
    }
    this.#at += 1;
    if (this.#at >= this.#text.length) throw new KindError('invalid', "syntax error: missing '}'");
    if ('{}:'.includes(this.#text[this.#at] ?? '')) throw new KindError('invalid', 'syntax error: bad substitution');
    const name = this.#name();
    const operator = /^(?::?[-+?]|##?|%%?|\/\/?)/.exec(this.#text.slice(this.#at))?.[0] ?? '';
    this.#at += operator.length;
    if (operator === '' && this.#text[this.#at] !== '}') throw this.#unsupported();
    const pattern = operator.startsWith('/') ? this.#upTo('/', 'kept', "missing '/' in ${}") : undefined;
    const operand = operator === '' ? '' : this.#upTo('}', /^[#%/]/.test(operator) ? 'kept' : 'removed', "missing '}'");
    if (operator === '') this.#at += 1;
    return apply(name, this.#variables(name), operator, operand, pattern);
  }

  /** Of a variable, or one of a shell's parameters, which have no value here. */
  #name(): string {
    const name = /^(?:\p{Nd}+|[@*#?\-$!]|[\p{L}_][\p{L}\p{Nd}_]*)/u.exec(this.#text.slice(this.#at))?.[0] ?? '';
    this.#at += name.length;
    return name;
  }

  #unsupported(): KindError {
    const [modifier = ''] = /^:?./su.exec(this.#text.slice(this.#at)) ?? [];
    return new KindError('invalid', modifier === '' ? "syntax error: missing '}'" : `unsupported modifier (${modifier}) in substitution`);
  }

  /** What stands before a stop character, which is consumed. */
  #upTo(stop: string, escapes: 'removed' | 'kept', otherwise: string): string {
    const text = this.#until(stop, escapes);
    if (this.#text[this.#at] !== stop) throw new KindError('invalid', `syntax error: ${otherwise}`);
    this.#at += 1;
    return text;
  }
}

function apply(name: string, value: string | undefined, operator: string, operand: string, pattern = ''): string {
  const isSet = operator.startsWith(':') ? value !== undefined && value !== '' : value !== undefined;
  switch (operator.replace(':', '')) {
    case '-':
      return isSet ? (value ?? '') : operand;
    case '+':
      return isSet ? operand : '';
    case '?':
      if (isSet) return value ?? '';
      throw new KindError('invalid', `${name}: ${operand || `is not allowed to be ${value === undefined ? 'unset' : 'empty'}`}`);
    case '#':
      return trimmed(value ?? '', operand, 'shortest', 'start');
    case '##':
      return trimmed(value ?? '', operand, 'longest', 'start');
    case '%':
      return trimmed(value ?? '', operand, 'shortest', 'end');
    case '%%':
      return trimmed(value ?? '', operand, 'longest', 'end');
    case '/':
      return (value ?? '').replace(glob(pattern, ''), () => operand);
    case '//':
      return (value ?? '').replace(glob(pattern, 'g'), () => operand);
    default:
      return value ?? '';
  }
}

function trimmed(value: string, pattern: string, how: 'shortest' | 'longest', where: 'start' | 'end'): string {
  const whole = new RegExp(`^(?:${glob(pattern, '').source})$`, 'u');
  const lengths = Array.from({ length: value.length + 1 }, (_, length) => length);
  for (const length of how === 'shortest' ? lengths : lengths.reverse()) {
    const part = where === 'start' ? value.slice(0, length) : value.slice(value.length - length);
    if (whole.test(part)) return where === 'start' ? value.slice(length) : value.slice(0, value.length - length);
  }
  return value;
}

/** A shell pattern: `*`, `?`; `\*`, `\?` and `\\` stand for themselves, `\}` and `\/` only end nothing. */
function glob(pattern: string, flags: string): RegExp {
  const source = pattern.replaceAll(/\\([\s\S]?)|[*?.+^${}()|[\]/]/g, (match, escaped: string | undefined) => {
    if (match === '*') return '.*';
    if (match === '?') return '.';
    if (escaped !== undefined && !['}', '/', '*', '?', '\\'].includes(escaped))
      throw new KindError('invalid', `invalid pattern (${pattern}) in substitution: invalid escape '\\${escaped}'`);
    return `\\${escaped ?? match}`;
  });
  return new RegExp(source, `${flags}u`);
}
