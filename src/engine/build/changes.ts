import type { RunConfig } from '../../api/oci/image.ts';
import { KindError } from '../../base/errors.ts';

/** Dockerfile instructions of `docker import --change` and `docker commit --change`, applied to a config. */
export function applyChanges(config: RunConfig, changes: readonly string[]): RunConfig {
  if (changes.length === 0) return config;
  throw new KindError('notImplemented', 'changes');
}
