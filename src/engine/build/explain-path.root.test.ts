import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BuildLab } from '../../../test/support/build-lab.ts';

test('the layer and step that last wrote a path, and what it hides', async () => {
  await using lab = await BuildLab.open('explain');
  const text = `FROM busybox
RUN mkdir -p /app/conf && echo 1 > /app/conf/f && ln -s /app /link
COPY f /app/conf/f
RUN chmod 600 /app/conf/f && rm -r /tmp
RUN rm -r /app/conf && mkdir /app/conf && echo new > /app/conf/g
`;
  const { id } = await lab.build({ Dockerfile: text, f: 'from context' });
  const explain = async (path: string): Promise<readonly string[]> => {
    const { layers, path: real } = await lab.lab.engine.builder.explain(id, path);
    return [real, ...layers.map(({ layer, what, mode, state, place }) => [layer, what, mode, state, place?.line].join(' '))];
  };
  assert.deepEqual(await explain('/link/conf/f'), [
    '/app/conf/f',
    '5 removed  seen 5',
    '4 file 0600 shadowed 4',
    '3 file 0644 shadowed 3',
    '2 file 0644 shadowed 2',
  ]);
  assert.deepEqual(await explain('app/conf/g'), ['/app/conf/g', '5 file 0644 seen 5']);
  assert.deepEqual(await explain('/tmp'), ['/tmp', '4 removed  seen 4', '1 directory 1777 shadowed ']);
  assert.deepEqual(await explain('/app'), [
    '/app',
    '5 directory 0755 seen 5',
    '4 directory 0755 merged 4',
    '3 directory 0755 merged 3',
    '2 directory 0755 merged 2',
  ]);
  assert.deepEqual(await explain('/link'), ['/link', '2 symlink 0777 seen 2']);
  for (const same of ['/app/./conf//g', 'link/conf/g/', '/tmp/../app/conf/../conf/g', 'app/conf/g'])
    assert.deepEqual(await explain(same), ['/app/conf/g', '5 file 0644 seen 5'], same);
  assert.deepEqual((await explain('/link/..')).slice(0, 2), ['/', '5 directory 0755 seen 5']);
  assert.deepEqual((await explain('/')).length, 6);
  assert.equal((await lab.lab.engine.builder.explain(id, '/link')).layers[0]?.link, '/app');
  for (const never of ['/app/conf/g/x', '/etc/passwd/x', '/tmp/x', '/link/none'])
    await assert.rejects(lab.lab.engine.builder.explain(id, never), { kind: 'notFound' }, never);
  await assert.rejects(lab.lab.engine.builder.explain('nothing:1', '/x'), { kind: 'notFound', message: /nothing:1/ });
  await assert.rejects(lab.lab.engine.builder.explain(id, '/nowhere'), { kind: 'notFound', message: /no layer of .* has \/nowhere/ });
  const { layers } = await lab.lab.engine.builder.explain(id, '/app/conf/g');
  assert.match(layers[0]?.step ?? '', /^\/bin\/sh -c rm -r \/app\/conf/);
  assert.deepEqual(lab.leftovers(), []);
});
