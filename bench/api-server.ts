/** An API server on a durable store, in a process of its own: tells how to reach it, and how late its event loop was since the last question. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { liveServer } from '../src/kubernetes/apiserver/live.fake.ts';
import { openStore } from '../src/store/embedded.ts';

/** What the parent needs to be its administrator. */
export interface Reach {
  readonly url: string;
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** Since the last question. */
export interface Health {
  readonly stallMs: number;
  readonly megabytes: number;
  readonly cpuMs: number;
}

const folder = mkdtempSync(join(tmpdir(), 'davit-bench-api-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
const live = await liveServer({ store: await openStore({ path: join(folder, 'store.db') }) });
const delays = monitorEventLoopDelay({ resolution: 1 });
delays.enable();
let cpu = process.cpuUsage();
process.on('message', () => {
  const used = process.cpuUsage(cpu);
  const health: Health = {
    stallMs: delays.percentile(99) / 1e6,
    megabytes: process.memoryUsage().rss / 1e6,
    cpuMs: (used.user + used.system) / 1000,
  };
  cpu = process.cpuUsage();
  delays.reset();
  process.send?.(health);
});
process.once('disconnect', () => process.exit());
process.send?.({ url: live.api.url, ca: live.ca, ...live.admin } satisfies Reach);
