/**
 * What the parts of an attack write down, one JSON object a line, `atMs` being wall-clock milliseconds of the one machine
 * they all run on. The judge reads these files and nothing else of an attack.
 */
import { closeSync, openSync, writeSync } from 'node:fs';

export const files = {
  layout: 'layout.json',
  driver: 'driver.jsonl',
  hosts: 'hosts.jsonl',
  faults: 'faults.jsonl',
} as const;

/** The driver, before the first byte of a message leaves it. */
export interface SubmitRecord {
  readonly kind: 'submit';
  readonly number: number;
  readonly atMs: number;
  readonly via: 'smtp' | 'http' | 'json';
  readonly from: string;
  readonly to: readonly string[];
  /** SHA-256 of the message; of what follows its header for `json`, whose header is the ingress's. */
  readonly digest: string;
  readonly bytes: number;
}

/** The driver, for every reply that decides about a message (an idempotent request is made several times). */
export interface AnswerRecord {
  readonly kind: 'answer';
  readonly number: number;
  readonly atMs: number;
  /** Ingress process, as in `FaultRecord`. */
  readonly ingress: string;
  readonly code: number;
  readonly reply: string;
  /** Message id that a positive reply names. */
  readonly id?: string;
}

/** The driver: the dialogue ended without a reply that decides. */
export interface SilenceRecord {
  readonly kind: 'silence';
  readonly number: number;
  readonly atMs: number;
  readonly ingress: string;
  /** The whole message had left the driver: it may or may not have been taken. */
  readonly complete: boolean;
}

/** A host, for every message that came completely. */
export interface TransactionRecord {
  readonly kind: 'transaction';
  readonly host: string;
  /** Port of the client's end of the connection. */
  readonly clientPort: number;
  /** Name in EHLO: which worker. */
  readonly worker: string;
  /** When 354 was said, and when the terminator came. */
  readonly dataAtMs: number;
  readonly dotAtMs: number;
  /** `lost`: the host took nothing, and never said so. */
  readonly outcome: 'taken' | 'refused' | 'lost';
  /** When the reply was (or would have been) due. */
  readonly replyAtMs: number;
  /** False: the host never meant to answer. */
  readonly answers: boolean;
  readonly from: string;
  readonly to: readonly string[];
  /** Number that the driver gave it; absent in reports. */
  readonly number?: number;
  /** Id in the trace line that was taken off before digesting; absent: there was none. */
  readonly id?: string;
  readonly digest: string;
  /** Of what follows the header. */
  readonly contentDigest: string;
  /** Of a delivery status notification: its Message-ID, and what it says of whom. */
  readonly report?: {
    readonly id: string;
    readonly recipients: readonly { readonly address: string; readonly action: string }[];
  };
}

/** A host, for every recipient that it refuses for good. */
export interface RefusalRecord {
  readonly kind: 'refusal';
  readonly host: string;
  readonly clientPort: number;
  readonly worker: string;
  readonly atMs: number;
  readonly from: string;
  readonly address: string;
}

/** The proxy between workers and hosts, for every connection it cut. */
export interface CutRecord {
  readonly kind: 'cut';
  readonly atMs: number;
  readonly host: string;
  /** Port of the proxy's own end of the connection to the host: the host's `clientPort`. */
  readonly clientPort: number;
  readonly place: string;
}

/** The attacker and the supervisor, when a fault is over. */
export interface FaultRecord {
  readonly kind: 'fault';
  readonly act: string;
  /** `worker-1`, `ingress-0`, `console-0`, `redis`, or a host. */
  readonly victim: string;
  readonly atMs: number;
  /** When the victim was itself again, as far as the attacker can tell; of a kill: the same moment. */
  readonly untilMs: number;
}

/** The supervisor: a process ended by itself, or was asked to and ended with this code. */
export interface EndRecord {
  readonly kind: 'end';
  readonly victim: string;
  readonly atMs: number;
  readonly code: number | null;
  readonly signal: string | null;
  /** It was in service when it ended, or when it was told to. */
  readonly ready: boolean;
  /** `asked`: after SIGTERM. `killed`: by the attacker. `unready`: before it was in service. `by-itself`: it crashed. */
  readonly why: 'asked' | 'killed' | 'unready' | 'by-itself';
}

/** What the judge must know of the set-up. */
export interface Layout {
  readonly seed: number;
  readonly redisPort: number;
  readonly shards: number;
  readonly lockMs: number;
  readonly renewMs: number;
  readonly homeDomain: string;
  /** Hosts by recipient domain. */
  readonly hostsOf: Readonly<Record<string, readonly string[]>>;
  /** Logs of ingress processes, by victim name. */
  readonly ingressLogs: Readonly<Record<string, string>>;
}

/** A file that only grows: a line is with the operating system when `write` returns. */
export class RecordFile<Line> {
  readonly #descriptor: number;
  #pending = '';

  constructor(path: string) {
    this.#descriptor = openSync(path, 'a');
  }

  /** Kept until `flush` or the next `write`: for lines on which nobody acts. */
  note(line: Line): void {
    this.#pending += `${JSON.stringify(line)}\n`;
    if (this.#pending.length > 65_536) this.flush();
  }

  write(line: Line): void {
    this.note(line);
    this.flush();
  }

  flush(): void {
    if (this.#pending === '') return;
    writeSync(this.#descriptor, this.#pending);
    this.#pending = '';
  }

  close(): void {
    this.flush();
    closeSync(this.#descriptor);
  }
}
