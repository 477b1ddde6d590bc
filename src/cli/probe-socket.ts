import { once } from 'node:events';
import { connect } from 'node:net';

/** Whether somebody accepts connections at `unix:///path` or `https://host:port` within a second. */
export async function probeSocket(address: string): Promise<boolean> {
  const url = new URL(address);
  const socket = url.protocol === 'unix:' ? connect(url.pathname) : connect(Number(url.port), url.hostname);
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(1000) });
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
