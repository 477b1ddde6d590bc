import type { ContainerSpec } from './container.ts';
import type { Registry } from './registry.ts';

type Modes = Pick<ContainerSpec, 'network' | 'ipcMode' | 'pidMode'>;

/** Whose namespaces are shared is held by ID: names move from one container to another. `notFound` when there is none. */
export function sharedById(registry: Pick<Registry, 'find'>, spec: Modes): Modes {
  const byId = <T extends string | undefined>(mode: T): T | `container:${string}` =>
    mode?.startsWith('container:') ? `container:${registry.find(mode.slice('container:'.length)).id}` : mode;
  return {
    ...(spec.network !== undefined && { network: byId(spec.network) }),
    ...(spec.ipcMode !== undefined && { ipcMode: byId(spec.ipcMode) }),
    ...(spec.pidMode !== undefined && { pidMode: byId(spec.pidMode) }),
  };
}
