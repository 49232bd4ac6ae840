/**
 * What the judge has read. It imports nothing of the product, and of the attack only the form of its files and the digest
 * of a file's line: what it believes is what the driver was told, what the hosts saw, and what the attacker did.
 */
import { existsSync, readFileSync, createReadStream } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import {
  files,
  type AnswerRecord,
  type CutRecord,
  type EndRecord,
  type FaultRecord,
  type Layout,
  type RefusalRecord,
  type SilenceRecord,
  type SubmitRecord,
  type TransactionRecord,
} from '../records.ts';

export interface Submission {
  readonly submit: SubmitRecord;
  readonly answers: AnswerRecord[];
  readonly silences: SilenceRecord[];
}

export interface Evidence {
  readonly layout: Layout;
  readonly submissions: ReadonlyMap<number, Submission>;
  /** Messages that came completely, by the number that the driver gave them. */
  readonly transactions: ReadonlyMap<number, TransactionRecord[]>;
  /** Reports that came completely, by the number in the address they went to. */
  readonly reports: ReadonlyMap<number, TransactionRecord[]>;
  /** By number. */
  readonly refusals: ReadonlyMap<number, RefusalRecord[]>;
  readonly cuts: readonly CutRecord[];
  readonly faults: readonly FaultRecord[];
  readonly ends: readonly EndRecord[];
  /** Ids of messages that an ingress counted as accept_unknown. */
  readonly unknownAccepts: ReadonlySet<string>;
  /** Lines that belong to nothing: a message nobody submitted. */
  readonly strange: readonly string[];
}

type AnyRecord =
  | SubmitRecord
  | AnswerRecord
  | SilenceRecord
  | TransactionRecord
  | RefusalRecord
  | CutRecord
  | FaultRecord
  | EndRecord;

export async function readEvidence(folder: string): Promise<Evidence> {
  const layout = JSON.parse(readFileSync(join(folder, files.layout), 'utf8')) as Layout;
  const submissions = new Map<number, Submission>();
  const transactions = new Map<number, TransactionRecord[]>();
  const reports = new Map<number, TransactionRecord[]>();
  const refusals = new Map<number, RefusalRecord[]>();
  const cuts: CutRecord[] = [];
  const faults: FaultRecord[] = [];
  const ends: EndRecord[] = [];
  const strange: string[] = [];
  const sort = (record: AnyRecord): void => {
    switch (record.kind) {
      case 'submit':
        submissions.set(record.number, { submit: record, answers: [], silences: [] });
        break;
      case 'answer':
        submissions.get(record.number)?.answers.push(record);
        break;
      case 'silence':
        submissions.get(record.number)?.silences.push(record);
        break;
      case 'transaction':
        sortTransaction(record, { transactions, reports, strange });
        break;
      case 'refusal':
        add(refusals, numberIn(record.address) ?? numberIn(record.from) ?? 0, record);
        break;
      case 'cut':
        cuts.push(record);
        break;
      case 'fault':
        faults.push(record);
        break;
      case 'end':
        ends.push(record);
    }
  };
  for (const file of [files.driver, files.hosts, files.faults]) {
    for await (const line of linesOf(join(folder, file))) sort(JSON.parse(line) as AnyRecord);
  }
  const unknownAccepts = await unknownAcceptsIn(folder, layout);
  return {
    layout,
    submissions,
    transactions,
    reports,
    refusals,
    cuts,
    faults,
    ends,
    unknownAccepts,
    strange,
  };
}

function sortTransaction(
  record: TransactionRecord,
  into: {
    readonly transactions: Map<number, TransactionRecord[]>;
    readonly reports: Map<number, TransactionRecord[]>;
    readonly strange: string[];
  },
): void {
  if (record.report !== undefined) {
    const number = numberIn(record.to[0] ?? '');
    if (number === undefined) into.strange.push(`a report for ${record.to.join(', ')}`);
    else add(into.reports, number, record);
  } else if (record.number === undefined) {
    into.strange.push(`a message without a number, from ${record.from} at ${record.host}`);
  } else add(into.transactions, record.number, record);
}

/** Addresses end in the number: `user3.1234@d1.test`, `sender.1234@home.test`. */
function numberIn(address: string): number | undefined {
  const digits = /\.(\d+)@/.exec(address)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

function add<T>(map: Map<number, T[]>, key: number, value: T): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}

async function* linesOf(path: string): AsyncGenerator<string> {
  if (!existsSync(path)) return;
  for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Infinity })) {
    if (line !== '') yield line;
  }
}

async function unknownAcceptsIn(folder: string, layout: Layout): Promise<Set<string>> {
  const ids = new Set<string>();
  for (const log of Object.values(layout.ingressLogs)) {
    for await (const line of linesOf(join(folder, log))) {
      if (!line.includes('"accept-unknown"')) continue;
      const id = /"message":"(m[0-9a-z]+)"/.exec(line)?.[1];
      if (id !== undefined) ids.add(id);
    }
  }
  return ids;
}
