import { open } from 'node:fs/promises';
import type { Pod } from '../../../api/kubernetes/types.generated.ts';
import type { Containers } from '../../../engine/containers/containers.ts';
import type { PodVolumes } from '../volumes/volumes.ts';
import { containerNamed } from './all-containers.ts';
import type { ObservedPod } from './observed.ts';

const maximumBytes = 4096;
const fallback = { bytes: 2048, lines: 80 };

/** The last words of ended containers: what they wrote to their termination message file, or the end of their log. */
export class TerminationMessages {
  readonly #volumes: PodVolumes;
  readonly #containers: Pick<Containers, 'logs'>;
  /** By pod UID, then container ID. */
  readonly #known = new Map<string, Map<string, string>>();

  constructor(volumes: PodVolumes, containers: Pick<Containers, 'logs'>) {
    this.#volumes = volumes;
    this.#containers = containers;
  }

  async read(pod: Pod, observed: ObservedPod): Promise<ReadonlyMap<string, string>> {
    const known = this.#known.get(observed.uid) ?? new Map<string, string>();
    this.#known.set(observed.uid, known);
    for (const container of observed.containers) {
      if (container.state !== 'exited' || known.has(container.id)) continue;
      const spec = containerNamed(pod, container.name);
      const path = this.#volumes.terminationLogPath(observed.uid, container.name, container.attempt);
      const written = await head(path);
      const wantsLog = written === '' && container.exitCode !== 0 && spec?.terminationMessagePolicy === 'FallbackToLogsOnError';
      known.set(container.id, wantsLog ? await this.#logTail(container.id) : written);
    }
    return known;
  }

  forget(uid: string): void {
    this.#known.delete(uid);
  }

  async #logTail(id: string): Promise<string> {
    const lines: Buffer[] = [];
    const options = { follow: false, stdout: true, stderr: true, tail: fallback.lines };
    for await (const line of this.#containers.logs(id, options, AbortSignal.timeout(2000))) lines.push(line.data);
    return Buffer.concat(lines).subarray(-fallback.bytes).toString('utf8');
  }
}

async function head(path: string): Promise<string> {
  try {
    await using file = await open(path, 'r');
    const { buffer, bytesRead } = await file.read(Buffer.alloc(maximumBytes), 0, maximumBytes, 0);
    return buffer.subarray(0, bytesRead).toString('utf8');
  } catch {
    return '';
  }
}
