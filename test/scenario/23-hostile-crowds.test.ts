/**
 * Clients that are too many or too slow, and strangers who want mail relayed. Real processes with small limits and short
 * times; afterwards an honest client is served.
 */
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { waitFor, type RawSmtp } from '@mailwheel/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { connectionsMax, HostileStage, perAddressMax, stranger } from './hostile-stage.ts';

let stage: HostileStage;

beforeAll(async () => {
  stage = await HostileStage.start();
}, 60_000);
afterAll(() => stage?.stop());
afterEach(() => stage.assertUnharmed());

/** Connects and tells what it was greeted with, keeping the connection open. */
async function flood(count: number, localAddress: string): Promise<string[]> {
  return Promise.all(
    Array.from({ length: count }, async () => {
      const session = await stage.client(stage.tier.smtpPort, localAddress);
      return (await session.expect()).line.slice(0, 9);
    }),
  );
}

describe('floods', () => {
  test('one address gets its share, the others 421 4.7.0; another address is served', async () => {
    const greetings = await flood(perAddressMax + 30, '127.0.1.1');
    expect(greetings.filter((line) => line.startsWith('220'))).toHaveLength(perAddressMax);
    expect(greetings.filter((line) => line === '421 4.7.0')).toHaveLength(30);
    const other = await stage.client(stage.tier.smtpPort, '127.0.1.2');
    await other.expect(220);
  });

  test('many addresses get no more than all may have, then 421 4.3.2; a closed one makes room', async () => {
    const each = connectionsMax / 4;
    const greetings: string[] = [];
    for (let address = 1; address <= 5; address += 1)
      greetings.push(...(await flood(each, `127.0.1.${address}`)));
    expect(greetings.filter((line) => line.startsWith('220'))).toHaveLength(connectionsMax);
    expect(greetings.filter((line) => line === '421 4.3.2')).toHaveLength(each);
    stage.sockets[0]?.destroy();
    await waitFor('room', async () => (await flood(1, '127.0.1.9'))[0]?.startsWith('220'));
  });

  test('connections that are opened and dropped at once leave nothing counted', async () => {
    for (let count = 0; count < 500; count += 1) {
      const socket = connect({ port: stage.tier.smtpPort, host: '127.0.0.1', localAddress: '127.0.1.1' });
      socket.on('error', () => undefined);
      socket.once('connect', () => socket.resetAndDestroy());
      if (count % 50 === 0) await sleep(10);
    }
    await waitFor('nothing to be counted', async () => {
      const metrics = await stage.tier.metrics(stage.ingress);
      return /^mailwheel_\w*connections\w*\{[^}]*smtp[^}]*\} 0$/m.test(metrics);
    });
  });
});

describe('slow clients', () => {
  /** Sends an octet now and then until the server closes; gives how long that took and what it said last. */
  async function trickle(
    session: RawSmtp,
    octets: string,
    everyMs: number,
  ): Promise<{ ms: number; line: string }> {
    const startedMs = performance.now();
    for (const octet of octets) {
      if (session.ended) break;
      session.write(octet);
      await sleep(everyMs);
    }
    const { line } = await session.expect();
    await session.closed();
    return { ms: performance.now() - startedMs, line };
  }

  test('silence is ended by the idle time: after connecting, in a command, in data', async () => {
    for (const beginning of [
      '',
      'MAIL FROM:<a@sour',
      'MAIL FROM:<>\r\nRCPT TO:<b@dest.example>\r\nDATA\r\nSubj',
    ]) {
      const session = await stage.greeted(stage.hastyPort);
      session.write(beginning);
      if (beginning.includes('DATA')) for (const code of [250, 250, 354]) await session.expect(code);
      const startedMs = performance.now();
      await session.expect(/^421 4\.4\.2/);
      await session.closed();
      expect(performance.now() - startedMs).toBeLessThan(4000);
    }
  });

  test('a command that trickles is ended by the time of the whole', async () => {
    const session = await stage.greeted(stage.hastyPort);
    const { ms, line } = await trickle(session, `MAIL FROM:<${'a'.repeat(60)}@source.example>`, 200);
    expect(line).toMatch(/^421 4\.4\.2/);
    expect(ms).toBeLessThan(6000);
  });

  test('data that trickles is ended by the time of the whole', async () => {
    const session = await stage.greeted(stage.hastyPort);
    session.send('MAIL FROM:<>', 'RCPT TO:<b@dest.example>', 'DATA');
    for (const code of [250, 250, 354]) await session.expect(code);
    const { ms, line } = await trickle(session, `Subject: evil\r\n${'x'.repeat(60)}`, 200);
    expect(line).toMatch(/^421 4\.4\.2/);
    expect(ms).toBeLessThan(6000);
  });

  test('so is one who only says NOOP; one who sends mail stays as long as he likes', async () => {
    const lazy = await stage.greeted(stage.hastyPort);
    const busy = await stage.greeted(stage.hastyPort);
    const endMs = performance.now() + 4500;
    let lazyEnded = false;
    while (performance.now() < endMs) {
      if (!lazy.ended) lazy.send('NOOP');
      busy.send('MAIL FROM:<>', 'RCPT TO:<b@dest.example>', 'DATA');
      for (const code of [250, 250, 354]) await busy.expect(code);
      busy.send('Subject: busy', '', '.');
      await busy.expect(250);
      lazyEnded ||= lazy.ended;
      await sleep(300);
    }
    expect(lazyEnded).toBe(true);
    await busy.command('NOOP', 250);
  });

  test('a half-open client is not kept', async () => {
    const socket = connect({ port: stage.hastyPort, host: '127.0.0.1', allowHalfOpen: true });
    stage.sockets.push(socket);
    socket.on('error', () => undefined);
    socket.resume();
    socket.end(
      'EHLO half.example\r\nMAIL FROM:<a@source.example>\r\nRCPT TO:<b@dest.example>\r\nDATA\r\nSubject: evil',
    );
    const startedMs = performance.now();
    await once(socket, 'end');
    expect(performance.now() - startedMs).toBeLessThan(4000);
  });
});

describe('open relay', () => {
  const recipients = [
    '<b@dest.example>',
    '<@relay.test:b@dest.example>',
    '<@relay.test,@other.example:b@dest.example>',
    '<b%dest.example@relay.test>',
    '<b%dest.example@[127.0.0.1]>',
    '<"b@dest.example"@relay.test>',
    '<"b@dest.example">',
    '<dest.example!b@relay.test>',
    '<dest.example!b>',
    '<relay.test!dest.example!b>',
    '<b@dest.example@relay.test>',
    '<b@[127.0.0.1]>',
    '<b@localhost>',
    '<b@relay.test>',
    '<postmaster>',
    '<postmaster@dest.example>',
    '<b@dest.example> NOTIFY=SUCCESS',
    '<b@dest.example> ORCPT=rfc822;b@dest.example',
    '< b@dest.example>',
    '<b@dest.example\0>',
    'b@dest.example',
  ];

  test.each(['', 'a@source.example', 'postmaster@relay.test', 'a@[127.0.0.1]'])(
    'a stranger who calls himself <%s> reaches nobody, however he writes the recipient',
    async (from) => {
      const session = await stage.greeted(stage.tier.smtpPort, stranger);
      await session.command(`MAIL FROM:<${from}>`, 250);
      for (const recipient of recipients) await session.command(`RCPT TO:${recipient}`, /^5/);
      await session.command('DATA', 503);
    },
  );

  test.each([
    'XCLIENT ADDR=127.0.0.1 NAME=localhost LOGIN=admin',
    'XFORWARD ADDR=127.0.0.1 NAME=localhost',
    'AUTH PLAIN AGFkbWluAGFkbWlu',
    'AUTH LOGIN',
    'HELO [127.0.0.1]',
    'EHLO localhost',
    'LHLO localhost',
  ])('%s makes no friend of a stranger', async (claim) => {
    const session = await stage.greeted(stage.tier.smtpPort, stranger);
    const { code } = await session.command(claim);
    expect(/^(?:HELO|EHLO)/.test(claim) ? code : Math.floor(code / 100)).toBe(
      /^(?:HELO|EHLO)/.test(claim) ? 250 : 5,
    );
    await session.command('MAIL FROM:<evil@source.example>', 250);
    await session.command('RCPT TO:<b@dest.example>', /^550 5\.7\.1/);
  });

  test('a PROXY header is the end, before the greeting and after it', async () => {
    const header = 'PROXY TCP4 127.0.0.1 127.0.0.1 1000 25';
    const early = await stage.client(stage.tier.smtpPort, stranger);
    early.send(header, 'EHLO x.example', 'MAIL FROM:<evil@source.example>', 'RCPT TO:<b@dest.example>');
    await early.expect(/^421/);
    await early.closed();
    const late = await stage.client(stage.tier.smtpPort, stranger);
    await late.expect(220);
    late.send(header, 'EHLO x.example', 'MAIL FROM:<evil@source.example>', 'RCPT TO:<b@dest.example>');
    await late.expect(/^421 4\.7\.0/);
    await late.closed();
  });

  test('the PROXY protocol in binary is no greeting either', async () => {
    const session = await stage.client(stage.tier.smtpPort, stranger);
    await session.expect(220);
    session.write(Buffer.from('0d0a0d0a000d0a515549540a2111000c7f0000017f00000103e80019', 'hex'));
    session.send('', 'EHLO x.example');
    session.send('MAIL FROM:<evil@source.example>', 'RCPT TO:<b@dest.example>');
    const lines: string[] = [];
    for (;;) {
      const line = await session.expect().then(
        (reply) => reply.line,
        () => undefined,
      );
      if (line === undefined) break;
      lines.push(line);
      if (line.startsWith('550 5.7.1')) break;
    }
    expect(lines.at(-1)).toMatch(/^(?:550 5\.7\.1|421|221)/);
  });

  test('inside, what looks like a route is a mailbox of its domain: nothing is rewritten', async () => {
    const session = await stage.greeted();
    await session.command('MAIL FROM:<a@source.example>', 250);
    for (const path of [
      'b%victim.example@dest.example',
      '"b@victim.example"@dest.example',
      'victim.example!b@dest.example',
    ])
      await session.command(`RCPT TO:<${path}>`, 250);
    await session.command('RCPT TO:<@victim.example:routed@dest.example>', 250);
    await session.command('DATA', 354);
    session.send('Subject: inside', '', '.');
    await session.expect(250);
    const got = await waitFor('it', () =>
      stage.host.delivered.find(({ body }) => body.includes('Subject: inside')),
    );
    expect(got.recipients.map(({ address }) => address).toSorted()).toEqual([
      '"b@victim.example"@dest.example',
      'b%victim.example@dest.example',
      'routed@dest.example',
      'victim.example!b@dest.example',
    ]);
  });
});
