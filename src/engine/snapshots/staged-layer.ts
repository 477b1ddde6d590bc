import { rm } from 'node:fs/promises';
import type { Digest } from '../../base/digest.ts';
import type { DigestResult } from '../archive/jobs.ts';

/** An unpacked layer that is no part of any chain yet; below `tmp/`, gone when its owner lets go of it. */
export class StagedLayer implements AsyncDisposable {
  readonly directory: string;
  readonly content: DigestResult;
  readonly hasFrames: boolean;
  /** The chain that took the directory. */
  adoptedAs: Digest | undefined;

  constructor(directory: string, content: DigestResult, hasFrames: boolean) {
    this.directory = directory;
    this.content = content;
    this.hasFrames = hasFrames;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return rm(this.directory, { recursive: true, force: true });
  }
}
