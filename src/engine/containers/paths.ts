import { join } from 'node:path';
import { shortId } from '../../base/ids.ts';
import type { EngineConfig } from '../engine.ts';

/** Where the parts of one container lie. Below the run root everything dies with the boot. */
export interface ContainerPaths {
  /** config.json and the files mounted over /etc. */
  readonly bundle: string;
  readonly rootfs: string;
  /** conmon's own. */
  readonly supervision: string;
  readonly netns: string;
  /** Durable: log. */
  readonly data: string;
  readonly log: string;
  readonly execs: string;
  /** Private mounts of one run. */
  readonly binds: string;
}

export function pathsOf(config: Pick<EngineConfig, 'runRoot' | 'dataRoot'>, id: string): ContainerPaths {
  const bundle = join(config.runRoot, 'c', shortId(id));
  const data = join(config.dataRoot, 'containers', id);
  return {
    bundle,
    rootfs: join(bundle, 'rootfs'),
    supervision: join(bundle, 's'),
    netns: join(config.runRoot, 'n', shortId(id)),
    data,
    log: join(data, 'container.log'),
    execs: join(bundle, 'e'),
    binds: join(config.runRoot, 'v', shortId(id)),
  };
}
