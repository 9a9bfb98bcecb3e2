import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { findUser, rootsAlone } from './privileges.ts';

const run = (user: string) =>
  spawnSync(
    process.execPath,
    [
      '--input-type=module',
      '-e',
      `import { dropPrivileges } from ${JSON.stringify(join(import.meta.dirname, 'privileges.ts'))};
       process.setgroups?.([0]);
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
    const expected = `[${nobody?.uid},${nobody?.gid},false]\nfor good`;
    assert.equal(run('nobody'), expected);
    assert.equal(run(String(nobody?.uid)), expected);
    for (const root of ['root', '0']) assert.match(run(root), /^\[0,0,true\]\nroot again$/);
  });
  const nobody = findUser('nobody');
  const call = (code: string) =>
    spawnSync(process.execPath, ['--input-type=module', '-e', `${imports} ${code}`], {
      encoding: 'utf8',
    });
  const imports = `import * as p from ${JSON.stringify(join(import.meta.dirname, 'privileges.ts'))};`;
  const become = (directory: string, user = 'nobody') =>
    call(`try { p.becomeUser('${user}', ${JSON.stringify(directory)}); console.log(process.getuid()); }
      catch (error) { console.log(error.name + ': ' + error.message); }`).stdout.trim();
  /** Where nobody but root can change anything. */
  const inRoots = (use: (directory: string) => void) => {
    const directory = mkdtempSync('/var/lib/postrider-test-');
    try {
      use(directory);
    } finally {
      rmSync(directory, { recursive: true });
    }
  };

  it('makes a data directory for the user where only root could, with its parents', { skip }, () =>
    inRoots((root) => {
      chmodSync(root, 0o755);
      const data = join(root, 'mail/data');
      assert.equal(become(data), String(nobody?.uid));
      const { uid, gid, mode } = lstatSync(data);
      assert.deepEqual([uid, gid, mode & 0o777], [nobody?.uid, nobody?.gid, 0o700]);
      assert.deepEqual(
        [lstatSync(join(root, 'mail')).uid, lstatSync(join(root, 'mail')).mode & 0o777],
        [0, 0o755],
      );
      assert.equal(become(data), String(nobody?.uid), 'again');
    }),
  );

  it('gives away an empty directory of root, and nothing that has something in it', { skip }, () =>
    inRoots((root) => {
      const data = join(root, 'data');
      mkdirSync(data);
      writeFileSync(join(data, 'postrider.db'), '');
      assert.match(
        become(data),
        /^PrivilegeError: .*data belongs to root, not to nobody: `chown -Rh nobody .*data`/,
      );
      assert.deepEqual([lstatSync(data).uid, lstatSync(join(data, 'postrider.db')).uid], [0, 0]);
      rmSync(join(data, 'postrider.db'));
      assert.equal(become(data), String(nobody?.uid));
      assert.equal(lstatSync(data).uid, nobody?.uid);
      writeFileSync(join(data, 'left'), '');
      assert.equal(
        become(data),
        String(nobody?.uid),
        'what root left in it is for the store to name',
      );
      assert.equal(lstatSync(join(data, 'left')).uid, 0);
    }),
  );

  it('leads nobody to another directory by links, however fast they are changed', { skip }, () =>
    inRoots((root) => {
      chmodSync(root, 0o755);
      const victim = join(root, 'victim');
      mkdirSync(victim);
      const files = ['', ...Array.from({ length: 50 }, (_, i) => `file${i}`)].map((name) =>
        join(victim, name),
      );
      for (const file of files.slice(1)) writeFileSync(file, '');
      const own = join(root, 'own');
      mkdirSync(own);
      chownSync(own, nobody!.uid, nobody!.gid);
      const data = join(own, 'data');
      const swapper = spawn(
        process.execPath,
        [
          '-e',
          `const fs = require('node:fs'), d = ${JSON.stringify(data)};
          fs.mkdirSync(d); fs.mkdirSync(d + '/spool'); fs.symlinkSync(${JSON.stringify(victim)}, d + '/link');
          for (;;) {
            try { fs.renameSync(d + '/spool', d + '/kept'); fs.renameSync(d + '/link', d + '/spool');
              fs.renameSync(d + '/spool', d + '/link'); fs.renameSync(d + '/kept', d + '/spool'); } catch {}
            try { fs.renameSync(d, d + '2'); fs.symlinkSync(${JSON.stringify(victim)}, d); fs.unlinkSync(d); fs.mkdirSync(d);
              fs.rmdirSync(d); fs.renameSync(d + '2', d); } catch {}
          }`,
        ],
        { uid: nobody!.uid, gid: nobody!.gid, stdio: 'ignore' },
      );
      try {
        call(`import { existsSync } from 'node:fs';
          while (!existsSync(${JSON.stringify(join(data, 'link'))}));
          for (let i = 0; i < 3000; i += 1)
          try { p.prepareDirectory(${JSON.stringify(data)}, 'nobody', ${JSON.stringify(nobody)}); } catch {}`);
      } finally {
        swapper.kill('SIGKILL');
      }
      for (const file of files) assert.equal(lstatSync(file).uid, 0, file);
    }),
  );

  it(
    'follows no link that is put in the place of the directory while it is looked at',
    { skip },
    () =>
      inRoots((root) => {
        chmodSync(root, 0o755);
        const victim = join(root, 'victim');
        const data = join(root, 'data');
        mkdirSync(victim);
        mkdirSync(data);
        // Only root could do so here, and whoever mounts something: it is done just before the directory is opened.
        const found =
          call(`import { syncBuiltinESMExports } from 'node:module'; import fs from 'node:fs';
        const { openSync } = fs;
        fs.openSync = (path, ...rest) => {
          if (path === ${JSON.stringify(data)}) { fs.rmdirSync(path); fs.symlinkSync(${JSON.stringify(victim)}, path); }
          return openSync(path, ...rest);
        };
        syncBuiltinESMExports();
        try { p.becomeUser('nobody', ${JSON.stringify(data)}); } catch (error) { console.log(error.code); }`);
        assert.match(found.stdout.trim(), /^(?:ELOOP|ENOTDIR)$/, found.stderr);
        assert.equal(lstatSync(victim).uid, 0);
      }),
  );

  it(
    'a command of root becomes whoever the directory belongs to, known by name or not',
    { skip },
    () =>
      inRoots((root) => {
        const owner = () =>
          call(
            `process.setgroups([0]); p.becomeOwner(${JSON.stringify(root)}); console.log(process.getuid(), process.getgid(), process.getgroups().includes(0))`,
          ).stdout.trim();
        assert.match(owner(), /^0 0 /);
        chownSync(root, nobody!.uid, nobody!.gid);
        assert.equal(owner(), `${nobody?.uid} ${nobody?.gid} false`);
        chownSync(root, 54_321, 54_322);
        assert.equal(owner(), '54321 54322 false');
      }),
  );

  it('whoever is not root stays who they are', { skip }, () =>
    inRoots((root) => {
      chownSync(root, 54_321, 54_322);
      const directory = JSON.stringify(root);
      const found = call(`process.setgid(${nobody?.gid}); process.setuid(${nobody?.uid});
        p.dropPrivileges('root'); p.becomeUser('nobody', ${directory}); p.becomeOwner(${directory});
        console.log(process.getuid(), p.ownerOf(${directory}));`);
      assert.equal(found.stdout.trim(), `${nobody?.uid} undefined`, found.stderr);
    }),
  );

  it('makes nothing where the user can put a link in its place', { skip }, () =>
    inRoots((root) => {
      chmodSync(root, 0o755);
      const own = join(root, 'own');
      mkdirSync(own);
      chownSync(own, nobody!.uid, nobody!.gid);
      const data = join(own, 'data');
      assert.equal(become(data), String(nobody?.uid), 'who makes it');
      assert.equal(lstatSync(data, { throwIfNoEntry: false }), undefined);
      mkdirSync(data);
      assert.match(become(data), /^PrivilegeError: .*data belongs to root/);
      chownSync(data, nobody!.uid, nobody!.gid);
      assert.equal(become(data), String(nobody?.uid), 'it is theirs already');
    }),
  );

  it('knows what nobody but root can change', { skip }, () =>
    inRoots((root) => {
      chmodSync(root, 0o755);
      for (const name of ['closed', 'open', 'own/roots']) {
        const directory = join(root, name);
        mkdirSync(directory, { recursive: true });
        chmodSync(directory, name === 'open' ? 0o777 : 0o755);
      }
      chownSync(join(root, 'own'), nobody!.uid, nobody!.gid);
      const alone = (name: string) => rootsAlone(join(root, name, 'data'));
      assert.deepEqual(['closed', 'open', 'own', 'own/roots'].map(alone), [
        true,
        false,
        false,
        false,
      ]);
    }),
  );

  it('says what to do when there is no such user', { skip }, () => {
    assert.match(become('/', 'no-such-user'), /^PrivilegeError: cannot become user no-such-user /);
    assert.match(run('no-such-user'), /^PrivilegeError: cannot become user no-such-user .*useradd/);
  });
});
