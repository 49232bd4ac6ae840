/** Every decision of a session, as values: the line a client sends, and the reply or the transaction it gets. */
import { parseAddress } from '@mailwheel/envelope';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  addRecipient,
  judgeAuth,
  judgeCharge,
  judgeConnection,
  judgeContent,
  judgeData,
  judgeHops,
  judgeMail,
  judgeRecipient,
  limitsFor,
  mayRelay,
  type RecipientContext,
  type SmtpLimits,
  type Transaction,
} from './policy.ts';
import { replyToAcceptance, type Judged, type Reply } from './reply.ts';

const limits: SmtpLimits = {
  messageBytesMax: 1000,
  recipientsMax: 3,
  destinationsMax: 2,
  hopsMax: 30,
  connectionsMax: 5,
  connectionsPerAddressMax: 2,
};
const open = { kind: 'open' } as const;
const here: RecipientContext = {
  limits,
  trusted: true,
  hostname: 'relay.example.net',
  literalAllowed: () => false,
};

function said(reply: Reply): string {
  return `${reply.code} ${reply.enhancedCode ?? ''}`.trim();
}

function outcome<T>(judged: Judged<T>): string | T {
  return judged.kind === 'refused' ? said(judged.reply) : judged.value;
}

function mail(line: string): string | Transaction {
  return outcome(judgeMail(Buffer.from(line), { limits, admission: open }));
}

function transaction(line = 'MAIL FROM:<a@sender.example>'): Transaction {
  const value = mail(line);
  if (typeof value === 'string') throw new Error(`MAIL was refused: ${value}`);
  return value;
}

function rcpt(line: string, under = transaction(), context: Partial<RecipientContext> = {}): unknown {
  return outcome(judgeRecipient(Buffer.from(line), under, { ...here, ...context }));
}

describe('MAIL', () => {
  test.each([
    ['MAIL FROM:<>', '', false],
    ['mail from:<A.b@Sender.example>', 'A.b@Sender.example', false],
    ['MAIL FROM: <a@sender.example>', 'a@sender.example', false],
    ['MAIL FROM:<"a b>c"@sender.example> SIZE=1000', '"a b>c"@sender.example', false],
    ['MAIL FROM:<@one.example,@two.example:a@sender.example>', 'a@sender.example', false],
    ['MAIL FROM:<a@xn--mnchen-3ya.example>', 'a@xn--mnchen-3ya.example', false],
    ['MAIL FROM:<\u00fc@m\u00fcnchen.example> SMTPUTF8 BODY=8bitmime', '\u00fc@m\u00fcnchen.example', true],
  ])('%s is taken as written', (line, reversePath, smtpUtf8) => {
    expect(mail(line)).toMatchObject({ reversePath, smtpUtf8 });
  });

  test.each([
    ['MAIL FROM:a@b.example', '501 5.5.2'],
    ['MAIL FROM:<a@b.example', '501 5.5.2'],
    ['MAIL FROM:<a@b.example>SIZE=1', '501 5.5.2'],
    ['MAIL FROM:<a@b.example> =1', '501 5.5.2'],
    ['MAIL TO:<a@b.example>', '501 5.5.2'],
    ['MAIL FROM:<a@>', '501 5.1.3'],
    ['MAIL FROM:<a>', '501 5.1.3'],
    ['MAIL FROM:<a@b..example>', '501 5.1.3'],
    ['MAIL FROM:<\u00fc@b.example>', '553 5.6.7'],
    ['MAIL FROM:<a@b.example> SIZE=1001', '552 5.3.4'],
    ['MAIL FROM:<a@b.example> SIZE=99999999999999999999', '552 5.3.4'],
    ['MAIL FROM:<a@b.example> SIZE', '501 5.5.4'],
    ['MAIL FROM:<a@b.example> SIZE=-1', '501 5.5.4'],
    ['MAIL FROM:<a@b.example> SIZE=1 SIZE=2', '501 5.5.4'],
    ['MAIL FROM:<a@b.example> BODY=BINARYMIME', '501 5.5.4'],
    ['MAIL FROM:<a@b.example> SMTPUTF8=1', '501 5.5.4'],
    ['MAIL FROM:<a@b.example> RET=ALL', '501 5.5.4'],
    ['MAIL FROM:<a@b.example> ENVID=a+2', '501 5.5.4'],
    ['MAIL FROM:<a@b.example> ENVID=a+0D+0Ab', '501 5.5.4'],
    [`MAIL FROM:<a@b.example> ENVID=${'x'.repeat(101)}`, '501 5.5.4'],
    ['MAIL FROM:<a@b.example> AUTH=<>', '555 5.5.4'],
    ['MAIL FROM:<a@b.example> AUTH=x', '555 5.5.4'],
    ['MAIL FROM:<a@b.example> REQUIRETLS', '555 5.5.4'],
    ['MAIL FROM:<a@b.example> X-UNKNOWN=1', '555 5.5.4'],
  ])('%s is refused %s', (line, reply) => {
    expect(mail(line)).toBe(reply);
  });

  test('octets that are no UTF-8 are refused', () => {
    const line = Buffer.from('MAIL FROM:<\xff@b.example> SMTPUTF8', 'latin1');
    expect(outcome(judgeMail(line, { limits, admission: open }))).toBe('501 5.5.2');
  });

  test('a store that is full or away is said at once', () => {
    const line = Buffer.from('MAIL FROM:<a@b.example>');
    expect(outcome(judgeMail(line, { limits, admission: { kind: 'full' } }))).toBe('452 4.3.1');
    expect(outcome(judgeMail(line, { limits, admission: { kind: 'unavailable' } }))).toBe('451 4.3.0');
  });

  test('DSN parameters are carried, still encoded', () => {
    const value = transaction('MAIL FROM:<a@b.example> RET=hdrs ENVID=QQ+2B314159');
    expect(value).toMatchObject({ ret: 'HDRS', envid: 'QQ+2B314159' });
  });
});

describe('RCPT', () => {
  test.each([
    ['RCPT TO:<b@Dest.example>', { address: 'b@Dest.example', destination: 'dest.example', index: 0 }],
    ['RCPT TO:<Postmaster>', { address: 'Postmaster@relay.example.net', destination: 'relay.example.net' }],
    ['RCPT TO:<@hop.example:b@dest.example>', { address: 'b@dest.example' }],
    ['RCPT TO:<"b@c"@dest.example>', { address: '"b@c"@dest.example', destination: 'dest.example' }],
    ['RCPT TO:<b%other.example@dest.example>', { destination: 'dest.example' }],
    ['RCPT TO:<b@[8.8.8.8]>', { destination: '[8.8.8.8]' }],
    ['RCPT TO:<b@dest.example> NOTIFY=success,FAILURE', { notify: ['SUCCESS', 'FAILURE'] }],
    ['RCPT TO:<b@dest.example> ORCPT=rfc822;b+2Bx@y', { originalRecipient: 'rfc822;b+2Bx@y' }],
  ])('%s', (line, expected) => {
    expect(rcpt(line)).toMatchObject(expected);
  });

  test.each([
    ['RCPT TO:<>', '501 5.1.3'],
    ['RCPT TO:<b>', '501 5.1.3'],
    ['RCPT TO:<b@dest_example..>', '501 5.1.3'],
    ['RCPT TO:<b@1.2.3.4>', '553 5.1.3'],
    ['RCPT TO:<b@[127.0.0.1]>', '553 5.1.2'],
    ['RCPT TO:<b@[IPv6:::1]>', '553 5.1.2'],
    ['RCPT TO:<b@dest.example> NOTIFY=NEVER,FAILURE', '501 5.5.4'],
    ['RCPT TO:<b@dest.example> NOTIFY=SUCCESS,SUCCESS', '501 5.5.4'],
    ['RCPT TO:<b@dest.example> NOTIFY', '501 5.5.4'],
    ['RCPT TO:<b@dest.example> ORCPT=b@dest.example', '501 5.5.4'],
    ['RCPT TO:<b@dest.example> ORCPT=rfc822;b+0A', '501 5.5.4'],
    ['RCPT TO:<b@dest.example> SIZE=1', '555 5.5.4'],
    ['RCPT TO:<\u00fc@dest.example>', '553 5.6.7'],
  ])('%s is refused %s', (line, reply) => {
    expect(rcpt(line)).toBe(reply);
  });

  test.each([
    ['RCPT TO:<b@dest.example>'],
    ['RCPT TO:<@relay.example.net:b@dest.example>'],
    ['RCPT TO:<"b@dest.example"@relay.example.net>'],
    ['RCPT TO:<b%dest.example@relay.example.net>'],
    ['RCPT TO:<postmaster>'],
    ['RCPT TO:<b@nonsense..>'],
  ])('a stranger gets 550 5.7.1 for %s', (line) => {
    expect(rcpt(line, transaction(), { trusted: false })).toBe('550 5.7.1');
  });

  test('a private literal with a route is taken', () => {
    const allowed = rcpt('RCPT TO:<b@[10.0.0.1]>', transaction(), {
      literalAllowed: (key) => key === '[10.0.0.1]',
    });
    expect(allowed).toMatchObject({ destination: '[10.0.0.1]' });
  });

  test('recipients and destinations have their limits, a repeated one counts once', () => {
    const under = transaction();
    const add = (line: string): unknown => {
      const judged = judgeRecipient(Buffer.from(line), under, here);
      if (judged.kind === 'taken') addRecipient(under, judged.value);
      return judged.kind === 'taken' ? judged.value.index : said(judged.reply);
    };
    expect(add('RCPT TO:<a@one.example>')).toBe(0);
    expect(add('RCPT TO:<a@two.example>')).toBe(1);
    expect(add('RCPT TO:<a@three.example>')).toBe('452 4.5.3');
    expect(add('RCPT TO:<b@one.example>')).toBe(2);
    expect(add('RCPT TO:<c@one.example>')).toBe('452 4.5.3');
    expect(add('RCPT TO:<a@ONE.example> NOTIFY=NEVER')).toBe(0);
    expect([...under.recipients.values()].map(({ index, notify }) => [index, notify?.[0]])).toEqual([
      [0, 'NEVER'],
      [1, undefined],
      [2, undefined],
    ]);
  });

  test('UTF-8 in ORCPT needs SMTPUTF8 (RFC 6533)', () => {
    const line = 'RCPT TO:<b@dest.example> ORCPT=utf-8;\u00fc@dest.example';
    expect(rcpt(line, transaction('MAIL FROM:<> SMTPUTF8'))).toMatchObject({ destination: 'dest.example' });
    expect(rcpt(line)).toBe('501 5.5.4');
    expect(rcpt('RCPT TO:<b@dest.example> ORCPT=utf-8;\\x{FC}@dest.example')).toMatchObject({});
  });

  test('whatever a client sends, the answer is a recipient or a refusal', () => {
    const word = fc.constantFrom(
      '<',
      '>',
      '@',
      '"',
      '\\',
      ':',
      ',',
      ' ',
      'a',
      'b.example',
      '[',
      ']',
      '=',
      '\u00fc',
      '\0',
    );
    fc.assert(
      fc.property(fc.array(word), (words) => {
        const result = rcpt(`RCPT TO:<${words.join('')}`, transaction('MAIL FROM:<> SMTPUTF8'));
        if (typeof result === 'string') expect(result).toMatch(/^5\d\d 5\.\d\.\d+$/);
        else
          expect(parseAddress((result as { address: string }).address, { smtpUtf8: true })).toMatchObject({
            ok: true,
          });
      }),
      { numRuns: 3000 },
    );
  });
});

describe('connections, data, content', () => {
  test('connections are limited in all and for each address', () => {
    expect(judgeConnection({ open: 5, openFromAddress: 2 }, limits)).toBeUndefined();
    expect(said(judgeConnection({ open: 6, openFromAddress: 1 }, limits) as Reply)).toBe('421 4.3.2');
    expect(said(judgeConnection({ open: 3, openFromAddress: 3 }, limits) as Reply)).toBe('421 4.7.0');
  });

  test('DATA needs a recipient and an open store', () => {
    const data = (
      under: Transaction | undefined,
      kind: 'open' | 'full' | 'unavailable' = 'open',
      line = 'DATA',
    ) => {
      const reply = judgeData(Buffer.from(line), under, { kind });
      return reply === undefined ? 'go' : said(reply);
    };
    const ready = transaction();
    addRecipient(ready, rcpt('RCPT TO:<b@dest.example>') as never);
    expect(data(undefined)).toBe('503 5.5.1');
    expect(data(transaction())).toBe('503 5.5.1');
    expect(data(ready)).toBe('go');
    expect(data(ready, 'full')).toBe('452 4.3.1');
    expect(data(ready, 'unavailable')).toBe('451 4.3.0');
    expect(data(ready, 'open', 'DATA now')).toBe('501 5.5.4');
  });

  test('content is judged by size, NUL, and bare newlines if those are refused', () => {
    const clean = { bytes: 1000, bareNewline: false, nulOctet: false };
    const judge = (findings: Partial<typeof clean>, bareNewline: 'reject' | 'normalise' = 'reject') => {
      const reply = judgeContent({ ...clean, ...findings }, { messageBytesMax: 1000, bareNewline });
      return reply === undefined ? 'ok' : said(reply);
    };
    expect(judge({})).toBe('ok');
    expect(judge({ bytes: 1001 })).toBe('552 5.3.4');
    expect(judge({ nulOctet: true })).toBe('550 5.6.11');
    expect(judge({ bareNewline: true })).toBe('550 5.6.11');
    expect(judge({ bareNewline: true }, 'normalise')).toBe('ok');
    expect(judge({ nulOctet: true }, 'normalise')).toBe('550 5.6.11');
  });

  test('a loop is found by its Received lines', () => {
    expect(judgeHops(30, 30)).toBeUndefined();
    expect(said(judgeHops(31, 30) as Reply)).toBe('554 5.4.6');
  });

  test('250 is said for an accepted message only, with its id', () => {
    const accepted = { kind: 'accepted', messageId: 'm00x', messageNumber: 1, repeated: false } as never;
    expect(replyToAcceptance(accepted)).toEqual({
      code: 250,
      enhancedCode: '2.0.0',
      text: 'Ok: queued as m00x',
    });
    expect(said(replyToAcceptance({ kind: 'full', reason: '' }))).toBe('452 4.3.1');
    expect(said(replyToAcceptance({ kind: 'unavailable', reason: '' }))).toBe('451 4.3.0');
    expect(said(replyToAcceptance({ kind: 'unknown', reason: '' }))).toBe('451 4.3.0');
  });
});

describe('who may relay', () => {
  const nobody = { trustedAddress: false, loggedIn: false, certified: false };

  test.each([
    [{}, false, false],
    [{ trustedAddress: true }, true, true],
    [{ loggedIn: true }, true, true],
    [{ certified: true }, false, true],
  ])('with %j', (shown, otherwise, whereCertificatesRelay) => {
    expect(mayRelay({ ...nobody, ...shown }, { certificatesRelay: false })).toBe(otherwise);
    expect(mayRelay({ ...nobody, ...shown }, { certificatesRelay: true })).toBe(whereCertificatesRelay);
  });

  test('who may not is told so before anything about limits, routes or syntax of the address', () => {
    for (const path of [
      'b@dest.example',
      '@a,@b:c@d.example',
      'x%y@relay.example.net',
      '"a@b"@c.example',
      'postmaster',
      'b@[10.0.0.1]',
    ]) {
      expect(rcpt(`RCPT TO:<${path}> NOTIFY=x`, transaction(), { trusted: false })).toBe('550 5.7.1');
    }
  });
});

describe('logins', () => {
  test.each([
    [{ secure: false }, '538 5.7.11'],
    [{ secure: false, loggedIn: true }, '538 5.7.11'],
    [{ loggedIn: true }, '503 5.5.1'],
    [{ inTransaction: true }, '503 5.5.1'],
    [{}, undefined],
  ])('AUTH in %j', (state, expected) => {
    const reply = judgeAuth({ secure: true, loggedIn: false, inTransaction: false, ...state });
    expect(reply === undefined ? undefined : said(reply)).toBe(expected);
  });

  test('MAIL is refused before TLS where that is required, and from an address that is not the user’s', () => {
    const line = Buffer.from('MAIL FROM:<a@sender.example>');
    const under = (more: object): unknown => outcome(judgeMail(line, { limits, admission: open, ...more }));
    expect(under({ needsTls: true })).toBe('530 5.7.0');
    expect(under({ maySendFrom: () => false })).toBe('550 5.7.1');
    expect(under({ maySendFrom: (path: string) => path === 'a@sender.example' })).toMatchObject({
      reversePath: 'a@sender.example',
    });
  });

  test.each([
    ['AUTH=<>', 'taken'],
    ['AUTH=a+40b', 'taken'],
    ['AUTH', '501 5.5.4'],
    ['AUTH=a=b', '501 5.5.2'],
  ])('MAIL with %s where AUTH is offered', (parameter, expected) => {
    const line = Buffer.from(`MAIL FROM:<a@sender.example> ${parameter}`);
    const judged = outcome(judgeMail(line, { limits, admission: open, offersAuth: true }));
    expect(typeof judged === 'string' ? judged : 'taken').toBe(expected);
  });

  test('limits of a minute: of recipients in one message, and the replies when they are used up', () => {
    expect(limitsFor({ messagesPerMinuteMax: 0, recipientsPerMinuteMax: 2 }, limits).recipientsMax).toBe(2);
    expect(limitsFor({ messagesPerMinuteMax: 0, recipientsPerMinuteMax: 0 }, limits)).toBe(limits);
    expect(limitsFor({ messagesPerMinuteMax: 0, recipientsPerMinuteMax: 9 }, limits)).toBe(limits);
    expect(judgeCharge('charged')).toBeUndefined();
    for (const charge of ['too-many-messages', 'too-many-recipients'] as const) {
      expect(said(judgeCharge(charge) ?? { code: 0, text: '' })).toBe('450 4.7.1');
    }
  });
});
