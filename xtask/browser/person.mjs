// A person at the demo's console: the keyboard alone, the proof, what is masked, sending again, times, the log-in.

import { click, expect, open, quiet } from "./eyes.mjs";

export const person = async (demo) => {
  const page = await open([demo]);
  await keyboard(page, demo);
  await proof(page, demo);
  await audit(page, demo);
  await again(page, demo);
  await page.goto(`${demo}/`);
  await page.click("#zone");
  expect("times are local at a click", (await page.$eval("#zone", (button) => button.textContent)) === "Local times");
  await quiet(page, "a person's way");
  await page.away();
};

const keyboard = async (page, demo) => {
  await page.goto(`${demo}/?q=invoice`);
  await page.keyboard.press("Tab");
  expect("the first stop leads past the navigation", await page.evaluate(() => document.activeElement.matches(".skip")));
  await page.keyboard.press("/");
  expect("/ leads to the box", await page.evaluate(() => document.activeElement.matches("[data-box]")));
  await page.keyboard.press("Escape");
  for (const key of ["j", "j", "k"]) await page.keyboard.press(key);
  expect("j and k walk the hits", await page.evaluate(() => [...document.querySelectorAll("[data-hit]")].indexOf(document.activeElement) === 0));
  await page.keyboard.press("?");
  expect("? shows the keys", await page.$eval("#keys", (dialog) => dialog.open));
  await page.keyboard.press("Escape");
  expect("Escape closes them", await page.$eval("#keys", (dialog) => !dialog.open));
  await page.evaluate(() => document.querySelector("[data-hit]").focus());
  await Promise.all([page.waitForNavigation(), page.keyboard.press("Enter")]);
  expect("Enter opens a conversation", page.url().includes("/conversations/"));
  expect("what was looked for is marked", (await page.$(".turn mark")) !== null);
};

const proof = async (page) => {
  await click(page, "form[action$='/verify'] button");
  expect("verify says so", (await page.$("[data-state=verified]")) !== null);
  await page.click(".reveal summary");
  await page.type("#reason", "the browser's check");
  await click(page, "form[action$='/reveal'] button");
  expect("reveal says so", (await page.$("[data-state=revealed]")) !== null);
};

const audit = async (page, demo) => {
  await page.goto(`${demo}/audit?kind=access`);
  expect("the reveal is in the audit log", (await page.content()).includes("revealed"));
  await page.goto(`${demo}/audit?verify=true`);
  expect("the chain holds", (await page.$("[data-state=sound]")) !== null);
};

const again = async (page, demo) => {
  await page.goto(`${demo}/webhooks?state=delivered`);
  expect("there is a delivery to send again", (await page.$("td form[action='/webhooks/replay'] button")) !== null);
  await click(page, "td form[action='/webhooks/replay'] button");
  expect("replay says so", (await page.$("[data-state=replayed]")) !== null);
};

// Shows a token in the form of the log-in.
export const login = async (page, base, token) => {
  await page.type("input[name=token]", token);
  await click(page, "form[action='/login'] button");
  expect("the log-in leads in", page.url().startsWith(base) && !page.url().includes("/login"), page.url());
};

// A console that asks for tokens: whoever has none, one that is wrong, a viewer's, an auditor's.
export const roles = async (guarded, tokens) => {
  const page = await open([guarded]);
  await page.goto(`${guarded}/runs`);
  expect("without a token there is the log-in", page.url().includes("/login"));
  await page.type("input[name=token]", "fd_wrong");
  await click(page, "form[action='/login'] button");
  expect("a wrong token leads nowhere", page.url().includes("failed=true") && (await page.$("[role=alert]")) !== null);
  await login(page, guarded, tokens.viewer);
  expect("the log-in leads to where one wanted to go", page.url() === `${guarded}/runs`, page.url());
  for (const path of ["/audit", "/webhooks", "/sessions", "/holds"]) {
    const answer = await page.goto(guarded + path);
    expect(`${path}: is not there for a viewer`, answer.status() === 404 && (await page.$(`nav a[href='${path}']`)) === null);
  }
  await page.goto(`${guarded}/`);
  await click(page, "form[action='/logout'] button");
  await page.goto(`${guarded}/`);
  expect("who logs out is out", page.url().includes("/login"));
  await login(page, guarded, tokens.auditor);
  expect("an auditor reads the audit log", (await page.goto(`${guarded}/audit`)).status() === 200);
  await quiet(page, "the log-in");
  await page.away();
};
