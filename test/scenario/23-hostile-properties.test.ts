/**
 * What must hold for every input, for the parts that read what others write: replies and their verdicts, routes, addresses,
 * the retry schedule, the health machine.
 */
import { parseAddress, printable } from '@mailwheel/envelope';
import {
  leaseProbe,
  nextRetry,
  pickHealth,
  reportHealth,
  restFactor,
  takeToken,
  unknownHost,
  type HealthRules,
  type HostHealth,
} from '@mailwheel/pacing';
import { formatRoutes, parseRoutes } from '@mailwheel/routing';
import { dsnStatus, judge, parseReply, type Happening } from '@mailwheel/verdict';
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { hostileText } from './hostile-text.ts';

vi.setConfig({ testTimeout: 60_000 });

describe('replies and verdicts', () => {
  const phase = fc.constantFrom(
    'dns',
    'connect',
    'tls',
    'greeting',
    'ehlo',
    'auth',
    'mail',
    'rcpt',
    'data',
    'body',
    'final',
  );
  const flags = fc.tuple(fc.boolean(), fc.boolean(), fc.boolean(), fc.boolean(), fc.boolean());

  test('any text is a reply that is fit to be shown, or none; and every reply has a verdict', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          hostileText,
          hostileText.map((text) => `550 ${text}`),
        ),
        phase,
        flags,
        (text, at, set) => {
          const reply = parseReply(text);
          const cause: Happening['cause'] =
            reply === undefined
              ? { kind: 'trouble', trouble: 'out-of-step', detail: text }
              : { kind: 'reply', reply };
          if (reply !== undefined) {
            expect(reply.code).toBeGreaterThanOrEqual(200);
            expect(reply.code).toBeLessThan(600);
            expect(reply.line).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}]/u);
            expect(reply.line.length).toBeLessThan(1100);
          }
          const [reused, firstCommand, rcptAccepted, terminatorSent, sameHostRetried] = set;
          const happening = {
            phase: at,
            cause,
            reused,
            firstCommand,
            rcptAccepted,
            terminatorSent,
            sameHostRetried,
          };
          for (const preset of ['scoped', 'any-4xx'] as const) {
            const verdict = judge(happening, preset);
            expect(verdict.row).toBeLessThanOrEqual(19);
            // Nothing but a 5xx reply, or row 17, may bounce a message.
            if (verdict.fate === 'bounce')
              expect(verdict.row === 17 || Math.floor((reply?.code ?? 0) / 100) === 5).toBe(true);
            expect(dsnStatus(verdict, reply)).toMatch(
              verdict.fate === 'bounce' ? /^5\.\d{1,3}\.\d{1,3}$/ : /^4\.\d{1,3}\.\d{1,3}$/,
            );
          }
        },
      ),
      { numRuns: 3000 },
    );
  });

  test('text for logs and pages never breaks a line', () => {
    fc.assert(
      fc.property(hostileText, fc.integer({ min: 1, max: 200 }), (text, charactersMax) => {
        const shown = printable(text, charactersMax);
        expect(shown).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}]/u);
        expect(shown.isWellFormed()).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('routes', () => {
  const word = fc.constantFrom(
    'ALL',
    '.',
    'a.example',
    '.b.example',
    '[mx.example]',
    '127.0.0.1:25',
    '/pri=',
    '/pri=5',
    ',',
    '#',
    '\t',
    ' ',
    '\n',
    '\r',
    'USEDNS',
    '/dev/null',
    '[::1]:25',
    '@',
    'ü.example',
    '99999',
    '%',
    '*',
  );

  test('any text is a table or a list of faults with their places; a table written out reads the same', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          hostileText,
          fc.array(word, { maxLength: 40 }).map((words) => words.join(' ')),
        ),
        (text) => {
          const parsed = parseRoutes(text);
          if (!parsed.ok) {
            expect(parsed.errors.length).toBeGreaterThan(0);
            expect(parsed.errors.length).toBeLessThanOrEqual(20);
            for (const { line, column, message } of parsed.errors) {
              expect(line).toBeGreaterThan(0);
              expect(column).toBeGreaterThan(0);
              expect(message).not.toMatch(/\p{Cc}/u);
            }
            return;
          }
          const written = formatRoutes(parsed.table);
          const again = parseRoutes(written);
          expect(again.ok && formatRoutes(again.table)).toBe(written);
        },
      ),
      { numRuns: 3000 },
    );
  });
});

describe('addresses', () => {
  const piece = fc.constantFrom(
    'a',
    '.',
    '@',
    '"',
    '\\',
    '%',
    '!',
    ' ',
    '<',
    '>',
    '[',
    ']',
    ':',
    ',',
    'IPv6:',
    '127.0.0.1',
    '::1',
    'example',
    'xn--',
    'ü',
    '\u202e',
    '-',
    '\0',
    '\r\n',
  );

  test('what is taken stays in one word of a command, and reads the same again', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          hostileText,
          fc.array(piece, { maxLength: 14 }).map((pieces) => pieces.join('')),
        ),
        fc.boolean(),
        (text, smtpUtf8) => {
          const address = parseAddress(text, { smtpUtf8 });
          if (!address.ok) {
            expect(Math.floor(address.code / 100)).toBe(5);
            return;
          }
          expect(address.address).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}]/u);
          if (!address.local.startsWith('"')) expect(address.address).not.toMatch(/[ <>]/);
          // Where it goes is decided by what stands behind the last `@` and by nothing in front of it.
          expect(address.address.endsWith(`@${address.domain}`)).toBe(true);
          expect(address.destination).not.toMatch(/[@!% {}]/);
          const again = parseAddress(address.address, { smtpUtf8 });
          expect(again.ok && again.destination).toBe(address.destination);
        },
      ),
      { numRuns: 5000 },
    );
  });
});

describe('the retry schedule', () => {
  test('always ends, never waits longer than it may, never goes back', () => {
    const settings = fc.record({
      firstWaitSeconds: fc.double({ min: 0.1, max: 86_400, noNaN: true }),
      longestWaitSeconds: fc.double({ min: 0.1, max: 86_400, noNaN: true }),
      maxAgeSeconds: fc.integer({ min: 1, max: 2_592_000 }),
      maxAttempts: fc.integer({ min: 1, max: 200 }),
      jitter: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    fc.assert(
      fc.property(settings, fc.double({ min: 0, max: 0.999, noNaN: true }), (given, share) => {
        let ageMs = 0;
        for (let attempt = 1; ; attempt += 1) {
          expect(attempt).toBeLessThanOrEqual(given.maxAttempts);
          const decision = nextRetry(given, { attempt, ageMs, random: () => share });
          if (decision.kind === 'expire') break;
          expect(decision.delayMs).toBeGreaterThanOrEqual(1);
          expect(decision.delayMs).toBeLessThanOrEqual(
            Math.max(given.firstWaitSeconds, given.longestWaitSeconds) * 1000 + 1,
          );
          ageMs += decision.delayMs;
          expect(ageMs).toBeLessThanOrEqual(given.maxAgeSeconds * 1000 + 1);
        }
      }),
      { numRuns: 150 },
    );
  });
});

describe('the health machine', () => {
  const rules: HealthRules = {
    firstRestSeconds: 2,
    longestRestSeconds: 30,
    aloneRestSeconds: 2,
    restJitter: 0.2,
    rampStartPerSecond: 5,
    rampLevels: 3,
    probeLeaseSeconds: 10,
    shySeconds: 5,
  };
  const step = fc.record({
    waitMs: fc.nat({ max: 40_000 }),
    outcome: fc.constantFrom('ok', 'soft', 'fail', 'silence'),
    message: fc.nat({ max: 3 }),
    staleBy: fc.nat({ max: 2 }),
    random: fc.double({ min: 0, max: 0.999, noNaN: true }),
  });

  test('epochs only grow, one lease at a time, rests stay within limits, and a resting host is always asked again', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        let health: HostHealth = unknownHost;
        let nowMs = 0;
        for (const [number, one] of steps.entries()) {
          nowMs += one.waitMs;
          const answer = pickHealth(rules, health, { nowMs, shy: false });
          if (answer.kind === 'wait') {
            expect(answer.retryAtMs).toBeGreaterThan(nowMs);
            expect(answer.retryAtMs).toBeLessThanOrEqual(
              nowMs + 1.1 * rules.longestRestSeconds * 1000 + 10_000,
            );
            continue;
          }
          const leaseId = `lease-${number}`;
          if (answer.kind === 'probe') health = leaseProbe(rules, health, { id: leaseId, nowMs });
          else if (answer.kind === 'eligible' && answer.mode === 'ramp')
            health = takeToken(rules, health, nowMs);
          if (one.outcome === 'silence') continue;
          const before = health;
          const report = {
            epoch: health.epoch - one.staleBy,
            outcome: one.outcome,
            leaseId,
            messageId: `m${one.message}`,
          } as const;
          const change = reportHealth(rules, health, report, {
            nowMs,
            restFactor: restFactor(rules, one.random),
          });
          if (one.staleBy > 0) expect(change.kind).toBe('stale');
          if (change.kind === 'stale') continue;
          health = change.health;
          expect(health.epoch - before.epoch).toBe(health.state === before.state ? 0 : 1);
          if (health.state === 'unhealthy')
            expect(health.untilMs - nowMs).toBeLessThanOrEqual(1.1 * rules.longestRestSeconds * 1000);
          if (one.outcome === 'fail') expect(health.state).toBe('unhealthy');
        }
      }),
      { numRuns: 1000 },
    );
  });
});
