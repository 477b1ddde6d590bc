/** The only door to Linux. Every part has a real form (`linux.ts`), a stateful fake (`*.fake.ts`) and one contract suite for both (`*.suite.ts`). */
import type { Cgroups } from './cgroups.ts';
import type { Firewall } from './firewall.ts';
import type { Links } from './links.ts';
import type { Mounts } from './mounts.ts';
import type { Namespaces } from './namespaces.ts';
import type { NetworkWatch } from './network-watch.ts';
import type { Processes } from './processes.ts';
import type { Runtime } from './runtime.ts';

export interface Kernel extends AsyncDisposable {
  readonly processes: Processes;
  readonly mounts: Mounts;
  readonly namespaces: Namespaces;
  readonly links: Links;
  readonly firewall: Firewall;
  readonly networkWatch: NetworkWatch;
  readonly cgroups: Cgroups;
  readonly runtime: Runtime;
}
