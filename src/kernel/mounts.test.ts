import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fakeMounts } from './mounts.fake.ts';
import { mountsSuite } from './mounts.suite.ts';

mountsSuite('fake mounts', () => {
  const folder = mkdtempSync(join(tmpdir(), 'davit-mounts-'));
  return { mounts: fakeMounts(), folder, [Symbol.dispose]: () => rmSync(folder, { recursive: true }) };
});
