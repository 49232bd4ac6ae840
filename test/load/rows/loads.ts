/** The loads that rows share. */
import type { Load } from '../traffic/source.ts';

const fourKilobytes = { kind: 'filler', bytes: 4096 } as const;

/** 4 KB over 20 connections that are kept. */
export const kept: Load = { messages: 20_000, sessions: 20, kept: true, body: fourKilobytes };
/** 4 KB, each message on a connection of its own, 200 at a time. */
export const fresh: Load = { messages: 8000, sessions: 200, kept: false, body: fourKilobytes };
/** 100 KB of text and base64 over 20 connections that are kept. */
export const large: Load = {
  messages: 3000,
  sessions: 20,
  kept: true,
  body: { kind: 'realistic', bytes: 102_400 },
};
/** 4 KB of text and base64 over 20 connections that are kept. */
export const realistic: Load = { ...kept, body: { kind: 'realistic', bytes: 4096 } };

export function of(load: Load, messages: number): Load {
  return { ...load, messages };
}
