import { KindError } from '../../base/errors.ts';
import { capabilityNames } from '../../kernel/capabilities.ts';

/** Docker's default set. */
export const defaultCapabilities: readonly string[] =
  'CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE SYS_CHROOT KILL AUDIT_WRITE'
    .split(' ')
    .map((name) => `CAP_${name}`);

export interface CapabilityRequest {
  readonly add?: readonly string[];
  readonly drop?: readonly string[];
  readonly privileged?: boolean;
}

/** The container's capabilities, in the kernel's order, limited to what davit itself may give (`bounding`). */
export function resolveCapabilities(request: CapabilityRequest, bounding: ReadonlySet<string>): readonly string[] {
  const [add, drop] = [normalize('CapAdd', request.add ?? []), normalize('CapDrop', request.drop ?? [])];
  const wanted = request.privileged ? new Set(capabilityNames) : adjusted(add, drop);
  return capabilityNames.filter((name) => wanted.has(name) && bounding.has(name));
}

function adjusted(add: readonly string[], drop: readonly string[]): ReadonlySet<string> {
  const base = add.includes('ALL') ? capabilityNames : drop.includes('ALL') ? [] : defaultCapabilities;
  const kept = base.filter((name) => !drop.includes(name));
  return new Set([...kept, ...add.filter((name) => name !== 'ALL')]);
}

function normalize(field: string, names: readonly string[]): readonly string[] {
  return names.map((given) => {
    const upper = given.toUpperCase();
    if (upper === 'ALL') return upper;
    const name = upper.startsWith('CAP_') ? upper : `CAP_${upper}`;
    if (!capabilityNames.includes(name)) throw new KindError('invalid', `invalid ${field}: unknown capability: "${name}"`);
    return name;
  });
}
