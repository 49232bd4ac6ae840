/** The last words of the demonstration: lines to copy. */
import { formatListen, type Settings } from '@mailwheel/settings';
import type { Output } from '../output.ts';

export interface Surroundings {
  readonly output: Output;
  readonly smtp: string;
  readonly settings: Settings;
  readonly domain: string;
}

export function showWhatToTry({ output, smtp, settings, domain }: Surroundings): void {
  const http = formatListen(settings.ingress.http.listen);
  const body = `{"from":"you@example.net","to":["anna@${domain}"],"subject":"Hello","text":"Hello Anna."}`;
  const lines = [
    ['send over SMTP', `swaks --server ${smtp} --from you@example.net --to anna@${domain}`],
    ['send over HTTP', `curl -s http://${http}/v1/messages -H 'content-type: application/json' -d '${body}'`],
    ['see the queues', `npx mailwheel queue list`],
    ['see the hosts', `http://${formatListen(settings.console.listen)}`],
    ['count it all', `curl -s http://${formatListen(settings.worker.listen)}/metrics`],
  ] as const;
  if (!output.forPeople) {
    output.event({
      name: 'demo-over',
      text: 'The demonstration is over',
      fields: { tryNext: Object.fromEntries(lines) },
    });
    return;
  }
  const width = Math.max(...lines.map(([what]) => what.length));
  const title = 'What to try next (this keeps running; Ctrl-C ends it, the data stays):';
  const rows = lines.map(([what, line]) => `  ${output.style('dim', what.padEnd(width))}  ${line}`);
  output.text(['', output.style('bold', title), ...rows, ''].join('\n'));
}
