/** Submits many messages on kept connections, each pipelined as far as SMTP allows. For scenarios that need thousands. */
import { dotStuffed, rawSmtp } from '@mailwheel/testkit';

export interface BulkOptions {
  readonly port: number;
  readonly count: number;
  readonly connections?: number;
  readonly from?: string;
  readonly to: (index: number) => string | readonly string[];
  readonly body?: (index: number) => string;
}

/** Resolves with the final replies' lines in order of submission; throws when a message is not accepted. */
export async function submitMany(options: BulkOptions): Promise<string[]> {
  const replies: string[] = [];
  let next = 0;
  const client = async (): Promise<void> => {
    const session = await rawSmtp(options.port, { timeoutMs: 60_000 });
    await session.expect(220);
    session.send('EHLO bulk.example');
    await session.expect(250);
    while (next < options.count) {
      const index = next++;
      const to = options.to(index);
      const recipients = typeof to === 'string' ? [to] : to;
      const rcpt = recipients.map((address) => `RCPT TO:<${address}>`);
      session.send(`MAIL FROM:<${options.from ?? 'sender@source.test'}>`, ...rcpt, 'DATA');
      await session.expect(250);
      for (const _ of recipients) await session.expect(250);
      await session.expect(354);
      session.write(
        dotStuffed(options.body?.(index) ?? `Subject: message ${index}\r\n\r\nNumber ${index}.\r\n`),
      );
      replies[index] = (await session.expect(250)).line;
    }
    session.send('QUIT');
    session.close();
  };
  await Promise.all(Array.from({ length: options.connections ?? 8 }, client));
  return replies;
}
