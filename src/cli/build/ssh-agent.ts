import type { Duplex } from 'node:stream';
import type { SshKey } from './ssh-key.ts';
import { sshNumber, SshReader, sshString } from './ssh-wire.ts';

const [failure, requestIdentities, identities, signRequest, signed] = [5, 11, 12, 13, 14];
/** As OpenSSH's agent. */
const longest = 256 * 1024;

/**
 * Answers one connection as an agent that holds these keys, lists them and signs with them; all else fails.
 * https://datatracker.ietf.org/doc/html/draft-miller-ssh-agent: uint32 length, byte type, contents.
 */
export async function serveAgent(connection: Duplex, keys: readonly SshKey[]): Promise<void> {
  let held = Buffer.alloc(0);
  for await (const chunk of connection as AsyncIterable<Buffer>) {
    held = Buffer.concat([held, chunk]);
    while (held.length >= 4) {
      const length = held.readUInt32BE(0);
      if (length === 0 || length > longest) return void connection.destroy();
      if (held.length < 4 + length) break;
      const reply = answer(held.subarray(4, 4 + length), keys);
      held = held.subarray(4 + length);
      connection.write(sshString(reply));
    }
  }
  connection.end();
}

function answer(message: Buffer, keys: readonly SshKey[]): Buffer {
  try {
    if (message[0] === requestIdentities) {
      const all = keys.flatMap(({ blob, comment }) => [sshString(blob), sshString(comment)]);
      return Buffer.concat([Buffer.from([identities]), sshNumber(keys.length), ...all]);
    }
    if (message[0] === signRequest) {
      const reader = new SshReader(message.subarray(1));
      const [blob, data, flags] = [reader.string(), reader.string(), reader.number()];
      const key = keys.find((one) => one.blob.equals(blob));
      if (key) return Buffer.concat([Buffer.from([signed]), sshString(key.sign(data, flags))]);
    }
  } catch (error) {
    // A message that ends too early.
    if (!(error instanceof RangeError)) throw error;
  }
  return Buffer.from([failure]);
}
