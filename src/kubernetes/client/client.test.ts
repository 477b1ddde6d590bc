import { FakeClient } from './client.fake.ts';
import { clientSuite } from './client.suite.ts';

clientSuite('fake API', async () => ({ client: new FakeClient(), [Symbol.asyncDispose]: async () => undefined }));
