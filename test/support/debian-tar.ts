/** `node debian-tar.ts FILE`: a program, so that one process can make what others wait for. */
import { bootstrapDebian } from '../../src/cli/debian-root.ts';

const [tar] = process.argv.slice(2);
if (tar === undefined) throw new Error('debian-tar.ts FILE');
await bootstrapDebian({ suite: 'bookworm', slim: true, tar }, () => undefined);
