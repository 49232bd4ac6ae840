/** What tests (and the demonstration) need: a real Redis, scripted SMTP hosts, a clock to pass in. */
export { freePort, startRedis, type TestRedis, type TestRedisOptions } from './redis.ts';
export { waitFor } from './wait.ts';
