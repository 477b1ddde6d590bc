/** The victim of the durability test: writes as fast as it can and tells its parent each acknowledged revision. */
import { openStore } from './embedded.ts';

const store = await openStore({ path: process.argv[2] ?? '' });
async function writeOn(writer: number): Promise<never> {
  for (let index = 0; ; index++) {
    const { revision } = await store.write([{ put: `/${writer}/${index}`, value: new Uint8Array(500) }]);
    process.send?.(revision);
  }
}
await Promise.all([1, 2, 3, 4].map(writeOn));
