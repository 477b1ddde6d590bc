import { writeFileSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';
import { peerProgram } from './peers.ts';

/** Debian's Chromium (tools/peers.sh chromium), headless and without calls of its own to the outside. */
export function launchBrowser(): Promise<Browser> {
  const { path, env } = peerProgram('chromium');
  const root = path.replace(/\/usr\/bin\/chromium$/, '');
  return chromium.launch({
    // Debian's wrapper script wants files at their installed places.
    executablePath: `${root}/usr/lib/chromium/chromium`,
    env: { ...(process.env as Record<string, string>), ...env, FONTCONFIG_FILE: fontsOf(root) },
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

/** A machine without fonts gets those that came with the browser: text without a font has no size, so it is not visible. */
function fontsOf(root: string): string {
  const path = `${root}/fonts.conf`;
  const folders = ['/usr/share/fonts', `${root}/usr/share/fonts`].map((folder) => `<dir>${folder}</dir>`).join('');
  writeFileSync(path, `<?xml version="1.0"?><fontconfig>${folders}<cachedir>${root}/var/cache/fontconfig</cachedir></fontconfig>\n`);
  return path;
}
