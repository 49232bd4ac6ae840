import { afterEach, describe, expect, test } from 'vitest';
import { createBench, hostOf, recipients, requestFor, wordsOf, type Bench } from '../test/bench.ts';
import { mailCommand, objection, rcptCommand } from './commands.ts';
import { noExtensions, parseExtensions } from './extensions.ts';

let bench: Bench;
afterEach(() => bench?.stop());

describe('the answer to EHLO', () => {
  test('is read by keyword, in any case', () => {
    const reply = '250-mx.example\n250-pipelining\n250-SIZE 1000\n250-AUTH login plain\n250 8BITMIME';
    expect(parseExtensions(reply)).toEqual({
      ...noExtensions,
      pipelining: true,
      eightBitMime: true,
      sizeBytesMax: 1000,
      auth: ['LOGIN', 'PLAIN'],
    });
  });

  test.each([
    ['SIZE', Infinity],
    ['SIZE 0', Infinity],
    ['SIZE 10', 10],
    ['HELP', undefined],
  ])('%s', (line, expected) => {
    expect(parseExtensions(`250-x\n250 ${line}`).sizeBytesMax).toBe(expected);
  });

  test('does not find keywords in the greeting or within other words', () => {
    expect(parseExtensions('250-mx-dsn PIPELINING\n250-XDSN\n250 FOO STARTTLS')).toEqual(noExtensions);
    expect(parseExtensions('250-DSN\n250 HELP')).toEqual(noExtensions);
    expect(parseExtensions('250 only.example')).toEqual(noExtensions);
  });
});

describe('parameters', () => {
  const dsn = {
    ret: 'HDRS',
    envid: 'QQ+3D314159',
    recipients: [
      {
        ...recipients('b@dest.example')[0]!,
        notify: ['SUCCESS', 'FAILURE'],
        originalRecipient: 'rfc822;c@x.example',
      },
      { ...recipients('', 'd@dest.example')[1]! },
    ],
  } as const;

  test('of DSN, per recipient, go to a host that offers it, and only there', async () => {
    bench = createBench();
    const host = await bench.host();
    expect((await bench.deliver(hostOf(host), dsn)).dsnPassedOn).toBe(true);
    expect(host.delivered[0]!.mailParameters).toEqual(['RET=HDRS', 'ENVID=QQ+3D314159']);
    expect(host.delivered[0]!.recipients.map(({ parameters }) => parameters)).toEqual([
      ['NOTIFY=SUCCESS,FAILURE', 'ORCPT=rfc822;c@x.example'],
      [],
    ]);
    const plain = await bench.host({}, { extensions: [] });
    expect((await bench.deliver(hostOf(plain), dsn)).dsnPassedOn).toBe(false);
    expect(plain.delivered[0]!.mailParameters).toEqual([]);
    expect(plain.delivered[0]!.recipients.flatMap(({ parameters }) => parameters)).toEqual([]);
  });

  test('SIZE, BODY and SMTPUTF8 where offered and needed', async () => {
    bench = createBench();
    const host = await bench.host({}, { extensions: ['SIZE 1000', '8BITMIME', 'SMTPUTF8'] });
    const body = Buffer.from('x\r\n');
    await bench.deliver(hostOf(host), {
      body,
      bodyType: '8BITMIME',
      recipients: recipients('bä@dest.example'),
    });
    expect(host.delivered[0]!.mailParameters).toEqual(['SIZE=3', 'BODY=8BITMIME', 'SMTPUTF8']);
    expect(host.delivered[0]!.recipients[0]!.address).toBe('bä@dest.example');
    await bench.deliver(hostOf(host), { body });
    expect(host.delivered[1]!.mailParameters).toEqual(['SIZE=3']);
    await bench.deliver(hostOf(host), { body, smtpUtf8: true });
    expect(host.delivered[2]!.mailParameters).toEqual(['SIZE=3', 'SMTPUTF8']);
  });

  test('the null reverse-path is <>', () => {
    const host = { key: '', label: '', address: '', port: 25, policy: { tls: 'none' } } as const;
    expect(mailCommand(requestFor(host, { reversePath: '' }), noExtensions)).toBe('MAIL FROM:<>\r\n');
    expect(rcptCommand(recipients('"a b"@x.example')[0]!, noExtensions)).toBe(
      'RCPT TO:<"a b"@x.example>\r\n',
    );
  });
});

describe('judged before MAIL, and the connection stays', () => {
  test('an address beyond ASCII, or a message that needs SMTPUTF8, at a host without it', async () => {
    bench = createBench();
    const host = await bench.host({}, { extensions: ['8BITMIME'] });
    const byAddress = await bench.deliver(hostOf(host), {
      recipients: recipients('b@xn--dest', 'ü@dest.example'),
    });
    expect(wordsOf(byAddress.happening)).toBe('mail smtputf8-missing');
    const byMessage = await bench.deliver(hostOf(host), { smtpUtf8: true });
    expect(wordsOf(byMessage.happening)).toBe('mail smtputf8-missing');
    expect(byMessage).toMatchObject({ reused: true, phase: 'mail', happening: { firstCommand: false } });
    expect(await bench.deliver(hostOf(host))).toMatchObject({ reused: true, accepted: [{ index: 0 }] });
    expect(host.counters.phases).toMatchObject({ mail: 1, rset: 0 });
  });

  test('a message above SIZE', async () => {
    bench = createBench();
    const host = await bench.host({}, { extensions: ['SIZE 10'] });
    const report = await bench.deliver(hostOf(host), { body: Buffer.alloc(11) });
    expect(wordsOf(report.happening)).toBe('mail size-exceeded');
    expect(report.happening?.cause).toMatchObject({ detail: 'the message has 11 bytes, the host takes 10' });
    expect((await bench.deliver(hostOf(host), { body: Buffer.alloc(10) })).accepted).toHaveLength(1);
  });

  test.each([
    ['line end in the reverse-path', { reversePath: 'a@x\r\nRCPT TO:<victim@y>' }],
    ['line end in a recipient', { recipients: recipients('b@x>\r\nDATA') }],
    ['parameters behind a recipient', { recipients: recipients('b@x> NOTIFY=NEVER') }],
    ['nothing as recipient', { recipients: recipients('') }],
    ['space in ENVID', { envid: 'a b' }],
    ['line end in ORCPT', { recipients: [{ ...recipients('b@x')[0]!, originalRecipient: 'rfc822;a\r\n' }] }],
  ])('an envelope that would break out of its command: %s', (_what, overrides) => {
    const host = { key: '', label: '', address: '', port: 25, policy: { tls: 'none' } } as const;
    expect(objection(requestFor(host, overrides), noExtensions)).toMatchObject({ trouble: 'unknown' });
  });
});
