/** A client of the HTTP API for tests: one ingress with three tokens, asked with real requests. */
import { createHash } from 'node:crypto';
import { startRedis } from '@mailwheel/testkit';
import { expect } from 'vitest';
import { startIngress, type StoredMessage, type TestIngress } from './fixture.ts';

export const secrets = { app1: 'first-secret', app2: 'second-secret', narrow: 'third-secret' } as const;

export const minimal = { from: 'a@sender.example', to: ['b@dest.example'] } as const;

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly json: Record<string, unknown>;
}

export interface Ask {
  /** Default: that of app1; present but undefined: none. */
  readonly token?: string | undefined;
  readonly body?: string | Buffer;
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface HttpClient {
  readonly ingress: TestIngress;
  readonly ask: (path: string, how?: Ask) => Promise<Answer>;
  /** Posts JSON. */
  readonly submit: (message: unknown, how?: Ask) => Promise<Answer>;
  /** Posts message/rfc822 with its envelope in the query. */
  readonly submitRaw: (
    query: Readonly<Record<string, string | readonly string[]>>,
    body: string | Buffer,
    how?: Ask,
  ) => Promise<Answer>;
  /** What an answer of 202 stands for. */
  readonly stored: (answer: Answer) => Promise<StoredMessage>;
  readonly stop: () => Promise<void>;
}

export async function startHttpClient(): Promise<HttpClient> {
  const redis = await startRedis();
  const token = (name: keyof typeof secrets): { readonly name: string; readonly sha256: string } => ({
    name,
    sha256: createHash('sha256').update(secrets[name]).digest('hex'),
  });
  const ingress = await startIngress({
    redis,
    smtp: { messageBytesMax: 200_000, recipientsMax: 100, destinationsMax: 100, hopsMax: 5 },
    http: {
      bodyBytesMax: 300_000,
      tokens: [
        token('app1'),
        token('app2'),
        { ...token('narrow'), from: ['*@app.example', 'noreply@*.example'] },
      ],
    },
  });
  const ask = async (path: string, how: Ask = {}): Promise<Answer> => {
    const bearer = 'token' in how ? how.token : secrets.app1;
    const { body } = how;
    const response = await fetch(`${ingress.httpUrl}${path}`, {
      ...(body === undefined ? {} : { method: 'POST', body }),
      headers: {
        ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
        ...(body === undefined ? {} : { 'content-type': how.type ?? 'application/json' }),
        ...how.headers,
      },
    });
    const json = (await response.json()) as Record<string, unknown>;
    return { status: response.status, headers: response.headers, json };
  };
  return {
    ingress,
    ask,
    submit: (message, how = {}) => ask('/v1/messages', { ...how, body: JSON.stringify(message) }),
    submitRaw: (query, body, how = {}) => {
      const parameters = new URLSearchParams();
      for (const [name, value] of Object.entries(query)) {
        for (const one of typeof value === 'string' ? [value] : value) parameters.append(name, one);
      }
      return ask(`/v1/messages?${parameters.toString()}`, { type: 'message/rfc822', ...how, body });
    },
    stored: (answer) => {
      expect(answer).toMatchObject({ status: 202, json: { repeated: false } });
      return ingress.message(String(answer.json['id']));
    },
    stop: async () => {
      await ingress.stop();
      await redis.stop();
    },
  };
}
