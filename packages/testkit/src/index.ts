/** What tests (and the demonstration) need: a real Redis, scripted SMTP hosts, a clock to pass in. */
export { freePort, startRedis, type TestRedis, type TestRedisOptions } from './redis.ts';
export { startSentinel, type TestSentinel, type TestSentinelOptions } from './redis-sentinel.ts';
export { startRedisCluster, type TestRedisCluster, type TestRedisClusterOptions } from './redis-cluster.ts';
export { waitFor } from './wait.ts';
export { createFakeClock, type FakeClock } from './clock.ts';
export { createCertificates, type Certificate, type Certificates } from './certificates.ts';
export { startSmtpHost, SmtpHost } from './smtp-host.ts';
export type {
  Action,
  ActionContext,
  Behaviour,
  ConnectionRecord,
  HostCounters,
  HostOptions,
  HostPhase,
  HostScript,
  LiveConnection,
  RecipientRecord,
  TransactionRecord,
} from './smtp-host-types.ts';
export { rawSmtp, RawSmtp, type RawReply, type RawSmtpOptions } from './raw-smtp.ts';
export { dotStuffed, smtpSubmit, type SubmitOptions, type SubmitReplies } from './smtp-submit.ts';
export {
  startDnsServer,
  type DnsAnswer,
  type DnsQuery,
  type DnsRecords,
  type DnsZone,
  type TestDnsServer,
} from './dns-server.ts';
