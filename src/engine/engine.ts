/**
 * The container engine behind both front doors: the Docker API and the kubelet call nothing else.
 * Types are the engine's own; `docker/` and `kubelet/` translate.
 */
import type { Builder } from './build/builder.ts';
import type { Containers } from './containers/containers.ts';
import type { Execs } from './containers/execs.ts';
import type { Events } from './events/events.ts';
import type { FirewallMode } from './network/host-firewall.ts';
import type { RegistrySettings } from './registry/endpoints.ts';
import type { Images } from './images/images.ts';
import type { AddressRange } from './network/address-plan.ts';
import type { Networks } from './network/networks.ts';
import type { Sandboxes } from './containers/sandboxes.ts';
import type { Volumes } from './volumes/volumes.ts';

export interface Engine extends AsyncDisposable {
  readonly images: Images;
  readonly builder: Builder;
  readonly containers: Containers;
  readonly execs: Execs;
  readonly sandboxes: Sandboxes;
  readonly networks: Networks;
  readonly volumes: Volumes;
  readonly events: Events;
  readonly config: EngineConfig;
  /** A UUID that is this engine's as long as its data is. */
  readonly id: string;
  /** Stops all containers and takes sandboxes, links, rules, mounts and control groups off the host. Records, images and volumes stay. */
  destroy(): Promise<void>;
}

export interface EngineConfig {
  /** Durable state, `/var/lib/davit/engine`. */
  readonly dataRoot: string;
  /** State that dies with the boot (sockets, pinned namespaces, bundles), `/run/davit/engine`. */
  readonly runRoot: string;
  /** Parent of every container's cgroup, `/davit`. */
  readonly cgroupParent: string;
  /** The default bridge: `docker0`, 172.17.0.1/16. */
  readonly bridgeName: string;
  readonly bridgeAddress: string;
  /** Where networks that name no subnet get theirs; Docker's own ranges when absent. */
  readonly addressRanges?: readonly AddressRange[];
  /** Who decides about published ports: davit alone (`own`, the default), or the host's INPUT rules too (`respect`). */
  readonly firewall?: FirewallMode;
  /** Name of this host in `docker info`. */
  readonly hostName: string;
  /** Mirrors, registries without verified TLS, certificates. */
  readonly registries?: RegistrySettings;
}
