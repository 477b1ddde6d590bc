import { fakeFirewall } from './firewall.fake.ts';
import { firewallSuite } from './firewall.suite.ts';

firewallSuite('fake firewall', () => ({ firewall: fakeFirewall(), [Symbol.asyncDispose]: async () => undefined }));
