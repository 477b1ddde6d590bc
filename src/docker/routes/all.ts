import type { Route } from '../router.ts';
import { archiveRoutes } from './archive.ts';
import { buildRoutes } from './build.ts';
import { davitRoutes } from './davit.ts';
import { containerRoutes } from './containers.ts';
import { eventRoutes } from './events.ts';
import { execRoutes } from './execs.ts';
import { imageRoutes } from './images.ts';
import { imageTransferRoutes } from './image-transfer.ts';
import { lifecycleRoutes } from './lifecycle.ts';
import { networkRoutes } from './networks.ts';
import { registryRoutes } from './registry.ts';
import { statsRoutes } from './stats.ts';
import { streamRoutes } from './streams.ts';
import { swarmRoutes } from './swarm.ts';
import { systemRoutes } from './system.ts';
import { volumeRoutes } from './volumes.ts';

/** Every endpoint, in order of matching. */
export const routes: readonly Route[] = [
  ...systemRoutes,
  ...containerRoutes,
  ...lifecycleRoutes,
  ...streamRoutes,
  ...statsRoutes,
  ...archiveRoutes,
  ...execRoutes,
  ...imageTransferRoutes,
  ...registryRoutes,
  ...imageRoutes,
  ...buildRoutes,
  ...davitRoutes,
  ...networkRoutes,
  ...volumeRoutes,
  ...eventRoutes,
  ...swarmRoutes,
];
