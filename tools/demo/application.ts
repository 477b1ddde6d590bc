import { fileURLToPath } from 'node:url';

/** What the demonstration builds and runs. */
export const application = {
  folder: fileURLToPath(new URL('../../examples/voting-app/', import.meta.url)),
  namespace: 'vote',
  base: 'debian:bookworm-slim',
  version: '1.0',
} as const;

/** Built side by side; the lines of a lane one after the other, because they share their first layer. */
export const lanes = [['vote', 'worker', 'analyzer'], ['db'], ['redis', 'result']] as const;

export const workloads = [
  { kind: 'statefulset', name: 'db' },
  { kind: 'deployment', name: 'redis' },
  { kind: 'deployment', name: 'worker' },
  { kind: 'deployment', name: 'vote' },
  { kind: 'deployment', name: 'result' },
  { kind: 'deployment', name: 'analyzer' },
] as const;

/** The Services with a port on every node. */
export const webServices = [
  { name: 'vote', port: 31_000 },
  { name: 'result', port: 31_001 },
  { name: 'analyzer', port: 31_002 },
] as const;

export function imageName(name: string): string {
  return `voting-app/${name}:${application.version}`;
}
