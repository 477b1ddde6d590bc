import type { PodWhy } from './why-pod.ts';

/** Nodes listed by name; more are counted. */
const shown = 20;

/** What `davit why pod` prints. */
export function renderPodWhy({ pod, summary, nodes, lastAttempt, suggestion }: PodWhy): string {
  const refused = nodes.filter(({ refusals }) => refusals.length > 0);
  const lines = refused
    .slice(0, shown)
    .flatMap(({ name, refusals }) => [
      `  ${name}`,
      ...refusals.flatMap(({ plugin, reasons }) => reasons.map((reason) => `    ${plugin}: ${reason}`)),
    ]);
  const rest = refused.length > shown ? [`  … and ${refused.length - shown} more nodes`] : [];
  const attempt = lastAttempt ? [`last attempt ${lastAttempt.at}: ${lastAttempt.message}`] : [];
  const where = suggestion?.nodeName ? ` (then node ${suggestion.nodeName} takes it)` : '';
  const change = suggestion
    ? [`smallest change${where}:`, ...suggestion.fixes.flatMap(({ text, command }) => [`  # ${text}`, `  ${command}`])]
    : refused.length > 0
      ? ['no change that davit knows of would make it fit']
      : [];
  return `${[`pod ${pod}: ${summary}`, ...lines, ...rest, ...attempt, ...change].join('\n')}\n`;
}
