import type { Entry } from './store.ts';

/** The newest state of a store, without its history. */
export interface Content {
  readonly revision: number;
  /** In the order of their keys. */
  readonly entries: readonly Entry[];
}

export type Progress = (done: number, all: number) => void;
