import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { findUser } from './privileges.ts';

const run = (user: string) =>
  spawnSync(
    process.execPath,
    [
      '--input-type=module',
      '-e',
      `import { dropPrivileges } from ${JSON.stringify(join(import.meta.dirname, 'privileges.ts'))};
       try { dropPrivileges(${JSON.stringify(user)}); } catch (error) { console.log(error.name + ': ' + error.message); process.exit(); }
       console.log(JSON.stringify([process.getuid(), process.getgid(), process.getgroups().includes(0)]));
       try { process.setuid(0); console.log('root again'); } catch { console.log('for good'); }`,
    ],
    { encoding: 'utf8' },
  ).stdout.trim();

describe('privileges', () => {
  const passwd = 'root:x:0:0:root:/root:/bin/sh\nmail:x:8:12:mail:/var/mail:/bin/false\n';
  it('finds users by name and number', () => {
    assert.deepEqual(findUser('mail', passwd), { uid: 8, gid: 12 });
    assert.deepEqual(findUser('8', passwd), { uid: 8, gid: 12 });
    assert.equal(findUser('nobody', passwd), undefined);
  });

  const skip = process.getuid?.() !== 0 && 'only root can become somebody else';
  it('becomes the user with its groups, for good', { skip }, () => {
    const nobody = findUser('nobody');
    assert.equal(run('nobody'), `[${nobody?.uid},${nobody?.gid},false]\nfor good`);
  });
  it('says what to do when there is no such user', { skip }, () => {
    assert.match(run('no-such-user'), /^PrivilegeError: cannot become user no-such-user .*useradd/);
  });
});
