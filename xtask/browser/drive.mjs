// Drives the console in a real Chromium. `payloads` prints an archive of hostile conversations to import; without an
// argument it opens every screen of two consoles and looks at what a person, and a policy, would mind.
//
// FRONTDESK_CONSOLE   the console of `serve --demo`
// FRONTDESK_HOSTILE   the console of the hostile archive
// CHROMIUM            the browser
// FRONTDESK_PICTURES  a folder for pictures; none without it

import { createRequire } from "node:module";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

const bases = [
  "<script>window.__ran=1</script>", "<img src=x onerror=window.__ran=1>", "<svg/onload=window.__ran=1>",
  "\"><script>window.__ran=1</script>", "'><img src=x onerror=window.__ran=1>", "javascript:window.__ran=1",
  "</title><script>window.__ran=1</script>", "</textarea><img src=x onerror=window.__ran=1>",
  "\" autofocus onfocus=window.__ran=1 x=\"", "' onmouseover='window.__ran=1", "<iframe src=javascript:window.__ran=1>",
  "<a href=javascript:window.__ran=1>x</a>", "<body onload=window.__ran=1>", "<details open ontoggle=window.__ran=1>",
  "<style>@import 'http://outside.invalid/a.css'</style>", "<link rel=stylesheet href=http://outside.invalid/a.css>",
  "<img src=http://outside.invalid/a.png>", "<form action=http://outside.invalid><input autofocus>", "<base href=http://outside.invalid/>",
  "<meta http-equiv=refresh content='0;url=http://outside.invalid/'>", "<object data=http://outside.invalid/>", "<math><mi xlink:href=javascript:window.__ran=1>",
  "{{constructor.constructor('window.__ran=1')()}}", "${window.__ran=1}", "<!--<img src=--><img src=x onerror=window.__ran=1>",
];
const turns = [
  (text) => text, (text) => text.toUpperCase(), (text) => text.replaceAll("<", "&lt;"),
  (text) => text.replaceAll(" ", "/"), (text) => text.replaceAll(" ", "\t"), (text) => text.replaceAll("=", " = "), (text) => encodeURIComponent(text),
  (text) => text.replaceAll("\"", "&quot;"), (text) => `\u202e${text}`, (text) => `${text}\u0000`, (text) => `]]>${text}`, (text) => `-->${text}`,
  (text) => `\\${text}`, (text) => `\ufeff${text}`, (text) => `%3c${text}`, (text) => `\r\n\r\n${text}`, (text) => `'"\`>${text}`, (text) => text.split("").join("\u200b"),
  (text) => `${text}${text}`, (text) => `</p></li></ol></section></main>${text}`,
];
const payloads = bases.flatMap((base) => turns.map((turn) => turn(base)));

if (process.argv[2] === "payloads") {
  payloads.forEach((text, at) => {
    const id = `${at}-${text}`.slice(0, 300);
    console.log(JSON.stringify({
      id, type: text, direction: text, queue: text, agent: text, language: text, startTime: "2025-03-01T10:00:00Z",
      interactions: [{
        id: text, transcript: `guest: needle ${text}`,
        messages: [{ id: text, direction: "inbound", type: text, text: `needle ${text}`, status: text,
          timestamp: "2025-03-01T10:00:00Z", media: { url: `https://outside.invalid/${encodeURIComponent(text)}`, name: text } }],
      }],
      metadata: { [text]: text },
    }));
  });
  process.exit(0);
}

const require = createRequire(`${process.cwd()}/`);
const puppeteer = require("puppeteer-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const demo = process.env.FRONTDESK_CONSOLE;
const hostile = process.env.FRONTDESK_HOSTILE;
const pictures = process.env.FRONTDESK_PICTURES;
const screens = ["/", "/?q=invoice", "/?q=zebra", "/?q=refund%20queu:web", "/coverage", "/runs", "/sessions", "/sla", "/webhooks", "/audit", "/holds", "/no-such-page"];

const browser = await puppeteer.launch({
  executablePath: execFileSync("which", [process.env.CHROMIUM], { encoding: "utf8" }).trim(), headless: true, args: ["--no-sandbox", "--disable-gpu", "--hide-scrollbars"],
});
let failed = 0;
let done = 0;
const expect = (name, right, why = "") => {
  done += 1;
  if (!right) { failed += 1; console.log(`FAILED ${name}${why ? `: ${why}` : ""}`); }
};

// A page that notes whatever should not happen.
const open = async (theme = "light", width = 1280) => {
  const page = await browser.newPage();
  await page.setViewport({ width, height: 900 });
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: theme }]);
  const minded = [];
  page.on("dialog", (dialog) => { minded.push(`a dialog: ${dialog.message()}`); dialog.dismiss(); });
  page.on("pageerror", (error) => minded.push(`an error: ${error.message}`));
  page.on("console", (message) => {
    if (/content.security.policy|refused to/i.test(message.text())) minded.push(message.text());
  });
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(demo) && !url.startsWith(hostile) && !url.startsWith("data:")) minded.push(`asked ${url}`);
  });
  await page.evaluateOnNewDocument(() => {
    document.addEventListener("securitypolicyviolation", (event) => console.log(`Content Security Policy: ${event.violatedDirective}`));
  });
  page.minded = minded;
  return page;
};
const quiet = async (page, name) => {
  const ran = await page.evaluate(() => window.__ran === 1);
  expect(`${name}: no script of a customer runs`, !ran);
  expect(`${name}: nothing to mind`, page.minded.length === 0, page.minded.slice(0, 3).join("; "));
  page.minded.length = 0;
};
// The policy forbids scripts in the page; what the tools of the browser put in is no page's.
const accessible = async (page, name) => {
  await page.evaluate(axe);
  const found = await page.evaluate(async () => {
    const result = await window.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"] });
    return result.violations.filter((one) => one.impact === "serious" || one.impact === "critical")
      .map((one) => `${one.id} (${one.nodes.length}): ${one.nodes[0].html.slice(0, 160)}`);
  });
  expect(`${name}: axe-core finds no serious fault`, found.length === 0, found.join("; "));
};
const fits = async (page, name) => {
  const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  expect(`${name}: nothing is wider than the screen`, over <= 0, `${over} px`);
};

// Every screen, in both themes, at three widths.
for (const theme of ["light", "dark"]) {
  for (const width of [360, 1280, 2560]) {
    const page = await open(theme, width);
    await page.goto(`${demo}/?q=invoice`);
    const conversation = await page.$eval("[data-hit]", (link) => link.getAttribute("href"));
    for (const path of [...screens, conversation]) {
      const name = `${path} ${theme} ${width}`;
      const answer = await page.goto(demo + path);
      expect(`${name}: no failure`, answer.status() < 500, String(answer.status()));
      await fits(page, name);
      await accessible(page, name);
      await quiet(page, name);
      if (pictures) {
        const file = path === conversation ? "conversation" : path.replace(/[^a-z]+/g, "") || "start";
        await page.screenshot({ path: `${pictures}/${file}-${theme}-${width}.png` });
      }
    }
    await page.close();
  }
}

// The keyboard alone: to the box, to the hits, into one.
{
  const page = await open();
  await page.goto(`${demo}/?q=invoice`);
  await page.keyboard.press("/");
  expect("/ leads to the box", await page.evaluate(() => document.activeElement.matches("[data-box]")));
  await page.keyboard.press("Escape");
  await page.keyboard.press("j");
  await page.keyboard.press("j");
  await page.keyboard.press("k");
  expect("j and k walk the hits", await page.evaluate(() => [...document.querySelectorAll("[data-hit]")].indexOf(document.activeElement) === 0));
  await page.keyboard.press("?");
  expect("? shows the keys", await page.$eval("#keys", (dialog) => dialog.open));
  await page.keyboard.press("Escape");
  await page.evaluate(() => document.querySelector("[data-hit]").focus());
  await Promise.all([page.waitForNavigation(), page.keyboard.press("Enter")]);
  expect("Enter opens a conversation", page.url().includes("/conversations/"));
  // Verify and reveal, as forms.
  await Promise.all([page.waitForNavigation(), page.click("form[action$='/verify'] button")]);
  expect("verify says so", (await page.$("[data-state=verified]")) !== null);
  await page.click(".reveal summary");
  await page.type("#reason", "the browser's check");
  await Promise.all([page.waitForNavigation(), page.click("form[action$='/reveal'] button")]);
  expect("reveal says so", (await page.$("[data-state=revealed]")) !== null);
  await page.goto(`${demo}/audit?kind=access`);
  expect("the reveal is in the audit log", (await page.content()).includes("revealed"));
  await page.goto(`${demo}/audit?verify=true`);
  expect("the chain holds", (await page.$("[data-state=sound]")) !== null);
  await page.goto(`${demo}/webhooks?state=delivered`);
  const again = await page.$("td form[action='/webhooks/replay'] button");
  expect("there is a delivery to send again", again !== null);
  if (again) {
    await Promise.all([page.waitForNavigation(), again.click()]);
    expect("replay says so", (await page.$("[data-state=replayed]")) !== null);
  }
  await page.goto(`${demo}/`);
  await page.click("#zone");
  expect("times are local at a click", (await page.$eval("#zone", (button) => button.textContent)) === "Local times");
  await quiet(page, "the keyboard's way");
  await page.close();
}

// Without a script every page is there.
{
  const page = await open();
  await page.setJavaScriptEnabled(false);
  for (const path of screens) {
    const answer = await page.goto(demo + path);
    expect(`${path} without a script`, (await answer.text()).includes("<main"));
  }
  await page.close();
}

// Hostile text in every field: shown, and nothing else.
{
  const page = await open();
  await page.goto(`${hostile}/?q=needle`);
  const total = await page.$eval("#count", (heading) => Number.parseInt(heading.textContent.replaceAll(",", ""), 10));
  expect("every hostile conversation is there", total >= 500, String(total));
  const paths = [];
  for (let next = "/?q=needle"; next; ) {
    await page.goto(hostile + next);
    await quiet(page, "hostile hits");
    paths.push(...(await page.$$eval("[data-hit]", (links) => links.map((link) => link.getAttribute("href")))));
    next = await page.$$eval("a[rel=next]", (links) => links[0]?.getAttribute("href") ?? null);
  }
  expect("every one has a link", paths.length === total, `${paths.length} of ${total}`);
  for (const path of paths) {
    const answer = await page.goto(hostile + path);
    expect(`hostile ${path.slice(0, 60)} opens`, answer.status() === 200, String(answer.status()));
    await quiet(page, `hostile ${path.slice(0, 60)}`);
  }
  for (const text of payloads) {
    const answer = await page.goto(`${hostile}/?q=${encodeURIComponent(text)}`);
    expect("a hostile query is no failure", answer.status() < 500);
    await quiet(page, "a hostile query");
  }
  await page.close();
}

await browser.close();
console.log(`${done} looked at, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
