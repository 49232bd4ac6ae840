/** Headers that keep browsers from doing more with our pages than showing them. */

const everywhere = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
} as const;

const common = "base-uri 'self'; form-action 'self'; frame-ancestors 'none'; object-src 'none'";

/** Our own pages: nothing inline, nothing from elsewhere. */
export const ownPolicy = `default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; ${common}`;

/** The Bull dashboard sets styles from its script; its scripts are files. */
export const boardPolicy = `default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; connect-src 'self'; ${common}`;

export function securityHeaders(policy: string): Readonly<Record<string, string>> {
  return { ...everywhere, 'content-security-policy': policy };
}
