import { parseError } from './instruction.ts';

export interface Directives {
  readonly escape: '\\' | '`';
  /** Taken note of, not acted upon: davit has one front end. */
  readonly syntax: string | undefined;
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
  return { escape: found.get('escape') === '`' ? '`' : '\\', syntax: found.get('syntax') };
}
