import type { Log } from '../../base/log.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import type { LocalImages } from '../images/local-images.ts';
import type { OverlaySnapshots } from '../snapshots/overlay-snapshots.ts';
import type { BuildRecords } from './build-records.ts';
import type { StepRunner } from './builder.ts';
import type { CacheMounts } from './cache-mounts.ts';
import type { StepCache } from './step-cache.ts';

/** What builds work with. */
export interface BuildParts {
  readonly images: LocalImages;
  readonly snapshots: OverlaySnapshots;
  readonly steps: StepRunner;
  readonly kernel: Kernel;
  readonly log: Log;
  readonly cache: StepCache;
  readonly mounts: CacheMounts;
  readonly records: BuildRecords;
}
