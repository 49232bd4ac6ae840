import { describe, expect, it } from 'vitest';
import { ProxyLogin, type ProxyVerdict } from './proxy-login.ts';

const settings = {
  trustedAddresses: ['10.0.0.5', '10.1.0.0/28', '2001:db8::/64'],
  userHeader: 'X-Forwarded-User',
  operators: ['ada'],
};

function judge(
  headers: Readonly<Record<string, readonly string[]>>,
  of: { readonly address?: string; readonly rolesHeader?: string } = {},
): ProxyVerdict {
  const { address = '10.0.0.5', rolesHeader } = of;
  const login = new ProxyLogin({ ...settings, ...(rolesHeader === undefined ? {} : { rolesHeader }) });
  return login.judge({ address, header: (name) => headers[name] ?? [] });
}

describe('the word of a proxy', () => {
  it.each(['10.0.0.5', '10.1.0.15', '::ffff:10.0.0.5', '2001:db8::7'])('counts from %s', (address) => {
    expect(judge({ 'x-forwarded-user': ['ada'] }, { address })).toEqual({
      kind: 'known',
      actor: { name: 'ada', role: 'operator', via: 'proxy' },
    });
  });

  it.each(['10.0.0.6', '10.1.0.16', '127.0.0.1', '::1', '2001:db8:0:1::7', 'fe80::1%eth0', ''])(
    'is ignored from "%s"',
    (address) => {
      expect(judge({ 'x-forwarded-user': ['ada'] }, { address })).toEqual({ kind: 'silent' });
    },
  );

  it.each([
    ['twice', ['ada', 'bob']],
    ['with nothing in it', ['']],
    ['with a control character', ['ada\u0001']],
    ['longer than a name', ['a'.repeat(321)]],
  ])('is doubted when it comes %s', (_how, names) => {
    expect(judge({ 'x-forwarded-user': names })).toEqual({ kind: 'doubtful' });
  });

  it('makes viewers of all but the named operators', () => {
    expect(judge({ 'x-forwarded-user': ['bob'] })).toMatchObject({ actor: { name: 'bob', role: 'viewer' } });
  });

  it('reads names as UTF-8', () => {
    const sent = Buffer.from('zoë').toString('latin1');
    expect(judge({ 'x-forwarded-user': [sent] })).toMatchObject({ actor: { name: 'zoë' } });
  });
});

describe('groups', () => {
  const rolesHeader = 'x-forwarded-groups';
  it('make an operator where one is named, and then the name of the user does not', () => {
    const role = (user: string, ...groups: readonly string[]): unknown => {
      const verdict = judge({ 'x-forwarded-user': [user], [rolesHeader]: groups }, { rolesHeader });
      return verdict.kind === 'known' ? verdict.actor.role : verdict.kind;
    };
    expect(role('bob', 'mail, ada ,x')).toBe('operator');
    expect(role('bob', 'mail')).toBe('viewer');
    expect(role('ada', 'mail')).toBe('viewer');
    expect(role('ada')).toBe('viewer');
    expect(role('bob', 'mail', 'ada')).toBe('doubtful');
  });
});
