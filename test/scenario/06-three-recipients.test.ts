/**
 * Acceptance 6: three recipients of one message, one accepted, one refused for good, one mailbox full: one delivery, one
 * DSN, one retry for the third alone. The DSN's form is judged by independent parsers in 06b-dsn-judges.test.ts and here.
 */
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { waitFor } from '@mailwheel/testkit';
import { expect, test } from 'vitest';
import { useStage } from './stage.ts';
import { messageIdOf } from './tier.ts';

const run = promisify(execFile);
const stage = useStage();

test(
  'one delivery, one DSN that others understand, one retry for one recipient',
  { timeout: 60_000 },
  async () => {
    let full = true;
    const host = await stage.host({
      rcpt: ({ address }) => {
        if (address.startsWith('gone')) return '550 5.1.1 No such user here';
        if (address.startsWith('full') && full) return '452 4.2.2 Mailbox full';
        return undefined;
      },
    });
    const home = await stage.host({});
    const tier = await stage.tier({
      routes: `example.com 127.0.0.1:${host.port}\nsource.test 127.0.0.1:${home.port}`,
    });
    const id = messageIdOf(
      await tier.submit({
        from: 'sender@source.test',
        to: ['fine@example.com', 'gone@example.com', 'full@example.com'],
        body: 'Subject: three of you\r\nMessage-ID: <one@source.test>\r\n\r\nHello.\r\n',
      }),
    );
    await waitFor('the first delivery', () => host.delivered.length === 1);
    expect(host.delivered[0]?.recipients.filter((one) => one.accepted).map((one) => one.address)).toEqual([
      'fine@example.com',
    ]);
    await waitFor('the DSN', () => home.delivered.length === 1);
    full = false;
    await waitFor('the retry', () => host.delivered.length === 2);
    expect(host.delivered[1]?.recipients.map((one) => one.address)).toEqual(['full@example.com']);
    expect(host.delivered[1]?.digest).toBe(host.delivered[0]?.digest);

    const dsn = home.delivered[0];
    expect(dsn?.reversePath).toBe('');
    expect(dsn?.recipients.map((one) => one.address)).toEqual(['sender@source.test']);
    const file = join(tier.folder, 'dsn.eml');
    await writeFile(file, dsn?.body ?? '');
    const flufl = await run('/usr/bin/python3', [
      '-c',
      'import sys,email\nfrom flufl.bounce import all_failures\nt,p=all_failures(email.message_from_binary_file(open(sys.argv[1],"rb")))\nprint(sorted(x.decode() for x in t), sorted(x.decode() for x in p))',
      file,
    ]);
    expect(flufl.stdout.trim()).toBe("[] ['gone@example.com']");
    const sisimai = await run('perl', ['-MSisimai', '-e', 'print Sisimai->dump($ARGV[0])', file]);
    const [judged] = JSON.parse(sisimai.stdout) as {
      recipient: string;
      deliverystatus: string;
      action: string;
      reason: string;
      replycode: string;
    }[];
    expect(judged).toMatchObject({
      recipient: 'gone@example.com',
      deliverystatus: '5.1.1',
      action: 'failed',
      replycode: '550',
      reason: 'userunknown',
    });

    const told = await waitFor('the end', async () => {
      const message = (await tier.message(id)) as { recipients?: { state: string }[] };
      return message.recipients?.every((one) => one.state !== 'queued' && one.state !== 'deferred') === true
        ? message
        : undefined;
    });
    expect(told.recipients?.map((one) => one.state)).toEqual(['delivered', 'bounced', 'delivered']);
    expect(home.delivered).toHaveLength(1);
  },
);

test(
  'what the first host accepted is recorded before the second one is asked',
  { timeout: 60_000 },
  async () => {
    const first = await stage.host({
      rcpt: ({ address }) => (address.startsWith('other') ? '451 4.3.0 Not this one now' : undefined),
    });
    const silent = await stage.host({ greeting: { silent: true } });
    const tier = await stage.tier({
      routes: `example.com 127.0.0.1:${first.port}, 127.0.0.1:${silent.port}/pri=10`,
    });
    const id = messageIdOf(
      await tier.submit({ from: 'sender@source.test', to: ['fine@example.com', 'other@example.com'] }),
    );
    await waitFor('the second host to be asked', () => silent.counters.open === 1);
    const told = (await tier.message(id)) as { recipients: { state: string }[] };
    expect(told.recipients[0]?.state).toBe('delivered');
    expect(told.recipients[1]?.state).not.toBe('delivered');
    expect(first.delivered).toHaveLength(1);
  },
);
