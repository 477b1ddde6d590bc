import { posix } from 'node:path';
import { pathsOf, type Config } from '../daemon/config.ts';
import { machineConfig } from '../daemon/load.ts';
import { dockerRequest } from './docker-request.ts';
import { table } from './table.ts';

interface Explanation {
  readonly image: string;
  readonly path: string;
  readonly layers: readonly {
    readonly layer: number;
    readonly what: string;
    readonly mode?: string;
    readonly owner?: string;
    readonly bytes?: number;
    readonly link?: string;
    readonly state: string;
    readonly step?: string;
    readonly place?: { readonly dockerfile: string; readonly line: number; readonly text: string };
  }[];
}

/** `davit image explain IMAGE PATH`: the layer and step that last wrote a path, and what it hides below. */
export async function imageExplain(image: string, path: string, flags: Partial<Config>, output: 'text' | 'json'): Promise<void> {
  const { dockerSocket } = pathsOf(machineConfig(flags));
  const answer = await dockerRequest(
    dockerSocket,
    'GET',
    `/davit/images/${encodeURIComponent(image)}/explain?path=${encodeURIComponent(path)}`,
  );
  const explanation = JSON.parse(answer) as Explanation;
  process.stdout.write(output === 'json' ? `${JSON.stringify(explanation, undefined, 2)}\n` : explanationText(explanation));
}

export function explanationText({ image, path, layers }: Explanation): string {
  const [top] = layers;
  const verdict = top?.what === 'removed' ? 'is not in the image any more: layer' : 'comes from layer';
  const rows = layers.map(({ layer, what, mode, owner, bytes, link, state, step, place }) => [
    String(layer),
    state,
    link === undefined ? what : `${what} → ${link}`,
    mode ?? '-',
    owner ?? '-',
    bytes === undefined ? '-' : String(bytes),
    place ? `${place.dockerfile}:${place.line}` : '-',
    (place?.text ?? step ?? 'unknown: the image has no history for this layer')
      .split('\n')[0]
      ?.replace(/^\/bin\/sh -c (?:#\(nop\)\s*)?/, '') ?? '',
  ]);
  const heading = ['LAYER', 'STATE', 'WHAT', 'MODE', 'OWNER', 'BYTES', 'LINE', 'STEP'];
  const leads = top?.link === undefined ? '' : `It is a link: ask for ${posix.resolve(posix.dirname(path), top.link)}, too\n`;
  return `${path} ${verdict} ${top?.layer ?? '?'} of ${image.slice('sha256:'.length, 19)}${top?.what === 'removed' ? ' took it away' : ''}\n${table([heading, ...rows])}${leads}`;
}
