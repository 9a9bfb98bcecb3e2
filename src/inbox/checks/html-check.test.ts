import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assertLinear } from '../../base/step-count.ts';
import { checkedCharactersMax, checkHtml } from './html-check.ts';

const slugsOf = (html: string) => checkHtml(html).warnings.map(({ feature }) => feature.slug);
const countOf = (html: string, slug: string) =>
  checkHtml(html).warnings.find(({ feature }) => feature.slug === slug)?.found;

describe('what of HTML mail clients cannot show', () => {
  const uses: readonly (readonly [html: string, slug: string, count: number])[] = [
    ['<video src=a.mp4></video>', 'html-video', 1],
    ['<a href="#top">x</a><A HREF=#x>', 'html-anchor-links', 2],
    ['<input><input type=TEXT>', 'html-input-text', 2],
    ['<button>x</button>', 'html-button-submit', 1],
    ['<img src="https://a.example/b.WEBP?x=.png">', 'image-webp', 1],
    ['<img src="data:image/png;base64,AA==">', 'image-base64', 1],
    ['<script>1</script>', 'html-script', 1],
    ['<p style="display:flex">', 'css-display-flex', 1],
    ['<p style="DISPLAY : Flex !important">', 'css-important', 1],
    ['<p style="display:&#102;lex">', 'css-display-flex', 1],
    ['<p style="border-top-left-radius:1px">', 'css-border-radius', 1],
    ['<p style="margin-inline-start:1px">', 'css-margin-inline-start-end', 1],
    ['<p style="background:url(x)">', 'css-background', 1],
    ['<p style="-webkit-mask-image:none">', 'css-mask-image', 1],
    ['<p style="width:calc(1px + var(--a))">', 'css-variables', 1],
    ['<p style="color:oklch(1 0 0)">', 'css-modern-color', 1],
    ['<p style="width:1rem">', 'css-unit-rem', 1],
    [
      '<style>@media (prefers-color-scheme: dark) {}</style>',
      'css-at-media-prefers-color-scheme',
      1,
    ],
    ['<style>@import "x.css"; a{}</style>', 'css-at-import', 1],
    ['<style>@font-face{src:url(x)}</style>', 'css-at-font-face', 1],
    ['<style>a:hover{color:red}</style><a>', 'css-pseudo-class-hover', 1],
    ['<style>p:before{color:red}</style><p>', 'css-pseudo-element-before', 1],
    ['<style>p:not(.a > b){color:red}</style><p>', 'css-pseudo-class-not', 1],
    ['<style>[type=a]{color:red}</style>', 'css-selector-attribute', 1],
    ['<style>a{b{color:red}}</style>', 'css-nesting', 1],
    ['<style><!-- .a.b{float:left} --></style>', 'css-selector-chaining', 1],
  ];
  for (const [html, slug, count] of uses)
    it(`${html}: ${slug}`, () => assert.equal(countOf(html, slug), count, slugsOf(html).join()));

  it('a rule counts for the elements that it is about', () => {
    const html = '<style>td.x { float: left }</style><td class="y x"><td class=x><td><p class=x>';
    assert.equal(countOf(html, 'css-float'), 3, 'the rarest of `td` and `.x`');
    assert.equal(countOf(`${html}<p style="float:left">`, 'css-float'), 4);
    assert.equal(countOf('<style>#none{float:left}</style>', 'css-float'), 1, 'at least once');
    assert.equal(countOf('<style>a{} b,i{float:left}</style><b><i><i>', 'css-float'), 3);
  });

  it('what is no feature of the message is not found: text, comments, other attributes', () => {
    assert.deepEqual(slugsOf('&lt;video> <b title="<video>">x'), []);
    assert.deepEqual(slugsOf('<b title="display:flex">display:flex'), []);
    assert.deepEqual(slugsOf('<b style="x:y;;:; } x: (">'), []);
  });

  it('says of whose clients it is', () => {
    const { families, total, data } = checkHtml('<p style="display:flex">');
    const outlook = families.find(({ family }) => family === 'outlook');
    assert.deepEqual(outlook?.unsupported, ['css-display-flex']);
    assert.deepEqual(families.find(({ family }) => family === 'thunderbird')?.unsupported, []);
    assert.ok(total.unsupported > 0 && total.unsupported < 50, String(total.unsupported));
    assert.equal(Math.round(total.supported + total.partial + total.unsupported), 100);
    assert.match(data.updated, /^20\d\d-/);
  });

  it('the worst that concerns much of a message comes first', () => {
    const html = `<style>.a{float:left}</style>${'<p class=a>'.repeat(50)}<video>`;
    assert.equal(slugsOf(html)[0], 'css-float');
    assert.equal(slugsOf('<video><p style="width:1px">')[0], 'html-video');
  });

  it('finds each feature of the data whose title says how it is written', () => {
    const written = (title: string): string | undefined => {
      const [, element] = /^<(\w+)>(?: element)?$/.exec(title) ?? [];
      if (element !== undefined) return `<${element}>`;
      const [, attribute] = /^([\w-]+) attribute$/.exec(title) ?? [];
      if (attribute !== undefined) return `<p ${attribute}=x>`;
      if (/^::?[\w-]+(?:\(\))?$/.test(title)) return `<style>a${title}{}</style>`;
      if (/^[\w-]+\(\)$/.test(title)) return `<p style="x:${title}">`;
      if (/^@[\w-]+$/.test(title)) return `<style>${title} x {}</style>`;
      if (/^[\w%]+ unit$/.test(title)) return `<p style="x:1${title.split(' ')[0]}">`;
      if (/^[a-z-]+(?: property)?$/.test(title)) return `<p style="${title.split(' ')[0]}:x">`;
      return undefined;
    };
    const unfound: string[] = [];
    let looked = 0;
    for (const { slug, title, category, clients } of checkHtml('').data.features.values()) {
      const html = category === 'html' || category === 'css' ? written(title) : undefined;
      if (html === undefined || clients.every(({ support }) => support === 'yes')) continue;
      looked += 1;
      if (!slugsOf(html).includes(slug)) unfound.push(`${slug} in ${html}`);
    }
    // Of these the title does not say it.
    assert.deepEqual(unfound.sort(), [
      'css-pseudo-class-lang in <p style="x:lang()">',
      'css-unit-initial in <p style="x:1initial">',
      'html-address in <p style="address:x">',
    ]);
    for (const [html, slug] of [
      ['<style>:lang(de) {}</style>', 'css-pseudo-class-lang'],
      ['<p style="color:initial">', 'css-unit-initial'],
      ['<address>', 'html-address'],
    ] as const)
      assert.equal(countOf(html, slug), 1, slug);
    assert.ok(looked > 150, String(looked));
  });

  it('looks at so much and says that there is more', () => {
    assert.equal(checkHtml('<table><tr><td>'.repeat(1000)).isWhole, true);
    assert.equal(checkHtml(`${' '.repeat(checkedCharactersMax)}<video>`).isWhole, false);
    assert.deepEqual(slugsOf(`${' '.repeat(checkedCharactersMax)}<video>`), []);
    assert.equal(checkHtml(`<style>${'a{}'.repeat(100_000)}</style>`).isWhole, false);
  });

  it('takes time in proportion to its length, whatever selectors are made of', () => {
    for (const selector of ['*a', '.b', '#c', '[d]', ':e', 'f(', 'g{', 'h,', 'i>'])
      assertLinear(
        checkHtml,
        (times) => `<style>${'*a'.repeat(times)}${selector.repeat(times)}.z{}</style>`,
      );
  });
});
