import { KindError } from '../../base/errors.ts';
import { readDirectives } from './directives.ts';
import { heredocStarts, readHeredoc, type Heredoc } from './heredoc.ts';
import { parseError, parseInstruction, type Instruction } from './instruction.ts';
import type { SourceLine } from './place.ts';

export interface Dockerfile {
  readonly instructions: readonly Instruction[];
  readonly escape: string;
  /** The front end asked for. */
  readonly syntax: string | undefined;
  /** What `# check` says. */
  readonly check: string | undefined;
}

/** The grammar of https://docs.docker.com/reference/dockerfile/. Errors name the line: `dockerfile parse error on line 3: unknown instruction: RUNN`. */
export function parseDockerfile(text: string): Dockerfile {
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/);
  const { escape, syntax, check } = readDirectives(lines);
  const instructions: Instruction[] = [];
  for (let index = 0; index < lines.length;) {
    const statement = readStatement(lines, index, escape);
    if (!statement) {
      index += 1;
      continue;
    }
    const { heredocs, next } = readHeredocs(statement, lines, escape);
    const first = statement.lines[0]?.number ?? 1;
    instructions.push(parseInstruction(statement.text, first, { lines: statement.lines, heredocs, escape }));
    index = next;
  }
  if (instructions.length === 0) throw new KindError('invalid', 'file with no instructions');
  return { instructions, escape, syntax, check };
}

interface Statement {
  /** Continuation lines joined, comments between them left out. */
  readonly text: string;
  readonly lines: readonly SourceLine[];
  /** Index of the line after it. */
  readonly next: number;
}

/** The end of a line that goes on; an escape that is itself escaped continues nothing. */
export function continuationOf(escape: string): RegExp {
  return escape === '\\' ? /(?<!\\)\\[ \t]*$/ : /(?<!`)`[ \t]*$/;
}

/** Undefined for an empty line or a comment. */
function readStatement(lines: readonly string[], start: number, escape: string): Statement | undefined {
  const continuation = continuationOf(escape);
  const first = (lines[start] ?? '').trimStart();
  if (first.trim() === '' || first.startsWith('#')) return undefined;
  const own: SourceLine[] = [{ number: start + 1, text: lines[start] ?? '' }];
  let text = first.replace(continuation, '');
  let [index, isOpen] = [start + 1, continuation.test(first)];
  while (isOpen && index < lines.length) {
    const line = lines[index++] ?? '';
    if (line.trim() === '' || line.trimStart().startsWith('#')) continue;
    own.push({ number: index, text: line });
    isOpen = continuation.test(line);
    text += line.replace(continuation, '');
  }
  return { text: text.trim(), lines: own, next: index };
}

const takesHeredocs = /^(?:ONBUILD\s+)?(?:RUN|COPY|ADD)\s/i;

function readHeredocs(
  statement: Statement,
  lines: readonly string[],
  escape: string,
): { readonly heredocs: readonly Heredoc[]; readonly next: number } {
  const heredocs: Heredoc[] = [];
  let { next } = statement;
  if (!takesHeredocs.test(statement.text) || !statement.text.includes('<<')) return { heredocs, next };
  for (const start of heredocStarts(statement.text, escape)) {
    const read = readHeredoc(start, lines, next);
    if (!read) throw parseError(statement.lines, `unterminated heredoc: no line ${start.name}`, '<<');
    heredocs.push(read.heredoc);
    next = read.next;
  }
  return { heredocs, next };
}
