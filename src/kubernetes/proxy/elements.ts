import type { NftElement } from '../../kernel/nft-element.ts';
import { assignSlots, type Slots } from './slots.ts';
import type { Frontend } from './service-port.ts';
import { backendMap, choiceName, frontendMap, idleMap, spaceOf, type Choice } from './table-layout.ts';

/** What one Service needs in the table. */
export interface Share {
  readonly choices: readonly Choice[];
  readonly elements: readonly NftElement[];
  /** By frontend: what `assignSlots` goes on from. */
  readonly slots: ReadonlyMap<string, Slots>;
}

export const noShare: Share = { choices: [], elements: [], slots: new Map() };

/** Pure: frontends and the slots they had → what to have. */
export function shareOf(frontends: readonly Frontend[], before: Share): Share {
  const slots = new Map<string, Slots>();
  const choices: Choice[] = [];
  const elements: NftElement[] = [];
  for (const frontend of frontends) {
    const [space, key] = [spaceOf(frontend), keyOf(frontend)];
    elements.push(...guards(frontend, key));
    if (frontend.way === 'cluster') elements.push({ collection: 'cluster-addresses', key: frontend.address ?? '' });
    if (frontend.backends.length === 0) {
      elements.push({ collection: idleMap(space), key, value: frontend.otherwise === 'drop' ? 'drop' : 'goto refuse' });
      // Those from outside must not find what is meant for all.
      if (frontend.view === 'outside') elements.push({ collection: frontendMap(space), key, value: 'accept' });
      continue;
    }
    const own = assignSlots(
      before.slots.get(`${space} ${key}`) ?? [],
      frontend.backends,
      frontend.affinitySeconds === undefined ? 'dense' : 'remembered',
    );
    slots.set(`${space} ${key}`, own);
    const choice: Choice = {
      space,
      slots: [...own.keys()].filter((slot) => own[slot] !== undefined),
      masquerade: frontend.masquerade,
      affinitySeconds: frontend.affinitySeconds,
    };
    choices.push(choice);
    elements.push({ collection: frontendMap(space), key, value: `goto ${choiceName(choice)}` });
    for (const [slot, backend] of own.entries()) {
      if (!backend) continue;
      elements.push({ collection: backendMap(space, slot), key, value: `${backend.ip} . ${backend.port}` });
      elements.push({ collection: 'hairpin', key: `${backend.ip} . ${backend.ip}` });
    }
  }
  return { choices, elements, slots };
}

function keyOf({ address, protocol, port }: Frontend): string {
  return [...(address === undefined ? [] : [address]), protocol, port].join(' . ');
}

function guards({ sources, view }: Frontend, key: string): readonly NftElement[] {
  if (sources === undefined || view !== 'all') return [];
  return [{ collection: 'guarded', key }, ...sources.map((source) => ({ collection: 'let-in', key: `${key} . ${source}` }))];
}
