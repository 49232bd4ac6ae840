/** Variables override the file; a misspelt one must stop the start. */
import { describe, expect, it } from 'vitest';
import { environmentName, parseSettings } from './index.ts';

describe('environment overrides', () => {
  it('match keys whatever the case, and win over the file', () => {
    const parsed = parseSettings({
      yaml: 'ingress: { smtp: { listen: "127.0.0.1:25", idleSeconds: 20 } }',
      environment: { MAILWHEEL__INGRESS__SMTP__LISTEN: '0.0.0.0:26', mailwheel__retry__jitter: '0.5' },
    });
    expect(parsed).toMatchObject({
      ok: true,
      settings: {
        ingress: { smtp: { listen: { host: '0.0.0.0', port: 26 }, idleSeconds: 20 } },
        retry: { jitter: 0.5 },
      },
    });
  });

  it('read lists and sections as YAML, and a single key over its section', () => {
    const parsed = parseSettings({
      environment: {
        MAILWHEEL__INGRESS__SMTP__TRUSTEDNETWORKS: '[10.0.0.0/8, "::1"]',
        MAILWHEEL__DESTINATIONS: '{example.com: {concurrencyMax: 5}}',
        'MAILWHEEL__DESTINATIONS__EXAMPLE.COM__CONCURRENCYMAX': '6',
      },
    });
    expect(parsed).toMatchObject({
      ok: true,
      settings: {
        ingress: { smtp: { trustedNetworks: ['10.0.0.0/8', '::1'] } },
        destinations: { 'example.com': { concurrencyMax: 6 } },
      },
    });
  });

  it('take a text as it is, although it looks like YAML', () => {
    const routes = '[x.example] [2001:db8::1]:25 # a comment\nALL relay.example';
    const parsed = parseSettings({ environment: { MAILWHEEL__ROUTES: routes, MAILWHEEL__HOSTNAME: '123' } });
    expect(parsed).toMatchObject({ ok: true, settings: { routes, hostname: '123' } });
  });

  it.each([
    ['MAILWHEEL__INGRES__SMTP__LISTEN', /did you mean MAILWHEEL__INGRESS__SMTP__LISTEN\?$/],
    ['MAILWHEEL__RETRY__FIRST_WAIT_SECONDS', /did you mean MAILWHEEL__RETRY__FIRSTWAITSECONDS\?$/],
    ['MAILWHEEL__', /^no setting has this name/],
    ['MAILWHEEL__RETRY____JITTER', /^no setting has this name/],
  ])('stop the start when they name nothing: %s', (variable, message) => {
    expect(parseSettings({ environment: { [variable]: '1' } })).toEqual({
      ok: false,
      problems: [{ path: '', message: expect.stringMatching(message), source: 'environment', variable }],
    });
  });

  it('are blamed for a bad value, also inside a section they set', () => {
    const parsed = parseSettings({
      yaml: 'retry: { maxAttempts: 3 }',
      environment: { MAILWHEEL__WORKER: '{streams: 0}', MAILWHEEL__RETRY__JITTER: '[' },
    });
    expect(parsed.ok ? [] : parsed.problems).toEqual([
      expect.objectContaining({ path: 'retry.jitter', variable: 'MAILWHEEL__RETRY__JITTER' }),
      expect.objectContaining({ path: 'worker.streams', variable: 'MAILWHEEL__WORKER' }),
    ]);
  });

  it('leave variables of others alone', () => {
    expect(
      parseSettings({ environment: { MAILWHEEL_LOG: 'x', PATH: '/bin', MAILWHEEL__X: undefined } }).ok,
    ).toBe(true);
  });

  it('have the name the reference page gives', () => {
    expect(environmentName(['retry', 'firstWaitSeconds'])).toBe('MAILWHEEL__RETRY__FIRSTWAITSECONDS');
  });
});
