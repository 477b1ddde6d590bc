import { parseError } from './instruction.ts';

export interface Directives {
  readonly escape: '\\' | '`';
  /** The front end that the file asks for. */
  readonly syntax: string | undefined;
  /** `skip=JSONArgsRecommended;error=true`, as it is written. */
  readonly check: string | undefined;
}

const known = new Set(['syntax', 'escape', 'check']);

/** Parser directives stand before everything else, one per line, each once: `# escape=\``. The first line that is none ends them. */
export function readDirectives(lines: readonly string[]): Directives {
  const found = new Map<string, string>();
  for (const [index, text] of lines.entries()) {
    const [, name = '', value = ''] = /^\s*#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+?)\s*$/.exec(text) ?? [];
    const directive = name.toLowerCase();
    // `#!/usr/bin/env …` may stand before them.
    if (index === 0 && text.startsWith('#!')) continue;
    if (!known.has(directive)) break;
    const line = [{ number: index + 1, text }];
    if (found.has(directive)) throw parseError(line, `only one ${directive} parser directive can be used`, name);
    if (directive === 'escape' && value !== '\\' && value !== '`')
      throw parseError(line, `invalid escape token '${value}' does not match ^[\`\\\\]$`, value);
    found.set(directive, value);
  }
  return { escape: found.get('escape') === '`' ? '`' : '\\', syntax: found.get('syntax'), check: found.get('check') };
}

/**
 * davit has one front end, which reads the language of docker/dockerfile. That and its mirrors and channels are it;
 * a file for another language is built as if it were a Dockerfile, as the classic builder does, yet not silently.
 */
export function foreignSyntax(syntax: string | undefined): string | undefined {
  if (syntax === undefined) return undefined;
  const [image = ''] = syntax.split(/\s/);
  const name = image.replace(/@.*$/, '').split('/').at(-1)?.replace(/:.*$/, '');
  if (name === 'dockerfile' || name === 'dockerfile-upstream') return undefined;
  return `[Warning] the front end "${image}" of # syntax is not used: the file is read as docker/dockerfile would\n`;
}
