/**
 * The scripts against their model. The same random commands (picks, reports, connections, releases, time passing) drive the
 * pure machine of `pacing`, put together below as one would say it in words, and the scripts on a real Redis whose clock the
 * test holds. Every answer and, after each command, every host and cursor must agree.
 */
import type { DestinationKey, MessageId } from '@mailwheel/envelope';
import { newCursor, type HealthRules, type HostHealth } from '@mailwheel/pacing';
import type { Host, Tier } from '@mailwheel/routing';
import { startRedis, type TestRedis } from '@mailwheel/testkit';
import fc from 'fast-check';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createRotation } from './create-rotation.ts';
import { hostPrefix, turnPrefix } from './keys.ts';
import { ReferenceModel } from './reference-model.ts';
import { hostStateOf } from './snapshot.ts';
import type { HostOutcome, Pick, PickRequest, Rotation } from './types.ts';

const rules: HealthRules = {
  firstRestSeconds: 15,
  longestRestSeconds: 40,
  aloneRestSeconds: 10,
  restJitter: 0.2,
  rampStartPerSecond: 1.7,
  rampLevels: 2,
  probeLeaseSeconds: 20,
  shySeconds: 5,
};
const initialConnections = 2;
const connectionsMax = 5;
const leaseMs = 9000;
const spreadMs = 20;
const random = 0.3;

const hosts = ['a', 'b', 'c', 'd', 'e'].map((name): Host => ({
  key: `${name}:25`,
  label: `${name}:25`,
  address: name,
  port: 25,
  policy: { tls: 'none' },
}));
const [a, b, c, d, e] = hosts as [Host, Host, Host, Host, Host];
const plans: readonly (readonly Tier[])[] = [
  [
    { key: 'one:0', hosts: [a, b, c] },
    { key: 'one:1', hosts: [d] },
  ],
  [
    { key: 'two:0', hosts: [a, d] },
    { key: 'two:1', hosts: [e, b] },
  ],
  [{ key: 'three:0', hosts: [c] }],
];

type Command =
  | { readonly do: 'tick'; readonly ms: number }
  | {
      readonly do: 'pick';
      readonly plan: number;
      readonly message: number;
      readonly tried: number;
      readonly warm: number;
      readonly shy: number;
      readonly prefer: number;
      readonly succeeded: number;
    }
  | {
      readonly do: 'report';
      readonly times: number;
      readonly ago: number;
      readonly outcome: HostOutcome;
      readonly message: number;
    }
  | { readonly do: 'open' | 'close'; readonly host: number; readonly connection: number }
  | { readonly do: 'release'; readonly portion: number };

const sometimes = (max: number): fc.Arbitrary<number> =>
  fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(max) });
const outcome = fc.constantFrom<HostOutcome>('fail', 'fail', 'soft', 'ok', 'ok', 'ok');
const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('pick' as const),
      plan: fc.nat(2),
      message: fc.nat(2),
      tried: sometimes(31),
      warm: sometimes(31),
      shy: sometimes(31),
      prefer: fc.oneof({ weight: 4, arbitrary: fc.constant(-1) }, { weight: 1, arbitrary: fc.nat(4) }),
      succeeded: sometimes(4),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('report' as const),
      times: fc.constantFrom(1, 1, 3, 6),
      ago: sometimes(5),
      outcome,
      message: fc.nat(2),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('tick' as const),
      ms: fc.constantFrom(1, 60, 250, 1000, 4000, 6000, 11_000, 21_000),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom('open' as const, 'open' as const, 'close' as const),
      host: fc.nat(4),
      connection: fc.nat(6),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('release' as const), portion: fc.integer({ min: 1, max: 3 }) }),
  },
);

const chosen = (bits: number): Set<string> =>
  new Set(hosts.filter((_, at) => (bits & (1 << at)) !== 0).map((host) => host.key));

let redis: TestRedis;
let client: Redis;
beforeAll(async () => {
  redis = await startRedis();
  client = redis.client();
});
afterAll(() => redis.stop());

function rotationOn(model: ReferenceModel, byConnection: boolean): Rotation {
  return createRotation({
    client,
    health: rules,
    shySeconds: rules.shySeconds,
    connectionsPerHostMax: connectionsMax,
    initialConnections,
    provenSeconds: 600,
    rotate: byConnection ? 'connection' : 'message',
    connectionLeaseSeconds: leaseMs / 1000,
    waiterSpreadMs: spreadMs,
    successPaceMs: 0,
    random: () => random,
    clock: () => model.nowMs,
  });
}

/** Health as Redis holds it, in the words of the model. */
function healthOf(fields: Readonly<Record<string, string>>): HostHealth {
  const n = (name: string): number => Number(fields[name]);
  const state = hostStateOf(fields['st']);
  const epoch = Number(fields['ep'] ?? 0);
  const suspectMessage = fields['sus'];
  switch (state) {
    case 'healthy':
      return { state, epoch, ...(suspectMessage === undefined ? {} : { suspectMessage }) };
    case 'unhealthy':
      return { state, epoch, restMs: n('rest'), sinceMs: n('since'), untilMs: n('until') };
    case 'probing':
      return {
        state,
        epoch,
        restMs: n('rest'),
        sinceMs: n('since'),
        leaseId: String(fields['lease']),
        leaseUntilMs: n('till'),
      };
    case 'recovering':
      return {
        state,
        epoch,
        restMs: n('rest'),
        level: n('lvl'),
        successes: n('ok'),
        tokens: n('tok'),
        tokensAtMs: n('at'),
      };
    case 'drained':
      return { state, epoch };
  }
}

async function expectSameState(model: ReferenceModel): Promise<void> {
  const pipeline = client.pipeline();
  for (const host of hosts) pipeline.hgetall(`${hostPrefix}${host.key}`);
  const tierKeys = plans.flatMap((tiers) => tiers.map((tier) => tier.key));
  for (const key of tierKeys) pipeline.hgetall(`${turnPrefix}${key}`);
  const replies = ((await pipeline.exec()) ?? []).map(([, value]) => value as Record<string, string>);
  for (const [at, host] of hosts.entries())
    expect(healthOf(replies[at] ?? {}), host.key).toEqual(model.of(host.key));
  for (const [at, key] of tierKeys.entries()) {
    const { _f: floor = '0', ...turns } = replies[hosts.length + at] ?? {};
    const held = {
      floor: Number(floor),
      turns: new Map(Object.entries(turns).map(([host, v]) => [host, Number(v)])),
    };
    expect(held, key).toEqual(model.cursors.get(key) ?? newCursor);
  }
}

async function runCommands(
  commands: readonly Command[],
  byConnection: boolean,
  seen: Set<string>,
): Promise<void> {
  await client.flushall();
  const model = new ReferenceModel({
    rules,
    byConnection,
    initialConnections,
    connectionsMax,
    leaseMs,
    spreadMs,
    random,
  });
  const rotation = rotationOn(model, byConnection);
  const made: { readonly pick: Extract<Pick, { kind: 'host' }>; readonly leaseId: string }[] = [];
  for (const [at, one] of commands.entries()) {
    switch (one.do) {
      case 'tick':
        model.nowMs += one.ms;
        break;
      case 'pick': {
        const leaseId = `lease${at}`;
        const prefer = hosts[one.prefer]?.key;
        const request: PickRequest = {
          destination: `d${one.message}.example` as DestinationKey,
          tiers: plans[one.plan] ?? [],
          tried: chosen(one.tried),
          warm: chosen(one.warm),
          shy: chosen(one.shy),
          leaseId,
          ...(prefer === undefined ? {} : { prefer }),
          ...(one.succeeded === 0 ? {} : { successes: new Map([[hosts[one.succeeded]?.key ?? '', 3]]) }),
        };
        const pick = await rotation.pick(request);
        expect(pick).toEqual(model.pick(request));
        if (pick.kind === 'host') made.push({ pick, leaseId });
        seen.add(pick.kind === 'host' ? pick.mode : pick.cause);
        break;
      }
      case 'report': {
        const subject = made.at(-1 - one.ago);
        if (subject === undefined) break;
        const { host, epoch } = subject.pick;
        const messageId = `m${one.message}` as MessageId;
        const report = { epoch, outcome: one.outcome, leaseId: subject.leaseId, messageId };
        for (let time = 0; time < one.times; time += 1) {
          const result = await rotation.report({ host, reply: '451 x', ...report });
          const told = result.kind === 'stale' ? 'stale' : `${result.from} -> ${result.to}`;
          expect(told).toBe(model.report(host, report));
          seen.add(told);
        }
        break;
      }
      case 'open':
      case 'close': {
        const host = hosts[one.host] as Host;
        const id = `c${one.connection}`;
        if (one.do === 'open') expect(await rotation.openConnection(host, id)).toBe(model.open(host, id));
        else {
          await rotation.closeConnection(host, id);
          model.close(host, id);
        }
        break;
      }
      case 'release': {
        const released = await rotation.releaseWaiters(one.portion);
        expect(model.release(released, one.portion), released.join(' ')).toBe(true);
        if (released.length > 0) seen.add('released');
      }
    }
    await expectSameState(model);
  }
}

const seed = Number(process.env['MAILWHEEL_TEST_SEED'] ?? 20_240_607);

it.each([
  ['message', false],
  ['connection', true],
] as const)('answers and states agree with the model, turns taken by %s', async (_, byConnection) => {
  const seen = new Set<string>();
  await fc.assert(
    fc.asyncProperty(fc.array(command, { minLength: 40, maxLength: 120, size: 'max' }), (commands) =>
      runCommands(commands, byConnection, seen),
    ),
    { seed, numRuns: 40 },
  );
  const everything = ['go', 'suspect', 'ramp', 'probe', 'resting', 'busy', 'tried', 'stale', 'released'];
  const moves = [
    'healthy -> unhealthy',
    'probing -> recovering',
    'probing -> unhealthy',
    'recovering -> healthy',
  ];
  expect([...seen]).toEqual(expect.arrayContaining([...everything, ...moves, 'recovering -> unhealthy']));
});
