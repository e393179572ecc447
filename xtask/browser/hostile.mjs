// A data folder with hostile text in every field, behind log-ins with hostile names: shown, and nothing else.

import { click, expect, open, quiet, timed } from "./eyes.mjs";
import { login } from "./person.mjs";
import { payloads } from "./payloads.mjs";

// Pages that are opened at the same time.
const AT_ONCE = 3;

const atOnce = async (items, each) => {
  const queue = [...items];
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await each(item);
  }));
};

// The same, on pages that stay open.
const together = async (make, items, each) => {
  const idle = await Promise.all(Array.from({ length: AT_ONCE }, make));
  await atOnce(items, async (item) => {
    const page = idle.pop();
    await each(page, item);
    idle.push(page);
  });
  await Promise.all(idle.map((page) => page.away()));
};

export const hostile = async (base, tokens) => {
  const [first] = tokens;
  await timed("  reasons", reasons(base, first));
  const inside = async () => {
    const page = await open([base]);
    await page.goto(`${base}/login`);
    await login(page, base, first);
    return page;
  };
  const page = await inside();
  await page.goto(`${base}/?q=needle`);
  const total = await page.$eval("#count", (heading) => Number.parseInt(heading.textContent.replaceAll(",", ""), 10));
  expect("every hostile conversation is there", total === payloads.length, String(total));
  const links = (found) => found.map((link) => link.getAttribute("href"));
  const hits = await timed("  hits", leaf(page, base, "/?q=needle", "[data-hit]", links));
  expect("every one has a link", hits.length === total, `${hits.length} of ${total}`);
  await page.away();
  await Promise.all([walks(inside, base), pages(inside, base, hits)]);
  // Once with everything unmasked.
  await timed("  revealed", together(inside, hits.filter((_, at) => at % 20 === 0), async (page, path) => {
    await page.goto(base + path);
    await page.$eval("#reason", (box) => { box.value = "<script>window.__ran=1</script>"; });
    await click(page, "form[action$='/reveal'] button");
    expect("a hostile conversation is revealed", (await page.$("[data-state=revealed]")) !== null);
    await quiet(page, "revealed");
  }));
  await timed("  names", atOnce(tokens, async (token) => {
    const page = await open([base]);
    await page.goto(`${base}/login?next=${encodeURIComponent("/coverage")}`);
    await login(page, base, token);
    await quiet(page, "a hostile name");
    await page.away();
  }));
};

// Screens with a text of each: guests, references, matters, reasons, names, what was looked for.
const walks = async (inside, base) => {
  const page = await inside();
  const rows = (found) => found.map((row) => row.textContent);
  for (const [path, least] of [["/sessions", 500], ["/audit?kind=access", 500], ["/audit", 2000], ["/webhooks", 500], ["/holds", 25]]) {
    const found = await timed(`  ${path}`, leaf(page, base, path, "main tbody tr, main li", rows));
    expect(`${path}: has what is hostile`, found.length >= least, `${found.length} of ${least}`);
  }
  await page.away();
};

// Every conversation, and a search for every text.
const pages = async (inside, base, hits) => {
  await timed("  conversations", together(inside, hits, async (page, path) => {
    const name = `hostile ${path.slice(0, 60)}`;
    const answer = await page.goto(base + path);
    expect(`${name} opens`, answer.status() === 200, String(answer.status()));
    await quiet(page, name);
  }));
  await timed("  queries", together(inside, payloads, async (page, text) => {
    const answer = await page.goto(`${base}/?q=${encodeURIComponent(text)}`);
    expect("a hostile query is no failure", answer.status() < 500);
    await quiet(page, "a hostile query");
  }));
};

// Every page of a screen's lists, each list from its beginning to its end while the others stay at theirs. Gives what `pick`
// makes of the elements.
const leaf = async (page, base, path, selector, pick) => {
  const found = [];
  const known = new Set([path]);
  // A set is walked to what is added on the way, too.
  for (const next of known) {
    const answer = await page.goto(base + next);
    expect(`${path}: opens`, answer.status() === 200, String(answer.status()));
    await quiet(page, `hostile ${path}`);
    found.push(...(await page.$$eval(selector, pick)));
    const list = (address) => new URL(address, base).hash;
    for (const more of await page.$$eval("a[rel=next]", (links) => links.map((link) => link.getAttribute("href")))) {
      if (next === path || list(more) === list(next)) known.add(more);
    }
  }
  return found;
};

// A reason with each text, in the audit log.
const reasons = async (base, token) => {
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const found = await (await fetch(`${base}/api/v1/conversations?q=needle&limit=1`, { headers })).json();
  const path = `/api/v1/conversations/${encodeURIComponent(found.hits[0].id)}/reveal`;
  for (const text of payloads) {
    const answer = await fetch(base + path, { method: "POST", headers, body: JSON.stringify({ reason: text }) });
    await answer.arrayBuffer();
    expect("a hostile reason is taken", answer.status === 200, String(answer.status));
  }
};
