import type { RuntimeStreams } from '../../kernel/runtime.ts';
import type { Attachment } from './containers.ts';

/** Streams that may not be there yet: `docker run` attaches before it starts. Writes wait; ends when the promise says there will be none. */
export function lazyAttachment(streams: Promise<RuntimeStreams | undefined>): Attachment {
  let disposed = false;
  let current: RuntimeStreams | undefined;
  const ready = streams.then(
    (got) => {
      if (disposed) got?.[Symbol.dispose]();
      current = got;
      return got;
    },
    () => undefined,
  );
  async function* output(): Attachment['output'] extends AsyncIterable<infer T> ? AsyncGenerator<T> : never {
    const got = await ready;
    if (got && !disposed) yield* got.output;
  }
  return {
    output: output(),
    async write(data) {
      await (await ready)?.write(data);
    },
    endInput() {
      void ready.then((got) => got?.endInput());
    },
    [Symbol.dispose]() {
      disposed = true;
      current?.[Symbol.dispose]();
    },
  };
}
