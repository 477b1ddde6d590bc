import { FakeNetworks } from './links.fake.ts';
import { linksSuite } from './links.suite.ts';

linksSuite('fake links', () => {
  const networks = new FakeNetworks();
  for (const path of ['/run/host', '/run/container']) networks.open(path);
  return { links: networks, host: '/run/host', container: '/run/container', [Symbol.dispose]: () => undefined };
});
