import { FakeNetworks } from './links.fake.ts';
import { fakeNamespaces } from './namespaces.fake.ts';
import { namespacesSuite } from './namespaces.suite.ts';

namespacesSuite('fake namespaces', () => ({
  namespaces: fakeNamespaces(new FakeNetworks()),
  folder: '/run/ns',
  [Symbol.dispose]: () => undefined,
}));
