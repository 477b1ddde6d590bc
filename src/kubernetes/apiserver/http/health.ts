import type { Routes } from './router.ts';

/** One thing that must be well; its failure as text. */
type Check = (routes: Routes) => string | undefined;

/** What is asked by name (`/readyz/etcd`) and together; `livez` leaves out what a restart would not mend. */
const checks: Readonly<Record<string, { readonly check: Check; readonly isForReady?: boolean }>> = {
  ping: { check: () => undefined },
  log: { check: () => undefined },
  etcd: { check: ({ registry }) => (registry.store.revision > 0 ? undefined : 'the store is empty') },
  'poststarthook/rbac/bootstrap-roles': {
    check: ({ isBootstrapped }) => (isBootstrapped() ? undefined : 'not finished'),
  },
  'poststarthook/start-apiextensions-controllers': {
    check: ({ isBootstrapped }) => (isBootstrapped() ? undefined : 'not finished'),
    isForReady: true,
  },
};

export interface Health {
  readonly code: number;
  readonly text: string;
}

/** `/readyz?verbose&exclude=etcd`, `/livez/ping`; undefined where there is no such check. */
export function healthOf(routes: Routes, endpoint: string, name: string, query: URLSearchParams): Health | undefined {
  if (name) {
    const one = checks[name];
    if (!one) return undefined;
    const failure = one.check(routes);
    return failure === undefined ? { code: 200, text: 'ok' } : { code: 500, text: `internal server error: ${failure}` };
  }
  const excluded = new Set(query.getAll('exclude'));
  const asked = Object.entries(checks).filter(([, one]) => !one.isForReady || endpoint === 'readyz');
  const results = asked.map(([title, { check }]) => {
    if (excluded.has(title)) return { title, line: `[+]${title} excluded: ok`, isFailed: false };
    const failure = check(routes);
    return {
      title,
      line: failure === undefined ? `[+]${title} ok` : `[-]${title} failed: reason withheld`,
      isFailed: failure !== undefined,
    };
  });
  const isFailed = results.some((one) => one.isFailed);
  if (!isFailed && !query.has('verbose')) return { code: 200, text: 'ok' };
  const end = `${endpoint} check ${isFailed ? 'failed' : 'passed'}`;
  return { code: isFailed ? 500 : 200, text: [...results.map((one) => one.line), end, ''].join('\n') };
}
