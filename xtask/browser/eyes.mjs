// A Chromium, pages of it that note whatever should not happen, and the checks they are put to.

import { createRequire } from "node:module";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

const require = createRequire(`${process.cwd()}/`);
const puppeteer = require("puppeteer-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

let looked = 0;
const failures = [];
export const expect = (name, right, why = "") => {
  looked += 1;
  if (!right) { failures.push(name); console.log(`FAILED ${name}${why ? `: ${why}` : ""}`); }
};
export const outcome = () => ({ looked, failed: failures.length });

// As root, which CI is, Chromium has no sandbox of its own; it opens pages of this machine only.
const programme = execFileSync("which", [process.env.CHROMIUM], { encoding: "utf8" }).trim();
const browser = await puppeteer.launch({
  executablePath: programme, headless: true, args: ["--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--lang=en"],
});
export const close = () => browser.close();

// Says how long a part took: all of it is to stay within minutes.
export const timed = async (name, part) => {
  const began = performance.now();
  const came = await part;
  console.log(`${name}: ${((performance.now() - began) / 1000).toFixed(1)} s`);
  return came;
};

// A page of its own browser: no other page's cookies. Whatever is asked of others than `bases` is noted.
export const open = async (bases, { theme = "light", width = 1280, height = 900 } = {}) => {
  const context = await browser.createBrowserContext();
  const page = await context.newPage();
  await page.setViewport({ width, height });
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: theme }]);
  const minded = [];
  page.on("dialog", (dialog) => { minded.push(`a dialog: ${dialog.message()}`); dialog.dismiss(); });
  page.on("pageerror", (error) => minded.push(`an error: ${error.message}`));
  page.on("console", (message) => {
    if (/content.security.policy|refused to/i.test(message.text())) minded.push(message.text());
  });
  page.on("request", (request) => {
    const url = request.url();
    if (!bases.some((base) => url.startsWith(`${base}/`)) && !url.startsWith("data:")) minded.push(`asked ${url}`);
  });
  await page.evaluateOnNewDocument(() => {
    document.addEventListener("securitypolicyviolation", (event) => console.log(`Content Security Policy: ${event.violatedDirective}`));
  });
  page.minded = minded;
  page.away = () => context.close();
  return page;
};

export const quiet = async (page, name) => {
  const ran = await page.evaluate(() => window.__ran === 1);
  expect(`${name}: no script of a customer runs`, !ran);
  expect(`${name}: nothing to mind`, page.minded.length === 0, page.minded.slice(0, 3).join("; "));
  page.minded.length = 0;
};

// The policy forbids scripts in the page; what the tools of the browser put in is no page's.
export const accessible = async (page, name) => {
  await page.evaluate(axe);
  const found = await page.evaluate(async () => {
    const result = await window.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"] });
    return result.violations.filter((one) => one.impact === "serious" || one.impact === "critical")
      .map((one) => `${one.id} (${one.nodes.length}): ${one.nodes[0].html.slice(0, 160)}`);
  });
  expect(`${name}: axe-core finds no serious fault`, found.length === 0, found.join("; "));
};

export const fits = async (page, name) => {
  const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  expect(`${name}: nothing is wider than the screen`, over <= 0, `${over} px`);
};

// Sends the form a button belongs to, and waits for the page that answers.
export const click = async (page, selector) => {
  await Promise.all([page.waitForNavigation(), page.$eval(selector, (button) => button.click())]);
};
