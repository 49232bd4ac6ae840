/**
 * The shared round-robin cursor and the shared view of host health, one per tier of workers, in Redis
 * (docs/algorithms: A). Two scripts: `pick` and `report`.
 */
import type { DestinationKey, MessageId } from '@mailwheel/envelope';
import type { Host, Tier } from '@mailwheel/routing';
import type { HostState } from '@mailwheel/pacing';

export interface PickRequest {
  readonly destination: DestinationKey;
  readonly tiers: readonly Tier[];
  /** Keys of hosts that this attempt has already asked. */
  readonly tried: ReadonlySet<string>;
  /** Keys of hosts to which this process holds an idle connection: eligible although at their connection limit. */
  readonly warm: ReadonlySet<string>;
  /** Keys of hosts at which this very message failed before: it is not their probe while another could be (`shyGraceMs`). */
  readonly shy: ReadonlySet<string>;
  /** Host to take if it is eligible (greylisting, unknown outcome). */
  readonly prefer?: string;
  /** Identifies this attempt: owner of a probe lease. */
  readonly leaseId: string;
  /** Successes since the last pick, by host key: they raise the connection limit of a new host (no call of their own). */
  readonly successes?: ReadonlyMap<string, number>;
}

export type PickMode = 'go' | 'suspect' | 'ramp' | 'probe';

export type Pick =
  | {
      readonly kind: 'host';
      readonly host: Host;
      readonly tier: number;
      readonly mode: PickMode;
      readonly epoch: number;
    }
  /** Nobody before `retryAtMs`. `busy`: only connection limits stand in the way. `tried`: hosts are up, but were all asked. */
  | {
      readonly kind: 'none';
      readonly retryAtMs: number;
      readonly nowMs: number;
      readonly cause: 'resting' | 'busy' | 'ramp' | 'tried' | 'drained';
    };

export type HostOutcome = 'ok' | 'soft' | 'fail';

export interface HostReport {
  readonly host: Host;
  readonly epoch: number;
  readonly outcome: HostOutcome;
  readonly leaseId: string;
  readonly messageId: MessageId;
  /** Last reply or trouble, one line, shortened; kept for the console. */
  readonly reply: string;
}

export type ReportResult =
  | { readonly kind: 'stale' }
  | { readonly kind: 'applied'; readonly from: HostState; readonly to: HostState; readonly untilMs?: number };

export interface HostSnapshot {
  readonly key: string;
  readonly label: string;
  readonly state: HostState;
  readonly epoch: number;
  readonly untilMs?: number;
  readonly sinceMs?: number;
  readonly restMs?: number;
  readonly lastReply?: string;
  readonly connections: number;
  readonly connectionsMax: number;
}

export interface CursorSnapshot {
  readonly tierKey: string;
  readonly turns: ReadonlyMap<string, number>;
}

export interface Rotation {
  pick(request: PickRequest): Promise<Pick>;
  report(report: HostReport): Promise<ReportResult>;
  /** Takes a lease for one connection to the host; false: the host is at its limit. */
  openConnection(host: Host, connectionId: string): Promise<boolean>;
  closeConnection(host: Host, connectionId: string): Promise<void>;
  /** Renews the leases of all connections this process holds (one call per renewal interval). */
  renewConnections(held: readonly { readonly host: Host; readonly connectionId: string }[]): Promise<void>;
  /** Destinations whose host has come back since they were refused, at most `portion`; each is handed out once. */
  releaseWaiters(portion: number): Promise<DestinationKey[]>;
  hosts(): Promise<HostSnapshot[]>;
  cursors(): Promise<CursorSnapshot[]>;
}
