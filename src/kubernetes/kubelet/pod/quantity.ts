import { KindError } from '../../../base/errors.ts';
import type { Quantity } from '../../../api/kubernetes/types.generated.ts';

const factors: Readonly<Record<string, number>> = {
  n: 1e-9, u: 1e-6, m: 1e-3, '': 1, k: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15, E: 1e18,
  Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40, Pi: 2 ** 50, Ei: 2 ** 60,
};

/** `500m` → 0.5, `1Gi` → 1073741824, `1e3` → 1000. resource.Quantity of apimachinery, as a number. */
export function quantityOf(quantity: Quantity): number {
  const match = /^([+-]?[0-9.]+)(?:[eE]([+-]?\d+)|([a-zA-Z]*))$/.exec(String(quantity));
  const factor = factors[match?.[3] ?? ''];
  if (!match || factor === undefined || Number.isNaN(Number(match[1]))) {
    throw new KindError('invalid', `quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$': "${quantity}"`);
  }
  return Number(match[1]) * (match[2] === undefined ? factor : 10 ** Number(match[2]));
}
