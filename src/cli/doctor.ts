import { paint } from './paint.ts';
import { table } from './table.ts';
import { inspectFeatures } from '../kernel/features.ts';

/** `davit doctor`: each thing davit needs from this machine, found or with what to do; exit code 1 when something needed is missing. */
export async function doctor(output: 'text' | 'json'): Promise<void> {
  const features = await inspectFeatures();
  if (features.some((feature) => !feature.ok && feature.required)) process.exitCode = 1;
  if (output === 'json') {
    process.stdout.write(`${JSON.stringify({ features }, undefined, 2)}\n`);
    return;
  }
  const mark = (feature: (typeof features)[number]): string => {
    if (feature.ok) return '✓';
    return feature.required ? '✗' : '-';
  };
  const lines = table(features.map((feature) => [mark(feature), feature.name, feature.found, feature.ok ? '' : feature.advice]))
    .trimEnd()
    .split('\n');
  const colors = features.map((feature) => (feature.ok ? ('green' as const) : feature.required ? ('red' as const) : ('yellow' as const)));
  for (const [index, line] of lines.entries()) {
    process.stdout.write(`${paint(colors[index] ?? 'dim', line.slice(0, 1), process.stdout)}${line.slice(1).trimEnd()}\n`);
  }
}
