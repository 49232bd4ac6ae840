/** SMTP dialogues with the ingress, as transcripts, over a real Redis: what is said, and what is then stored. */
import { rawSmtp, smtpSubmit, startRedis, waitFor, type TestRedis } from '@mailwheel/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { converse, queuedId, startIngress, type TestIngress, type TestIngressOptions } from './fixture.ts';

let redis: TestRedis;
let ingress: TestIngress | undefined;

beforeAll(async () => {
  redis = await startRedis();
});
afterEach(async () => {
  await ingress?.stop();
  ingress = undefined;
});
afterAll(async () => {
  await redis.stop();
});

async function start(options: TestIngressOptions = {}): Promise<TestIngress> {
  ingress = await startIngress({ redis, ...options });
  return ingress;
}

describe('a session', () => {
  test('offers what it does, and nothing else', async () => {
    const client = await (await start()).connect();
    const { lines } = await client.command('EHLO client.example', 250);
    expect(lines).toEqual([
      'relay.example.net',
      'PIPELINING',
      '8BITMIME',
      'SMTPUTF8',
      'ENHANCEDSTATUSCODES',
      'DSN',
      'SIZE 52428800',
    ]);
    await converse(
      client,
      `C: AUTH PLAIN AGEAYg==
       S: 500 5.5.2
       C: STARTTLS
       S: 500 5.5.2
       C: XCLIENT ADDR=127.0.0.1
       S: 500 5.5.2
       C: WIZ x
       S: 500 5.5.2
       C: VRFY root
       S: 252 2.1.5
       C: NOOP
       S: 250
       C: RSET
       S: 250
       C: QUIT
       S: 221`,
    );
    await client.closed();
  });

  test('250 carries the id under which envelope and message are stored', async () => {
    const { greeted, message } = await start();
    const replies = await converse(
      await greeted(),
      `C: MAIL FROM:<a@sender.example> SIZE=100 BODY=8BITMIME RET=HDRS ENVID=QQ+2B1
       S: 250 2.1.0
       C: RCPT TO:<b@Dest.example> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;b+2Bx@dest.example
       S: 250 2.1.5
       C: RCPT TO:<Postmaster>
       S: 250 2.1.5
       C: DATA
       S: 354
       C: Subject: hello
       C: Message-ID: <1@sender.example>
       C: X-Mailwheel-Priority: bulk
       C:
       C: ..one dot
       C: .
       S: 250 2.0.0 Ok: queued as m00`,
    );
    const { envelope, body, relayed } = await message(queuedId(replies.at(-1)));
    expect(relayed.toString()).toBe(
      'Subject: hello\r\nMessage-ID: <1@sender.example>\r\nX-Mailwheel-Priority: bulk\r\n\r\n.one dot\r\n',
    );
    expect(body.toString()).toMatch(
      /^Received: from client\.example \(\[127\.0\.0\.1\]\)\r\n\tby relay\.example\.net with ESMTP id m00[a-z2-7]{26};\r\n\t\w{3}, /,
    );
    expect(envelope).toMatchObject({
      reversePath: 'a@sender.example',
      ret: 'HDRS',
      envid: 'QQ+2B1',
      body: '8BITMIME',
      smtpUtf8: false,
      priority: 'bulk',
      subject: 'hello',
      headerMessageId: '<1@sender.example>',
      bodyBytes: body.length,
      origin: { protocol: 'smtp', clientAddress: '127.0.0.1' },
      recipients: [
        {
          index: 0,
          address: 'b@Dest.example',
          destination: 'dest.example',
          notify: ['SUCCESS', 'DELAY'],
          originalRecipient: 'rfc822;b+2Bx@dest.example',
        },
        { index: 1, address: 'Postmaster@relay.example.net', destination: 'relay.example.net' },
      ],
    });
    expect(envelope.origin.connectionNumber).toBeGreaterThan(0);
  });

  test('takes UTF-8 addresses under SMTPUTF8 and says so in the trace line', async () => {
    const { greeted, message } = await start();
    const replies = await converse(
      await greeted(),
      `C: MAIL FROM:<j\u00fcrgen@m\u00fcnchen.example> SMTPUTF8
       S: 250 2.1.0
       C: RCPT TO:<\u7528\u6237@dest.example>
       S: 250 2.1.5
       C: DATA
       S: 354
       C: Subject: x
       C:
       C: .
       S: 250 2.0.0`,
    );
    const { envelope, body } = await message(queuedId(replies.at(-1)));
    expect(envelope).toMatchObject({ smtpUtf8: true, reversePath: 'j\u00fcrgen@m\u00fcnchen.example' });
    expect(body.toString()).toContain('with UTF8SMTP id');
    expect(body.toString()).toContain('for <\u7528\u6237@dest.example>;');
  });

  test('serves a client that sends whole transactions in one segment, two of them', async () => {
    const { greeted, message } = await start();
    const one = (name: string): string =>
      `MAIL FROM:<>\r\nRCPT TO:<${name}@dest.example>\r\nDATA\r\nSubject: ${name}\r\n\r\n${name}\r\n.\r\n`;
    const client = await greeted();
    client.write(`${one('first')}${one('second')}QUIT\r\n`);
    for (const name of ['first', 'second']) {
      await client.expect(/^250 2\.1\.0/);
      await client.expect(/^250 2\.1\.5/);
      await client.expect(354);
      const { envelope, relayed } = await message(queuedId((await client.expect(250)).line));
      expect(envelope.recipients[0]?.address).toBe(`${name}@dest.example`);
      expect(relayed.toString()).toBe(`Subject: ${name}\r\n\r\n${name}\r\n`);
    }
    await client.expect(221);
  });

  test('keeps the order of commands, and answers HELO in plain SMTP', async () => {
    const { connect, message } = await start();
    const replies = await converse(
      await connect(),
      `C: MAIL FROM:<a@sender.example>
       S: 503 5.5.1
       C: HELO client.example
       S: 250 relay.example.net
       C: RCPT TO:<b@dest.example>
       S: 503 5.5.1
       C: DATA
       S: 503 5.5.1
       C: MAIL FROM:<a@sender.example>
       S: 250 2.1.0
       C: MAIL FROM:<a@sender.example>
       S: 503 5.5.1
       C: DATA
       S: 503 5.5.1
       C: RCPT TO:<b@dest.example>
       S: 250 2.1.5
       C: RSET
       S: 250
       C: DATA
       S: 503 5.5.1
       C: MAIL FROM:<a@sender.example>
       S: 250 2.1.0
       C: RCPT TO:<b@dest.example>
       S: 250 2.1.5
       C: DATA
       S: 354
       C: .
       S: 250 2.0.0`,
    );
    const { body } = await message(queuedId(replies.at(-1)));
    expect(body.toString()).toMatch(/with SMTP id m00\w+\r\n\tfor <b@dest\.example>;\r\n\t[^\r]*\r\n$/);
  });

  test('BDAT is not offered, and its octets are not read as commands', async () => {
    const { greeted, stored } = await start();
    const before = (await stored()).length;
    const client = await greeted();
    await converse(
      client,
      `C: MAIL FROM:<a@sender.example>
       S: 250
       C: RCPT TO:<b@dest.example>
       S: 250
       C: BDAT 80 LAST
       C: MAIL FROM:<evil@sender.example>
       S: 502 5.5.1`,
    );
    await client.closed();
    expect((await stored()).length).toBe(before);
  });

  test('is told 421 when it is silent for too long', async () => {
    const { greeted } = await start({ idleSeconds: 0.3 });
    const client = await greeted();
    await client.expect(/^421 4\.4\.2/);
    await client.closed();
  });

  test('an overlong command ends it', async () => {
    const client = await (await start()).greeted();
    client.send(`MAIL FROM:<${'a'.repeat(3000)}@sender.example>`);
    await client.expect(421);
    await client.closed();
  });
});

describe('who may relay', () => {
  test('a stranger may say MAIL, and gets 550 5.7.1 at RCPT whatever he writes', async () => {
    const { greeted, stored } = await start({ smtp: { trustedNetworks: ['192.0.2.0/24'] } });
    const before = (await stored()).length;
    await converse(
      await greeted(),
      `C: MAIL FROM:<a@sender.example>
       S: 250
       C: RCPT TO:<b@dest.example>
       S: 550 5.7.1
       C: RCPT TO:<@relay.example.net:b@dest.example>
       S: 550 5.7.1
       C: RCPT TO:<b%dest.example@relay.example.net>
       S: 550 5.7.1
       C: RCPT TO:<"b@dest.example"@relay.example.net>
       S: 550 5.7.1
       C: RCPT TO:<postmaster>
       S: 550 5.7.1
       C: DATA
       S: 503 5.5.1`,
    );
    expect((await stored()).length).toBe(before);
  });

  test('a stranger waits for his greeting, and is shown out if he does not', async () => {
    const { smtpPort } = await start({ smtp: { trustedNetworks: [] } });
    const early = await rawSmtp(smtpPort);
    early.send('EHLO client.example');
    await early.expect(/^421 .*too soon/);
    await early.closed();
    const patient = await rawSmtp(smtpPort);
    await patient.expect(220);
  });

  test('a stranger who goes on and on is shown out', async () => {
    const { greeted } = await start({ smtp: { trustedNetworks: [] } });
    const client = await greeted();
    client.send(...Array.from({ length: 120 }, () => 'NOOP'));
    for (let count = 0; count < 99; count++) await client.expect(250);
    await client.expect(/^421 4\.7\.0/);
    await client.closed();
  });

  test('a trusted client is greeted without a wait', async () => {
    const { smtpPort } = await start();
    const startedMs = performance.now();
    for (let count = 0; count < 10; count++) {
      const client = await rawSmtp(smtpPort);
      await client.expect(220);
      client.close();
    }
    // Ten greetings in less than the time of the library's built-in wait for one.
    expect(performance.now() - startedMs).toBeLessThan(700);
  });

  test('a private address literal is taken only with a route', async () => {
    const { greeted } = await start({ settings: { routes: '[10.0.0.1] 10.0.0.9\n' } });
    await converse(
      await greeted(),
      `C: MAIL FROM:<a@sender.example>
       S: 250
       C: RCPT TO:<b@[10.0.0.1]>
       S: 250
       C: RCPT TO:<b@[10.0.0.2]>
       S: 553 5.1.2`,
    );
  });
});

describe('limits', () => {
  test('size: as declared, and as it is', async () => {
    const { greeted, stored, doors } = await start({ smtp: { messageBytesMax: 2000 } });
    const before = (await stored()).length;
    const client = await greeted();
    await converse(
      client,
      `C: MAIL FROM:<a@sender.example> SIZE=2001
       S: 552 5.3.4
       C: MAIL FROM:<a@sender.example> SIZE=10
       S: 250
       C: RCPT TO:<b@dest.example>
       S: 250
       C: DATA
       S: 354`,
    );
    client.write(`${'x'.repeat(2500)}\r\n.\r\n`);
    await client.expect(/^552 5\.3\.4/);
    await converse(client, 'C: NOOP\nS: 250');
    expect((await stored()).length).toBe(before);
    expect(doors.bodiesInFlightBytes()).toBe(0);
  });

  test('a message far above the limit is not read to its end', async () => {
    const { greeted } = await start({ smtp: { messageBytesMax: 2000 } });
    const client = await greeted();
    await converse(
      client,
      `C: MAIL FROM:<a@sender.example>
       S: 250
       C: RCPT TO:<b@dest.example>
       S: 250
       C: DATA
       S: 354`,
    );
    client.write(`${'x'.repeat(10_000)}\r\n`);
    await client.expect(/^552 5\.3\.4/);
    await client.closed();
  });

  test('recipients and destinations of a message', async () => {
    const { greeted, message } = await start({ smtp: { recipientsMax: 100, destinationsMax: 2 } });
    const client = await greeted();
    await client.command('MAIL FROM:<a@sender.example>', 250);
    await client.command('RCPT TO:<b@one.example>', 250);
    await client.command('RCPT TO:<b@two.example>', 250);
    await client.command('RCPT TO:<b@three.example>', /^452 4\.5\.3/);
    for (let index = 0; index < 98; index++) await client.command(`RCPT TO:<r${index}@one.example>`, 250);
    await client.command('RCPT TO:<one-more@one.example>', /^452 4\.5\.3/);
    await client.command('RCPT TO:<r1@ONE.example>', 250);
    await client.command('DATA', 354);
    client.send('.');
    const { envelope } = await message(queuedId((await client.expect(250)).line));
    expect(envelope.recipients).toHaveLength(100);
  });

  test('hops', async () => {
    const { smtpPort } = await start({ smtp: { hopsMax: 5 } });
    const withHops = async (count: number): Promise<string | undefined> => {
      const body = `${'Received: from x by y; now\r\n'.repeat(count)}Subject: x\r\n\r\nReceived: no\r\n`;
      const replies = await smtpSubmit({ port: smtpPort, from: '', to: 'b@dest.example', body });
      return replies.final?.line.slice(0, 9);
    };
    expect(await withHops(5)).toBe('250 2.0.0');
    expect(await withHops(6)).toBe('554 5.4.6');
  });

  test('connections, in all and for one address; a closed one makes room', async () => {
    const { smtpPort, connect, events } = await start({
      smtp: { connectionsMax: 3, connectionsPerAddressMax: 2 },
    });
    const first = await connect();
    await connect();
    await (await rawSmtp(smtpPort)).expect(/^421 4\.7\.0/);
    const other = await rawSmtp(smtpPort, { localAddress: '127.0.0.9' });
    await other.expect(220);
    const full = await rawSmtp(smtpPort, { localAddress: '127.0.0.8' });
    await full.expect(/^421 4\.3\.2/);
    await full.closed();
    first.close();
    await waitFor('room for another', async () => {
      const client = await rawSmtp(smtpPort, { localAddress: '127.0.0.8' });
      return (await client.expect()).code === 220;
    });
    expect(events.filter((event) => event.kind === 'refused').length).toBeGreaterThanOrEqual(2);
  });
});
