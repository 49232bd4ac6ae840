/**
 * Clients that speak out of order, too long or too much. Real processes; afterwards an honest client is served, and the host
 * has got nothing it should not have.
 */
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { waitFor } from '@mailwheel/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { HostileStage, stranger } from './hostile-stage.ts';

let stage: HostileStage;

beforeAll(async () => {
  stage = await HostileStage.start();
}, 60_000);
afterAll(() => stage?.stop());
afterEach(() => stage.assertUnharmed());

describe('order', () => {
  test('a stranger who speaks before the greeting is shown out, whatever he says', async () => {
    const session = await stage.client(stage.tier.smtpPort, stranger);
    session.send('EHLO evil.example', 'MAIL FROM:<evil@source.example>', 'RCPT TO:<b@dest.example>', 'DATA');
    await session.expect(/^421/);
    await session.closed();
  });

  test('a transaction before EHLO, in one segment, is refused step by step', async () => {
    const session = await stage.client();
    session.send(
      'MAIL FROM:<evil@source.example>',
      'RCPT TO:<b@dest.example>',
      'DATA',
      'Subject: evil',
      '',
      '.',
    );
    await session.expect(220);
    for (let count = 0; count < 3; count += 1) await session.expect(503);
    for (let count = 0; count < 3; count += 1) await session.expect(500);
  });

  test('EHLO, RSET and a refused DATA in the pipeline never let data through', async () => {
    const session = await stage.greeted();
    session.send('MAIL FROM:<evil@source.example>', 'RCPT TO:<b@dest.example>', 'EHLO again.example', 'DATA');
    for (const code of [250, 250, 250, 503]) await session.expect(code);
    session.send('MAIL FROM:<evil@source.example>', 'RCPT TO:<b@dest.example>', 'RSET', 'DATA');
    for (const code of [250, 250, 250, 503]) await session.expect(code);
    session.send('MAIL FROM:<evil@source.example>', 'RCPT TO:<no domain>', 'DATA', 'Subject: evil', '.');
    for (const code of [250, 553, 503, 500, 500]) await session.expect(code === 553 ? /^5/ : code);
  });

  test('STARTTLS, AUTH, XCLIENT and XFORWARD do not exist where they are not configured; a PROXY header ends the session', async () => {
    const session = await stage.greeted();
    const words = ['STARTTLS', 'AUTH PLAIN AGEAYg==', 'XCLIENT ADDR=127.0.0.1', 'XFORWARD ADDR=127.0.0.1'];
    session.send(...words, 'NOOP');
    for (const _ of words) await session.expect(500);
    await session.expect(250);
    session.send('PROXY TCP4 1.2.3.4 5.6.7.8 1 2', 'NOOP');
    await session.expect(/^421 4\.7\.0/);
    await session.closed();
  });

  test.each(['BDAT 120 LAST', 'BDAT 0 LAST', 'bdat 120'])(
    '%s ends the session: its octets are no commands',
    async (bdat) => {
      const session = await stage.greeted();
      const { lines } = await session.command('EHLO again.example', 250);
      expect(lines.join()).not.toMatch(/CHUNKING|BINARYMIME/);
      await session.command('MAIL FROM:<a@source.example>', 250);
      await session.command('RCPT TO:<b@dest.example>', 250);
      session.send(
        bdat,
        'RSET',
        'MAIL FROM:<evil@source.example>',
        'RCPT TO:<b@dest.example>',
        'DATA',
        'evil',
        '.',
      );
      await session.expect(/^502 5\.5\.1/);
      await expect(session.expect()).rejects.toThrow('closed');
    },
  );
});

describe('length', () => {
  test('an endless line is cut off, however it comes', async () => {
    for (const piece of ['A'.repeat(64), 'A'.repeat(100_000)]) {
      const session = await stage.client();
      await session.expect(220);
      for (let sent = 0; sent < 200 && !session.ended; sent += 1) {
        session.write(piece);
        if (piece.length < 1000) await sleep(1);
      }
      await session.expect(/^421/);
      await session.closed();
    }
  });

  test.each([
    ['a local part', `MAIL FROM:<${'l'.repeat(65)}@source.example>`],
    ['a domain', `MAIL FROM:<a@${'d'.repeat(64)}.example>`],
    ['a path', `MAIL FROM:<a@${'d.'.repeat(130)}example>`],
    ['a source route', `MAIL FROM:<${'@h.example,'.repeat(60)}:a@source.example>`],
    ['a parameter', `MAIL FROM:<a@source.example> SIZE=${'9'.repeat(21)}`],
    ['an ENVID', `MAIL FROM:<a@source.example> ENVID=${'e'.repeat(101)}`],
    ['a keyword', `MAIL FROM:<a@source.example> ${'K'.repeat(1000)}=1`],
    [
      'a hundred parameters',
      `MAIL FROM:<a@source.example> ${Array.from({ length: 100 }, (_, at) => `X${at}=1`).join(' ')}`,
    ],
  ])('%s too long is refused, and the session goes on', async (_what, line) => {
    const session = await stage.greeted();
    expect((await session.command(line)).code).toBeGreaterThanOrEqual(500);
    await session.command('NOOP', 250);
  });

  test('a parameter of a recipient too long', async () => {
    const session = await stage.greeted();
    await session.command('MAIL FROM:<a@source.example>', 250);
    await session.command(`RCPT TO:<b@dest.example> ORCPT=rfc822;${'o'.repeat(500)}`, /^5/);
    await session.command(`RCPT TO:<b@dest.example> NOTIFY=${'DELAY,'.repeat(200)}DELAY`, /^5/);
  });

  test('a HELO name of 2000 octets with control characters breaks no line of the message or the log', async () => {
    const session = await stage.client();
    await session.expect(220);
    session.write(`EHLO x\r y\0\x1b[31m${'h'.repeat(1900)}\r\n`);
    const greeting = await session.expect();
    if (greeting.code === 250) {
      session.send('MAIL FROM:<a@source.example>', 'RCPT TO:<helo@dest.example>', 'DATA');
      for (const code of [250, 250, 354]) await session.expect(code);
      session.send('Subject: helo', '', '.');
      await session.expect(250);
      const got = await waitFor('the message', () =>
        stage.host.delivered.find(({ body }) => body.includes('Subject: helo')),
      );
      // oxlint-disable-next-line no-control-regex -- control characters are what must not be there
      expect(got.body.toString('latin1').replaceAll('\r\n', '')).not.toMatch(/[\x00-\x08\x0a-\x1f]/);
      expect(
        got.body
          .toString()
          .split('\r\n')
          .every((line) => line.length < 998),
      ).toBe(true);
    }
    // oxlint-disable-next-line no-control-regex -- likewise
    expect(stage.ingress.output()).not.toMatch(/[\x00\x1b\r]/);
  });
});

describe('number', () => {
  test('thousands of RCPT: the limit holds, and the message goes to those that were taken', async () => {
    const session = await stage.greeted();
    await session.command('MAIL FROM:<a@source.example>', 250);
    const count = 3000;
    session.send(...Array.from({ length: count }, (_, at) => `RCPT TO:<r${at}@dest.example>`));
    let taken = 0;
    for (let at = 0; at < count; at += 1) {
      const { code, enhancedCode } = await session.expect();
      if (code === 250) taken += 1;
      else expect(`${code} ${enhancedCode}`).toBe('452 4.5.3');
    }
    expect(taken).toBe(100);
  });

  test('thousands of RSET, NOOP and VRFY are answered in order and tell nothing, and others are served meanwhile', async () => {
    const session = await stage.greeted();
    const commands = Array.from({ length: 6000 }, (_, at) => ['RSET', 'NOOP', 'VRFY root'][at % 3] as string);
    session.send(...commands, 'NOOP');
    const startedMs = performance.now();
    await stage.honest();
    expect(performance.now() - startedMs).toBeLessThan(5000);
    for (const command of commands) await session.expect(command === 'VRFY root' ? 252 : 250);
    await session.expect(250);
  });

  test('a client that reads no reply is not written to for ever', async () => {
    const socket = connect(stage.tier.smtpPort, '127.0.0.1');
    stage.sockets.push(socket);
    socket.on('error', () => undefined);
    socket.pause();
    const before = residentBytes();
    const block = 'EHLO attacker.example\r\n'.repeat(10_000);
    for (let count = 0; count < 100; count += 1) {
      socket.write(block);
      await sleep(10);
    }
    await stage.honest();
    expect(residentBytes() - before).toBeLessThan(60e6);
  });

  test('unknown commands: a few are answered, then 421', async () => {
    const session = await stage.greeted();
    session.send(...Array.from({ length: 50 }, (_, at) => `EVIL${at}`));
    for (let count = 0; count < 9; count += 1) await session.expect(500);
    await session.expect(/^421/);
    await session.closed();
  });

  test('RSET between them does not help', async () => {
    const session = await stage.greeted();
    session.send(...Array.from({ length: 50 }, (_, at) => (at % 2 === 0 ? 'EVIL' : 'RSET')));
    const codes: number[] = [];
    while (codes.at(-1) !== 421) codes.push((await session.expect()).code);
    expect(codes.length).toBeLessThan(25);
  });

  test('a web page that posts to the port is shown out at once', async () => {
    const session = await stage.client();
    session.send('POST / HTTP/1.1', 'Host: x', '', 'EHLO evil.example', 'MAIL FROM:<evil@source.example>');
    await session.expect(220);
    await session.expect(/^421/);
    await session.closed();
  });
});

function residentBytes(): number {
  const status = readFileSync(`/proc/${stage.ingress.child.pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) * 1024;
}
