/**
 * Where a worker's entry file is. From source it lies beside its owner (`embedded.worker.ts`);
 * in the shipped bundle all workers lie flat beside main (`dist/embedded.worker.js`).
 */
export function workerUrl(name: string, owner: string): URL {
  return new URL(owner.endsWith('.ts') ? `./${name}.worker.ts` : `./${name}.worker.js`, owner);
}
