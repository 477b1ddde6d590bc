import type { StuckReport } from './stuck/why-stuck.ts';

/** What `davit why stuck` prints: each link waits for the next. */
export function renderStuck({ object, isStuck, chain, fix }: StuckReport): string {
  if (!isStuck) return `${object}: nothing holds it up\n`;
  const lines = chain.map(({ object: link, text }, depth) => `${'   '.repeat(depth)}${depth === 0 ? '' : '└─ '}${link}: ${text}`);
  return `${[...lines, ...(fix ? [`→ ${fix.text}:`, `  ${fix.command}`] : [])].join('\n')}\n`;
}
