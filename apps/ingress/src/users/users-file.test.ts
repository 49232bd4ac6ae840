/** The users file: good lines, and every way to be refused whole, with the line, and without what is secret. */
import { expect, test } from 'vitest';
import { parseUsers } from './users-file.ts';

const salt = Buffer.alloc(16, 1).toString('base64').replace(/=+$/, '');
const hash = Buffer.alloc(32, 2).toString('base64').replace(/=+$/, '');
const good = `$scrypt$ln=15,r=8,p=1$${salt}$${hash}`;

function problems(text: string): readonly string[] {
  const parsed = parseUsers(text);
  return parsed.ok ? [] : parsed.problems;
}

test('users, comments and blank lines, with and without words', () => {
  const parsed = parseUsers(
    `# who may send\n\napp:${good}\r\nnews@b.example:${good} from=*@b.example,x@c.example messages=5 recipients=0\n`,
  );
  expect(parsed.ok && [...parsed.users.values()]).toEqual([
    {
      name: 'app',
      password: {
        costLog2: 15,
        blockSize: 8,
        parallel: 1,
        salt: Buffer.alloc(16, 1),
        key: Buffer.alloc(32, 2),
      },
    },
    expect.objectContaining({
      name: 'news@b.example',
      from: ['*@b.example', 'x@c.example'],
      messagesPerMinuteMax: 5,
      recipientsPerMinuteMax: 0,
    }),
  ]);
});

test.each([
  ['app', 'expected name:$scrypt$'],
  [`a b:${good}`, 'expected name:$scrypt$'],
  [`:${good}`, 'expected name:$scrypt$'],
  ['app:plaintext', 'no hash of a password'],
  [`app:$scrypt$ln=15,r=8$${salt}$${hash}`, 'no hash of a password'],
  [`app:$2b$10$${salt}`, 'no hash of a password'],
  [`app:$scrypt$ln=10,r=8,p=1$${salt}$${hash}`, 'too cheap'],
  [`app:$scrypt$ln=15,r=8,p=0$${salt}$${hash}`, 'no hash of a password'],
  [`app:$scrypt$ln=17,r=8,p=1$${salt}$${hash}`, 'too dear'],
  [`app:$scrypt$ln=60,r=8,p=1$${salt}$${hash}`, 'no hash of a password'],
  [`app:$scrypt$ln=15,r=8,p=1$YQ$${hash}`, 'no hash of a password'],
  [`app:$scrypt$ln=15,r=8,p=1$${salt}$YQ`, 'no hash of a password'],
  [`app:${good} form=a@b.example`, 'only from='],
  [`app:${good} messages=many`, 'only from='],
  [`app:${good} from=a@b.example,`, 'from= is no list'],
])('%s is refused', (line, reason) => {
  const [problem, ...more] = problems(`ok:${good}\n\n${line}\n`);
  expect(more).toEqual([]);
  expect(problem).toMatch(/^line 3: /);
  expect(problem).toContain(reason);
  expect(problem).not.toContain('plaintext');
  expect(problem).not.toContain(hash);
});

test('a user twice is refused, and every bad line is named', () => {
  expect(problems(`app:${good}\nx\napp:${good}\n`)).toEqual([
    expect.stringMatching(/^line 2: /),
    'line 3: the user "app" is there twice',
  ]);
});
