/**
 * Passwords of people and programs that log in to us: salted scrypt hashes, checked a bounded number at a time, and a memory
 * of wrong attempts by address that makes guessing slow. Who has which right is decided by whoever asks.
 */
export { FailedLogins, loginOrigin, type FailedLoginsOptions } from './failed-logins.ts';
export { PasswordCheck, type PasswordCheckOptions } from './password-check.ts';
export { hashPassword, readPasswordHash, type PasswordHash } from './password-hash.ts';
