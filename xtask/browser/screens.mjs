// Every screen of `serve --demo`: at three widths, in both themes, without a script, and where its links lead.

import { accessible, expect, fits, open, quiet } from "./eyes.mjs";

// What each screen is to show of the demo, so that an empty one is none that was looked at.
const shows = {
  "/": "[data-hit]", "/coverage": ".month a", "/runs": "main table tbody tr, main .panel", "/sessions": "tbody tr",
  "/sla": "svg", "/webhooks": "tbody tr", "/audit": "tbody tr", "/holds": "tbody tr",
};
// Screens behind screens, states of the search, and what is not there.
const states = { late: "/runs/late", found: "/?q=invoice", empty: "/?q=zebra", wrong: "/?q=refund%20queu:web", missing: "/no-such-page" };
const WIDTHS = [360, 1280, 2560];

// The screens of the navigation, a conversation, a run, and the states: name to path.
const all = async (demo) => {
  const page = await open([demo]);
  await page.goto(`${demo}/`);
  const navigation = await page.$$eval("nav[aria-label=Screens] a", (links) => links.map((link) => link.getAttribute("href")));
  const paths = Object.fromEntries(navigation.map((path) => [path.slice(1) || "search", path]));
  await page.goto(`${demo}/?q=invoice`);
  paths.conversation = await page.$eval("[data-hit]", (link) => link.getAttribute("href"));
  await page.goto(`${demo}/runs`);
  paths.run = await page.$eval("main a[href^='/runs/']", (link) => link.getAttribute("href"));
  await page.goto(`${demo}/sessions`);
  paths.plan = await page.$eval("main a[href^='/sessions/plans/']", (link) => link.getAttribute("href"));
  await page.away();
  expect("the navigation has every screen", Object.keys(shows).every((path) => navigation.includes(path)), navigation.join(" "));
  return { ...paths, ...states };
};

export const screens = async (demo, pictures) => {
  const paths = await all(demo);
  for (const theme of ["light", "dark"]) {
    for (const width of WIDTHS) {
      const page = await open([demo], { theme, width });
      for (const [screen, path] of Object.entries(paths)) {
        const name = `${screen} ${theme} ${width}`;
        const answer = await page.goto(demo + path);
        expect(`${name}: no failure`, answer.status() < 500, String(answer.status()));
        if (shows[path]) expect(`${name}: shows something`, (await page.$(shows[path])) !== null, shows[path]);
        await fits(page, name);
        // A wider page has the same colours and the same elements.
        if (width !== WIDTHS[2]) await accessible(page, name);
        await quiet(page, name);
        if (pictures) await page.screenshot({ path: `${pictures}/${screen}-${theme}-${width}.png` });
      }
      await page.away();
    }
  }
  if (pictures) await illustrations(demo, paths, pictures);
  await withoutScript(demo, paths);
  await links(demo, paths);
};

// The pictures of docs/console.md.
const illustrations = async (demo, paths, pictures) => {
  const shown = { search: "found", conversation: "conversation", coverage: "coverage", runs: "runs", webhooks: "webhooks", audit: "audit" };
  for (const [picture, screen] of Object.entries(shown)) {
    const theme = ["webhooks", "audit"].includes(picture) ? "dark" : "light";
    const page = await open([demo], { theme, width: 1000, height: 560 });
    await page.goto(demo + paths[screen]);
    await page.screenshot({ path: `${pictures}/${picture}.png` });
    await page.away();
  }
};

const withoutScript = async (demo, paths) => {
  const page = await open([demo]);
  await page.setJavaScriptEnabled(false);
  for (const [screen, path] of Object.entries(paths)) {
    const answer = await page.goto(demo + path);
    const text = await answer.text();
    expect(`${screen}: is there without a script`, text.includes("<main") && text.includes("</html>"));
  }
  await page.away();
};

// Wherever a screen leads there is something.
const links = async (demo, paths) => {
  const found = new Set();
  for (const path of Object.values(paths)) {
    const page = await (await fetch(demo + path, { headers: { accept: "text/html" } })).text();
    for (const [, href] of page.matchAll(/<a [^>]*href="([^"]+)"/g)) found.add(href.replaceAll("&amp;", "&"));
  }
  for (const href of found) {
    if (href.startsWith("#")) continue;
    expect(`${href}: is of this server`, href.startsWith("/"));
    const answer = await fetch(demo + href, { headers: { accept: "text/html" } });
    await answer.arrayBuffer();
    expect(`${href}: leads somewhere`, answer.ok, String(answer.status));
  }
  expect("the screens have links", found.size > 50, String(found.size));
};
