import { type Browser, chromium } from 'playwright-core';
import { peerProgram } from './peers.ts';

/** Debian's Chromium (tools/peers.sh chromium), headless and without calls of its own to the outside. */
export function launchBrowser(): Promise<Browser> {
  const { path, env } = peerProgram('chromium');
  return chromium.launch({
    // Debian's wrapper script wants files at their installed places.
    executablePath: path.replace(/usr\/bin\/chromium$/, 'usr/lib/chromium/chromium'),
    env: { ...(process.env as Record<string, string>), ...env },
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}
