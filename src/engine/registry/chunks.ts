/** The same bytes in pieces of one size, the last one shorter. */
export async function* chunksOf(source: AsyncIterable<Uint8Array>, bytes: number): AsyncGenerator<Buffer> {
  let gathered: Uint8Array[] = [];
  let size = 0;
  for await (const piece of source) {
    let rest = piece;
    while (size + rest.length >= bytes) {
      const taken = bytes - size;
      yield Buffer.concat([...gathered, rest.subarray(0, taken)]);
      [gathered, size, rest] = [[], 0, rest.subarray(taken)];
    }
    if (rest.length === 0) continue;
    gathered.push(rest);
    size += rest.length;
  }
  if (size > 0) yield Buffer.concat(gathered);
}
