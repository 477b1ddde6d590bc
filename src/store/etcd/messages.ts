import { bytesField, eachField, flagField, messageField, numberField, type Parts, presentNumberField, type WireValue } from './wire.ts';

/** The messages of etcd's API v3 that davit speaks: https://etcd.io/docs/v3.4/learning/api/ (field numbers: rpc.proto, kv.proto). */
export interface KeyValue {
  readonly key: string;
  readonly value: Uint8Array;
  readonly createRevision: number;
  readonly modRevision: number;
  readonly version: number;
}

export interface RangeRequest {
  readonly key: string;
  /** First key beyond the range; absent: the one key. `'\0'`: everything from `key` on. */
  readonly end?: string;
  readonly limit?: number;
  readonly revision?: number;
  readonly keysOnly?: boolean;
}

export interface RangeResponse {
  /** Of the whole store, when this was read. */
  readonly revision: number;
  readonly entries: readonly KeyValue[];
  readonly more: boolean;
}

/** Every condition holds: the operations are carried out as one revision; else `found` is read instead. */
export interface TxnRequest {
  readonly conditions: readonly { readonly key: string; readonly modRevision: number }[];
  readonly operations: readonly TxnOperation[];
}

/** `returnPrevious`: the answer says what was there before. */
export type TxnOperation =
  | { readonly put: string; readonly value: Uint8Array; readonly returnPrevious: boolean }
  | { readonly delete: string; readonly returnPrevious: boolean };

export interface TxnResponse {
  readonly succeeded: boolean;
  readonly revision: number;
  /**
   * One per operation: what was there before, where that was asked for. When it did not succeed, one per condition:
   * what is there, values left out. Undefined = no such key.
   */
  readonly found: readonly (KeyValue | undefined)[];
  /** Of all deletes. */
  readonly deleted: number;
}

export interface WatchEvent {
  readonly type: 'put' | 'delete';
  /** Of a delete: key and modRevision only. */
  readonly entry: KeyValue;
}

export interface WatchResponse {
  readonly revision: number;
  readonly isCreated: boolean;
  readonly isCanceled: boolean;
  /** Not 0: history up to here is gone, and the watch began before it. */
  readonly compactRevision: number;
  readonly cancelReason: string;
  readonly events: readonly WatchEvent[];
}

export interface StatusResponse {
  readonly version: string;
  /** Bytes of the member's database file, free pages included; and without them. */
  readonly size: number;
  readonly sizeInUse: number;
  readonly member: number | bigint;
  readonly leader: number | bigint;
}

const utf8 = (text: string): Buffer => Buffer.from(text, 'utf8');

export function encodeRange(request: RangeRequest): Buffer {
  return Buffer.concat(rangeParts(request));
}

function rangeParts({ key, end, limit = 0, revision = 0, keysOnly }: RangeRequest): Parts {
  return [
    ...bytesField(1, utf8(key)),
    ...bytesField(2, utf8(end ?? '')),
    ...numberField(3, limit),
    ...numberField(4, revision),
    ...flagField(8, keysOnly),
  ];
}

export function encodeTxn({ conditions, operations }: TxnRequest): Buffer {
  const modRevision = 2; // Compare.target; result 0 is EQUAL
  const compares = conditions.map((one) => [
    ...numberField(2, modRevision),
    ...bytesField(3, utf8(one.key)),
    ...presentNumberField(6, one.modRevision),
  ]);
  const reads = conditions.map((one) => messageField(1, rangeParts({ key: one.key, keysOnly: true })));
  return Buffer.concat([
    ...compares.flatMap((parts) => messageField(1, parts)),
    ...operations.flatMap((operation) => messageField(2, operationParts(operation))),
    ...reads.flatMap((parts) => messageField(3, parts)),
  ]);
}

function operationParts(operation: TxnRequest['operations'][number]): Parts {
  const { returnPrevious } = operation;
  if ('delete' in operation) return messageField(3, [...bytesField(1, utf8(operation.delete)), ...flagField(3, returnPrevious)]);
  return messageField(2, [...bytesField(1, utf8(operation.put)), ...bytesField(2, operation.value), ...flagField(4, returnPrevious)]);
}

export function encodeCompaction(request: { readonly revision: number }): Buffer {
  return Buffer.concat(numberField(1, request.revision));
}

/** Watches every key: each revision then brings at least one event, so that none can be missing unnoticed. */
export function encodeWatchAll(request: { readonly from: number }): Buffer {
  const everything = utf8('\0');
  const create = [...bytesField(1, everything), ...bytesField(2, everything), ...numberField(3, request.from), ...flagField(4, true)];
  return Buffer.concat(messageField(1, create));
}

export function decodeRange(message: Buffer): RangeResponse {
  let [revision, more] = [0, false];
  const entries: KeyValue[] = [];
  eachField(message, (number, value) => {
    if (number === 1) revision = headerRevision(value);
    if (number === 2) entries.push(decodeKeyValue(value as Buffer));
    if (number === 3) more = value === 1;
  });
  return { revision, entries, more };
}

export function decodeTxn(message: Buffer): TxnResponse {
  let [revision, succeeded, deleted] = [0, false, 0];
  const found: (KeyValue | undefined)[] = [];
  eachField(message, (number, value) => {
    if (number === 1) revision = headerRevision(value);
    if (number === 2) succeeded = value === 1;
    if (number !== 3) return;
    const response = decodeResponse(value as Buffer);
    found.push(response.found);
    deleted += response.deleted;
  });
  return { succeeded, revision, found, deleted };
}

/** Of a range (kvs = 2), a put (prev_kv = 2) or a delete (deleted = 2, prev_kvs = 3): the first key in it. */
function decodeResponse(message: Buffer): { readonly found: KeyValue | undefined; readonly deleted: number } {
  let found: KeyValue | undefined;
  let deleted = 0;
  eachField(message, (kind, response) => {
    eachField(response as Buffer, (number, value) => {
      if (kind === 3 && number === 2) deleted = Number(value);
      if (number === (kind === 3 ? 3 : 2)) found ??= decodeKeyValue(value as Buffer);
    });
  });
  return { found, deleted };
}

export function decodeWatch(message: Buffer): WatchResponse {
  let [revision, compactRevision, cancelReason] = [0, 0, ''];
  let [isCreated, isCanceled] = [false, false];
  const events: WatchEvent[] = [];
  eachField(message, (number, value) => {
    if (number === 1) revision = headerRevision(value);
    if (number === 3) isCreated = value === 1;
    if (number === 4) isCanceled = value === 1;
    if (number === 5) compactRevision = Number(value);
    if (number === 6) cancelReason = String(value);
    if (number === 11) events.push(decodeEvent(value as Buffer));
  });
  return { revision, isCreated, isCanceled, compactRevision, cancelReason, events };
}

function decodeEvent(message: Buffer): WatchEvent {
  let type: WatchEvent['type'] = 'put';
  let entry: KeyValue | undefined;
  eachField(message, (number, value) => {
    if (number === 1) type = value === 1 ? 'delete' : 'put';
    if (number === 2) entry = decodeKeyValue(value as Buffer);
  });
  if (!entry) throw new Error("etcd's answer is malformed: an event without a key");
  return { type, entry };
}

function decodeKeyValue(message: Buffer): KeyValue {
  let [key, createRevision, modRevision, version] = ['', 0, 0, 0];
  let value: Uint8Array = nothing;
  eachField(message, (number, field) => {
    if (number === 1) key = (field as Buffer).toString('utf8');
    if (number === 2) createRevision = Number(field);
    if (number === 3) modRevision = Number(field);
    if (number === 4) version = Number(field);
    // A copy: a view would keep the whole message, a page of a thousand values, for as long as one value lives.
    if (number === 5) value = new Uint8Array(field as Buffer);
  });
  return { key, value, createRevision, modRevision, version };
}

const nothing = new Uint8Array();

export function decodeStatus(message: Buffer): StatusResponse {
  let [version, size, sizeInUse] = ['', 0, 0];
  let [member, leader]: (number | bigint)[] = [0, 0];
  eachField(message, (number, value) => {
    if (number === 1) {
      eachField(value as Buffer, (field, id) => {
        if (field === 2) member = id as number | bigint;
      });
    }
    if (number === 2) version = String(value);
    if (number === 3) size = Number(value);
    if (number === 4) leader = value as number | bigint;
    if (number === 9) sizeInUse = Number(value);
  });
  return { version, size, sizeInUse, member: member ?? 0, leader: leader ?? 0 };
}

export function decodeNothing(): undefined {
  return undefined;
}

function headerRevision(header: WireValue): number {
  let revision = 0;
  eachField(header as Buffer, (number, value) => {
    if (number === 3) revision = Number(value);
  });
  return revision;
}
