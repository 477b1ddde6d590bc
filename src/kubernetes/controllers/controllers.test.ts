import { FakeClient } from '../client/client.fake.ts';
import { controllersSuite } from './controllers.suite.ts';

controllersSuite('fake API', async () => ({ client: new FakeClient(), [Symbol.asyncDispose]: async () => undefined }));
