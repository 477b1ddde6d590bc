import { KindError } from '../../base/errors.ts';

/** Where in a Dockerfile something is: 1-based line and column. */
export interface Place {
  readonly line: number;
  readonly column: number;
  /** Characters to underline. */
  readonly width: number;
}

/** A physical line of an instruction. */
export interface SourceLine {
  readonly number: number;
  readonly text: string;
}

/** The first occurrence of `word` in these lines, else the first word of the first line. */
export function placeOf(lines: readonly SourceLine[], word?: string): Place {
  const found = word === undefined || word === '' ? undefined : lines.find(({ text }) => text.includes(word));
  if (found && word !== undefined) return { line: found.number, column: found.text.indexOf(word) + 1, width: word.length };
  const [first] = lines;
  const indent = first ? first.text.length - first.text.trimStart().length : 0;
  return { line: first?.number ?? 1, column: indent + 1, width: /^\S+/.exec(first?.text.trimStart() ?? '')?.[0].length ?? 1 };
}

/**
 *   Dockerfile:3:6
 *      2 | FROM busybox
 *      3 | COPY --form=a b /c
 *        |      ^~~~~~~~
 */
export function excerpt(file: string, text: string, { line, column, width }: Place): string {
  const lines = text.split(/\r?\n/);
  const gutter = Math.max(4, String(line).length + 1);
  const row = (number: number): string => `${String(number).padStart(gutter)} | ${lines[number - 1] ?? ''}`;
  const shown = lines[line - 1] ?? '';
  const indent = shown.slice(0, column - 1).replaceAll(/[^\t]/g, ' ');
  const underline = '^'.padEnd(Math.max(1, Math.min(width, shown.length - column + 1)), '~');
  const before = line > 1 ? [row(line - 1)] : [];
  return [`${file}:${line}:${column}`, ...before, row(line), `${' '.repeat(gutter)} | ${indent}${underline}`].join('\n');
}

/** Facts that errors of a Dockerfile carry; `word` is what the column is looked up by. */
export interface PlaceDetails extends Partial<Place> {
  readonly file?: string;
  readonly word?: string;
}

export function placeDetails(error: unknown): PlaceDetails | undefined {
  if (!(error instanceof KindError)) return undefined;
  const { details } = error;
  return typeof details === 'object' && details !== null ? details : undefined;
}

/** An error about one word of an instruction: whoever knows the instruction finds the column by it. */
export function wordError(word: string, message: string): KindError {
  return new KindError('invalid', message, { details: { word } satisfies PlaceDetails });
}
