import { machineConfig } from '../daemon/load.ts';
import type { Config } from '../daemon/config.ts';
import { loadCredentials } from '../daemon/credentials.ts';
import { Connection, textOf } from '../kubernetes/client/connection.ts';
import { statusError } from '../kubernetes/client/status-error.ts';

/** One of davit's own answers, which only this machine's administrator gets. */
export async function askServer(flags: Partial<Config>, path: string): Promise<unknown> {
  const config = machineConfig(flags);
  const { ca, admin } = await loadCredentials(config);
  await using connection = new Connection({ server: `https://127.0.0.1:${config.apiPort}`, ca, ...admin });
  const { code, stream } = await connection.send({ ':method': 'GET', ':path': path, accept: 'application/json' });
  const text = await textOf(stream);
  if (code !== 200) throw statusError(code, text);
  return JSON.parse(text);
}
