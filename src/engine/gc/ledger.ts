import type { PlaceUsage } from '../archive/disk-usage.ts';

/** Whose the bytes in the data directory are. */
export interface Ledger {
  /** What `du -s -B1` says of the data directory. */
  readonly total: number;
  readonly rows: readonly LedgerRow[];
}

export interface LedgerRow {
  /** `unowned` is what nothing accounts for: an orphan. */
  readonly kind: 'layer' | 'snapshot' | 'container' | 'volume' | 'cache' | 'store' | 'underWay' | 'structure' | 'unowned';
  /** Chain ID, key, container, volume; empty for what belongs to the engine itself. */
  readonly name: string;
  readonly bytes: number;
}

export interface Owners {
  /** Hex chain IDs. */
  readonly layers: ReadonlySet<string>;
  readonly snapshots: ReadonlySet<string>;
  readonly links: ReadonlySet<string>;
  readonly containers: ReadonlySet<string>;
  readonly volumes: ReadonlySet<string>;
}

/** Gives every place to its owner; the rows add up to the total, to the byte. */
export function ledgerOf(places: PlaceUsage, owners: Owners): Ledger {
  const rows = new Map<string, LedgerRow>();
  for (const [place, bytes] of Object.entries(places)) {
    const { kind, name } = ownerOf(place, owners);
    const key = `${kind} ${name}`;
    rows.set(key, { kind, name, bytes: (rows.get(key)?.bytes ?? 0) + bytes });
  }
  return { total: Object.values(places).reduce((sum, bytes) => sum + bytes, 0), rows: [...rows.values()] };
}

function ownerOf(place: string, owners: Owners): Pick<LedgerRow, 'kind' | 'name'> {
  const [top = '', name] = place.split('/');
  if (top.startsWith('store.db')) return { kind: 'store', name: '' };
  if (top === 'tmp' && name !== undefined) return { kind: 'underWay', name: '' };
  if (top === 'build-cache') return { kind: 'cache', name: '' };
  if (name === undefined) return folders.has(top) ? { kind: 'structure', name: '' } : { kind: 'unowned', name: place };
  if (top === 'l') return { kind: owners.links.has(name) ? 'structure' : 'unowned', name: owners.links.has(name) ? '' : place };
  if (top === 'overlay2' && name === 'empty') return { kind: 'structure', name: '' };
  if (top === 'overlay2' && owners.layers.has(name)) return { kind: 'layer', name };
  const snapshot = name.replace(/-rw$/, '');
  if (top === 'overlay2' && snapshot !== name && owners.snapshots.has(snapshot)) return { kind: 'snapshot', name: snapshot };
  if (top === 'containers' && owners.containers.has(name)) return { kind: 'container', name };
  if (top === 'volumes' && owners.volumes.has(name)) return { kind: 'volume', name };
  return { kind: 'unowned', name: place };
}

const folders: ReadonlySet<string> = new Set(['.', 'overlay2', 'l', 'tmp', 'containers', 'volumes']);
