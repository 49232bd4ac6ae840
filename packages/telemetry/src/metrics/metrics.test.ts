/** What a scrape shows: counts, bounds of labels, and names that Prometheus' own rules accept. */
import { describe, expect, it } from 'vitest';
import {
  boundedLabel,
  codeLabel,
  createMetrics,
  createRegistry,
  deliveryMetrics,
  hostMetrics,
  ingressMetrics,
  labelBounds,
  metricGroups,
  processMetrics,
  queueMetrics,
  renderMetricsReference,
  type MetricRegistry,
} from '../index.ts';

async function series(registry: MetricRegistry): Promise<string[]> {
  const text = await registry.text();
  return text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
}

const bounds = (): ReturnType<typeof labelBounds> => labelBounds({ destinationsMax: 2, hostsMax: 2 });

describe('counters', () => {
  it('start at 0 without labels, and appear with their first count otherwise', async () => {
    const registry = createRegistry({ processMetrics: false });
    const { acceptedMessages, refusedMessages, acceptedBytes } = createMetrics(
      registry,
      ingressMetrics,
      bounds(),
    );
    acceptedBytes.add(512);
    acceptedBytes.add(512);
    acceptedMessages.add();
    refusedMessages.add({ reason: 'size' });
    const counters = (await series(registry)).filter((line) => !line.includes('seconds'));
    expect(counters).toEqual([
      'mailwheel_accepted_messages_total 1',
      'mailwheel_accepted_recipients_total 0',
      'mailwheel_accepted_bytes_total 1024',
      'mailwheel_refused_messages_total{reason="size"} 1',
      'mailwheel_tls_failures_total 0',
      'mailwheel_accept_unknown_total 0',
    ]);
  });

  it('count hosts beyond the bound together, in every metric alike, and the same after a scrape', async () => {
    const registry = createRegistry({ processMetrics: false });
    const shared = bounds();
    const { picks } = createMetrics(registry, hostMetrics, shared);
    const { unknownOutcomes } = createMetrics(registry, deliveryMetrics, shared);
    for (const host of ['a', 'b', 'c', 'd', 'c']) picks.add({ host, mode: 'go' });
    unknownOutcomes.add({ host: 'd' });
    unknownOutcomes.add({ host: 'a' });
    await registry.text();
    picks.add({ host: 'd', mode: 'go' }, 2);
    const lines = await series(registry);
    expect(lines).toEqual(
      expect.arrayContaining([
        'mailwheel_picks_total{host="a",mode="go"} 1',
        'mailwheel_picks_total{host="b",mode="go"} 1',
        'mailwheel_picks_total{host="other",mode="go"} 5',
        'mailwheel_unknown_outcomes_total{host="other"} 1',
        'mailwheel_unknown_outcomes_total{host="a"} 1',
      ]),
    );
    expect(lines.filter((line) => line.startsWith('mailwheel_picks_total'))).toHaveLength(3);
  });

  it('escape label values', async () => {
    const registry = createRegistry({ processMetrics: false });
    createMetrics(registry, ingressMetrics, bounds()).refusedMessages.add({ reason: 'a"b\n\\' });
    expect(await registry.text()).toContain(String.raw`{reason="a\"b\n\\"} 1`);
  });
});

describe('gauges', () => {
  it('take a whole snapshot: what is gone vanishes, what is beyond the bound is added up', async () => {
    const registry = createRegistry({ processMetrics: false });
    const { depth } = createMetrics(registry, queueMetrics, bounds());
    depth.replace([[{ destination: 'gone.example', state: 'waiting' }, 9]]);
    depth.replace(
      ['a.example', 'b.example', 'c.example'].map(
        (destination) => [{ destination, state: 'waiting' }, 2] as const,
      ),
    );
    expect((await series(registry)).filter((line) => line.startsWith('mailwheel_queue_depth'))).toEqual([
      'mailwheel_queue_depth{destination="a.example",state="waiting"} 2',
      'mailwheel_queue_depth{destination="other",state="waiting"} 4',
    ]);
  });

  it('can be read at the scrape', async () => {
    const registry = createRegistry({ processMetrics: false });
    const { heldJobs, redisUp } = createMetrics(registry, processMetrics, bounds());
    let held = 3;
    heldJobs.readFrom(() => held);
    redisUp.set(1);
    expect(await series(registry)).toEqual(
      expect.arrayContaining(['mailwheel_held_jobs 3', 'mailwheel_redis_up 1']),
    );
    held = 4;
    expect(await series(registry)).toContain('mailwheel_held_jobs 4');
  });

  it('go up and down', async () => {
    const registry = createRegistry({ processMetrics: false });
    const { connectionsOpen } = createMetrics(registry, hostMetrics, bounds());
    connectionsOpen.add({ host: 'a' }, 2);
    connectionsOpen.add({ host: 'a' }, -1);
    expect(await series(registry)).toContain('mailwheel_connections_open{host="a"} 1');
  });
});

describe('the registry', () => {
  it('shows histograms in buckets', async () => {
    const registry = createRegistry({ processMetrics: false });
    createMetrics(registry, ingressMetrics, bounds()).acceptSeconds.observe(0.003);
    expect(await series(registry)).toEqual(
      expect.arrayContaining([
        'mailwheel_accept_seconds_bucket{le="0.0025"} 0',
        'mailwheel_accept_seconds_bucket{le="0.005"} 1',
        'mailwheel_accept_seconds_count 1',
      ]),
    );
  });

  it('has the metrics of the process, without the gauges that promtool rejects', async () => {
    const text = await createRegistry().text();
    expect(text).toContain('process_cpu_seconds_total');
    expect(text).not.toContain('nodejs_active_');
  });
});

describe('declarations', () => {
  const specs = metricGroups.flatMap(({ specs: group }) => Object.values(group));

  it('follow the naming rules of Prometheus', () => {
    for (const spec of specs) {
      expect(spec.name).toMatch(/^mailwheel_[a-z][a-z0-9_]*$/);
      expect(spec.name.endsWith('_total')).toBe(spec.kind === 'counter');
      expect(spec.name).not.toMatch(/_(ms|milliseconds|minutes|percent|kb|mb|count|sum|bucket)(_total)?$/);
      expect(spec.help).toMatch(/^[A-Z0-9].*\.$/);
      if (spec.kind === 'histogram') expect(spec.buckets).toEqual(spec.buckets.toSorted((a, b) => a - b));
    }
    expect(new Set(specs.map((spec) => spec.name)).size).toBe(specs.length);
  });

  it('stand in the reference page', () => {
    for (const spec of specs)
      expect(renderMetricsReference()).toContain(`| \`${spec.name}\` | ${spec.kind} |`);
  });
});

describe('labels', () => {
  it('keep their meaning once given', () => {
    const label = boundedLabel(1);
    expect([label('a'), label('b'), label('a')]).toEqual(['a', 'other', 'a']);
  });

  it('name known reply codes, and the class of others', () => {
    expect([codeLabel(452), codeLabel(499), codeLabel(undefined)]).toEqual(['452', '4xx', 'none']);
  });
});
