import { KindError } from '../../base/errors.ts';

const char = String.raw`(?:\\[\s\S]|[^\\\]-])`;
const token = new RegExp(String.raw`\*|\?|\\[\s\S]|\[(?:\^|(?!\^))(?:${char}(?:-${char})?)+\]|[^\\[]`, 'uy');

/** A name's pattern by the rules of Go's filepath.Match: `*`, `?`, `[a-z]`, `[^a]`, `\x`; none of them is a `/`. */
export function filePattern(pattern: string): RegExp {
  return new RegExp(`^${filePatternTokens(pattern).map(toRegex).join('')}$`, 'u');
}

/** The pattern's parts; a pattern without meaning is refused: `[`, `[]a]`, `[a-]`, a `\` at its end. */
export function filePatternTokens(pattern: string): readonly string[] {
  const tokens: string[] = [];
  token.lastIndex = 0;
  for (let at = 0; at < pattern.length; at = token.lastIndex) {
    const [found] = token.exec(pattern) ?? [];
    if (found === undefined) throw new KindError('invalid', `bad pattern "${pattern}": syntax error in pattern`);
    tokens.push(found);
  }
  return tokens;
}

function toRegex(part: string): string {
  if (part === '*') return '[^/]*';
  if (part === '?') return '[^/]';
  if (part.startsWith('\\')) return literal(part.slice(1));
  return part.length > 1 && part.startsWith('[') ? classOf(part) : literal(part);
}

/** `[a-cx]`; a range that runs backwards holds nothing. */
function classOf(part: string): string {
  const isNegated = part.startsWith('[^');
  const ranges = [...part.slice(isNegated ? 2 : 1, -1).matchAll(new RegExp(`(${char})(?:-(${char}))?`, 'gu'))]
    .map(([, low = '', high = low]) => [low, high].map((each) => each.replace(/^\\/, '').codePointAt(0) ?? 0) as [number, number])
    .filter(([low, high]) => low <= high)
    .map(([low, high]) => `\\u{${low.toString(16)}}-\\u{${high.toString(16)}}`);
  if (ranges.length === 0) return isNegated ? '[^]' : '(?!)';
  return `[${isNegated ? '^' : ''}${ranges.join('')}]`;
}

function literal(text: string): string {
  return text.replaceAll(/[$()*+./?[\\\]^{|}]/g, '\\$&');
}
