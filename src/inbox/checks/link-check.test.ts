import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../../base/fake-clock.ts';
import { HttpError, type HttpRequest, type HttpResponse } from '../../net/http-request.ts';
import { LinkChecker, redirectsMax } from './link-check.ts';
import { linksMax, linksOf } from './links.ts';

type Answer = number | { readonly to: string } | HttpError;

/** Servers that answer as they are told, by `METHOD url` or the URL alone. */
function checking(answers: ReadonlyMap<string, Answer>, allowPrivate = false) {
  const asked: string[] = [];
  const guards: unknown[] = [];
  const request = async ({ url, method, allows }: HttpRequest): Promise<HttpResponse> => {
    const text = String(url);
    asked.push(`${method} ${text}`);
    guards.push(allows?.('127.0.0.1'));
    const answer = answers.get(`${method} ${text}`) ?? answers.get(text) ?? 404;
    if (answer instanceof HttpError) throw answer;
    const headers = new Map(typeof answer === 'number' ? [] : [['location', answer.to]]);
    return { status: typeof answer === 'number' ? answer : 302, headers, body: Buffer.alloc(0) };
  };
  const checker = new LinkChecker({ request, allowPrivate, clock: new FakeClock() });
  return { checker, asked, guards };
}

const checked = async (
  answers: ReadonlyMap<string, Answer>,
  text: string,
  followRedirects = true,
) => {
  const { checker, asked, guards } = checking(answers);
  const result = await checker.check({ html: undefined, text }, { followRedirects });
  const [link] = result?.links ?? [];
  return { link, asked, guards, result };
};

const a = 'https://a.example/';

describe('links of a message', () => {
  it('are those that somebody follows and those that are loaded, each once', () => {
    const html = `<a href=" ${a}x?1&amp;2 ">x</a><a href=#y><a href="mailto:x@y.z"><area href='${a}'>
      <img src="${a}p.png"><img src="cid:x"><link rel="x stylesheet" href="${a}s.css">
      <td background="${a}b.png"><a href="${a}"><a href="javascript:1"><a href="https://">`;
    const text = `See <${a}long/\n way>, (${a}in) "${a}quoted". ${a}end?!). ${a}?...x... xhttps://no.example/`;
    assert.deepEqual(
      linksOf({ html, text }).links.map(({ url, kind }) => `${kind} ${url.slice(a.length)}`),
      [
        ...['link x?1&2', 'link ', 'picture p.png', 'style s.css', 'picture b.png'],
        ...['link long/way', 'link in', 'link quoted', 'link end', 'link ?...x'],
      ],
    );
  });

  it('are so many and no longer than a limit, and it is said that there are more', () => {
    const many = Array.from({ length: linksMax + 1 }, (_, i) => `${a}${i}`).join(' ');
    const { links, more } = linksOf({ html: undefined, text: many });
    assert.deepEqual([links.length, more], [linksMax, true]);
    const long = `<a href="${a}${'x'.repeat(2000)}">`;
    assert.deepEqual(linksOf({ html: long, text: '' }), { links: [], more: true });
  });
});

describe('a check of links', () => {
  it('asks by HEAD; by GET where that is not liked', async () => {
    const fine = await checked(new Map([[a, 200]]), a);
    assert.deepEqual([fine.asked, fine.link?.status, fine.link?.words], [[`HEAD ${a}`], 200, 'OK']);
    const picky = await checked(
      new Map([
        [`HEAD ${a}`, 405],
        [`GET ${a}`, 204],
      ]),
      a,
    );
    assert.deepEqual([picky.asked, picky.link?.status], [[`HEAD ${a}`, `GET ${a}`], 204]);
    const gone = await checked(new Map(), a);
    assert.deepEqual(
      [gone.asked.length, gone.link?.status, gone.link?.words],
      [2, 404, 'Not Found'],
    );
    const broken = await checked(
      new Map<string, Answer>([
        [`HEAD ${a}`, new HttpError('protocol', 'x')],
        [`GET ${a}`, 200],
      ]),
      a,
    );
    assert.equal(broken.link?.status, 200);
  });

  it('follows redirects where that is wanted, so far and not into what is no web', async () => {
    const chain = new Map<string, Answer>([
      [a, { to: '/b' }],
      [`${a}b`, { to: 'http://c.example/' }],
      ['http://c.example/', 200],
    ]);
    const followed = await checked(chain, a);
    assert.deepEqual(followed.link?.redirects, [`${a}b`, 'http://c.example/']);
    assert.equal(followed.link?.status, 200);
    const first = await checked(chain, a, false);
    assert.deepEqual([first.link?.status, first.link?.redirects], [302, []]);
    const loop = await checked(new Map([[a, { to: a }]]), a);
    assert.deepEqual([loop.link?.status, loop.link?.redirects.length], [0, redirectsMax]);
    const file = await checked(new Map([[a, { to: 'file:///etc/passwd' }]]), a);
    assert.deepEqual([file.link?.status, file.link?.redirects], [302, []]);
  });

  it('no private address is asked, at no step, unless that is allowed', async () => {
    const chain = new Map<string, Answer>([
      [a, { to: 'http://127.0.0.1/' }],
      ['http://127.0.0.1/', new HttpError('not-allowed', 'it is 127.0.0.1')],
    ]);
    const { link, guards } = await checked(chain, a);
    assert.equal(link?.status, 451);
    assert.doesNotMatch(link?.words ?? '', /127/, 'nobody learns what the DNS says');
    assert.deepEqual(guards, [false, false], 'each request has the guard');
    const open = checking(new Map([[a, 200]]), true);
    await open.checker.check({ html: undefined, text: a }, { followRedirects: false });
    assert.deepEqual(open.guards, [undefined]);
  });

  it('without an answer it says why, and what takes too long has its end', async () => {
    const silent = await checked(
      new Map([[a, new HttpError('dns', 'a.example has no address')] as const]),
      a,
    );
    assert.deepEqual([silent.link?.status, silent.link?.words], [0, 'a.example has no address']);
    const clock = new FakeClock();
    const given: number[] = [];
    const request = async ({ timeoutMs }: HttpRequest): Promise<HttpResponse> => {
      given.push(timeoutMs);
      await clock.advance(6_000);
      return { status: 302, headers: new Map([['location', a]]), body: Buffer.alloc(0) };
    };
    const checker = new LinkChecker({ request, allowPrivate: false, clock });
    const result = await checker.check({ html: undefined, text: a }, { followRedirects: true });
    assert.deepEqual(given, [10_000, 4_000]);
    assert.equal(result?.links[0]?.status, 0);
  });

  it('so many messages at once', async () => {
    const waiting = Promise.withResolvers<HttpResponse>();
    const checker = new LinkChecker({
      ...{ request: () => waiting.promise, allowPrivate: false, clock: new FakeClock() },
    });
    const check = () => checker.check({ html: undefined, text: a }, { followRedirects: false });
    const running = [check(), check(), check(), check()];
    assert.equal(await check(), undefined);
    waiting.resolve({ status: 200, headers: new Map(), body: Buffer.alloc(0) });
    assert.equal(
      (await Promise.all(running)).every((one) => one?.links.length === 1),
      true,
    );
    assert.notEqual(await check(), undefined);
  });
});
