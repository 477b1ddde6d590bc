import { mkdirSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { packTar } from '../../src/engine/archive/run-job.ts';
import type { BuildRequest } from '../../src/engine/build/builder.ts';
import type { BuildEvent } from '../../src/engine/build/events.ts';
import type { LocalImages } from '../../src/engine/images/local-images.ts';
import { EngineLab } from './engine-lab.ts';

export interface Built {
  readonly output: string;
  readonly events: readonly BuildEvent[];
  readonly id: string;
}

/** File name → content, or content with a mode. */
export type Files = Readonly<Record<string, string | Buffer | { readonly content: string; readonly mode: number }>>;

/** An engine that builds from files given as text, with real containers for RUN. */
export class BuildLab implements AsyncDisposable {
  readonly lab: EngineLab;

  private constructor(lab: EngineLab) {
    this.lab = lab;
  }

  static async open(name: string): Promise<BuildLab> {
    return new BuildLab(await EngineLab.open(name));
  }

  get images(): LocalImages {
    return this.lab.engine.images as LocalImages;
  }

  /** A directory with these files, below the lab's. */
  folder(files: Files): string {
    const folder = mkdtempSync(join(this.lab.folder, 'context-'));
    for (const [name, file] of Object.entries(files)) {
      const path = join(folder, name);
      mkdirSync(dirname(path), { recursive: true });
      const plain = typeof file === 'string' || Buffer.isBuffer(file) ? { content: file, mode: 0o644 } : file;
      writeFileSync(path, plain.content, { mode: plain.mode });
    }
    return folder;
  }

  async build(files: Files, request: Partial<BuildRequest> = {}): Promise<Built> {
    let [output, id] = ['', ''];
    const events: BuildEvent[] = [];
    const whole: BuildRequest = {
      context: packTar(this.folder(files), { whiteouts: 'plain' }),
      names: [],
      buildArgs: {},
      labels: {},
      noCache: false,
      pull: false,
      ...request,
    };
    for await (const item of this.lab.engine.builder.build(whole, this.lab.signal)) {
      if ('stream' in item) output += item.stream;
      else if ('event' in item) events.push(item.event);
      else if ('imageId' in item) id = item.imageId;
    }
    return { output, events, id };
  }

  /** Looks into an image. */
  async inside<T>(reference: string, look: (root: string) => T): Promise<T> {
    const { snapshots } = this.images;
    const { mounts } = this.lab.kernel;
    await snapshots.prepare('look', (await this.images.get(reference)).config.rootfs.diff_ids);
    const target = join(this.lab.folder, 'look');
    mkdirSync(target, { recursive: true });
    mounts.mount(snapshots.mount('look', target));
    try {
      return look(target);
    } finally {
      mounts.unmount(target);
      await snapshots.remove('look');
    }
  }

  /** What builds left behind that they should not have: mounts, temporary folders, snapshots, containers. */
  leftovers(): readonly string[] {
    const mounts = this.lab.kernel.mounts.list().filter(({ target }) => target.startsWith(`${this.lab.folder}/data/`));
    const temporary = readdirSync(join(this.lab.folder, 'data/tmp'));
    return [...mounts.map(({ target }) => target), ...temporary, ...this.images.snapshots.keys(), ...this.lab.leftovers()];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.lab[Symbol.asyncDispose]();
  }
}
