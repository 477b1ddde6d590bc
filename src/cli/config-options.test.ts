import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Command } from 'commander';
import { configFlags, withConfigOptions } from './config-options.ts';

const parse = (...argv: readonly string[]) => configFlags(withConfigOptions(new Command()).parse(argv, { from: 'user' }).opts());

test('address pools as dockerd writes them; what is none is refused', () => {
  const pool = '--default-address-pool';
  assert.deepEqual(parse(pool, 'base=10.0.0.0/8,size=24', pool, 'base=fd00:5::/48,size=64').addressRanges, [
    { base: '10.0.0.0/8', size: 24 },
    { base: 'fd00:5::/48', size: 64 },
  ]);
  assert.equal(parse().addressRanges, undefined);
  for (const wrong of ['10.0.0.0/8', 'base=10.0.0.0/8', 'base=10.0.0.0/24,size=16', 'base=10.0.0.0/8,size=33'])
    assert.throws(() => parse(pool, wrong), /want base=10\.0\.0\.0\/8,size=24/, wrong);
});
