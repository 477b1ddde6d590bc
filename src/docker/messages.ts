import { isKind, KindError, messageOf } from '../base/errors.ts';
import type { Call } from './call.ts';

/** One line of a progress stream. */
export type Message =
  | { readonly stream: string }
  | { readonly status: string; readonly id?: string; readonly progressDetail?: object; readonly progress?: string }
  | { readonly aux: object; readonly progressDetail?: object };

/**
 * Sends progress as JSON lines. A failure before the first line is an ordinary error answer;
 * a later one is the last line: `{"errorDetail":{"message":…},"error":…}`.
 */
export async function sendMessages(call: Call, messages: AsyncIterable<Message>): Promise<void> {
  try {
    for await (const message of messages) {
      if (!call.reply.isBegun) call.reply.begin('application/json');
      await call.reply.line(message);
    }
    if (!call.reply.isBegun) call.reply.begin('application/json');
  } catch (error) {
    if (!call.reply.isBegun || isKind(error, 'canceled')) throw error;
    const message = messageOf(error);
    const code = exitCodeOf(error);
    await call.reply.line({ errorDetail: { ...(code === undefined ? {} : { code }), message }, error: message });
  }
  call.reply.end();
}

/** A failed RUN step carries the exit code, and the client ends with it. */
function exitCodeOf(error: unknown): number | undefined {
  if (!(error instanceof KindError)) return undefined;
  const { details } = error;
  if (typeof details !== 'object' || details === null || !('exitCode' in details)) return undefined;
  return typeof details.exitCode === 'number' ? details.exitCode : undefined;
}
