// Drives the console in a real Chromium, as `cargo xtask browser` asks it to:
//
// FRONTDESK_CONSOLE   the console of `serve --demo`
// FRONTDESK_GUARDED   the same folder's, asking for tokens; FRONTDESK_ROLES has one of a viewer and one of an auditor
// FRONTDESK_HOSTILE   the console of hostile text, asking for tokens; FRONTDESK_NAMES has some
// CHROMIUM            the browser
// FRONTDESK_PICTURES  a folder for pictures of every screen; none without it

import { close, outcome, timed } from "./eyes.mjs";
import { hostile } from "./hostile.mjs";
import { person, roles } from "./person.mjs";
import { screens } from "./screens.mjs";

const { FRONTDESK_CONSOLE, FRONTDESK_GUARDED, FRONTDESK_HOSTILE, FRONTDESK_ROLES, FRONTDESK_NAMES, FRONTDESK_PICTURES } = process.env;
await timed("a person", person(FRONTDESK_CONSOLE));
// Each has a server of its own, and waits for it half the time.
await Promise.all([
  timed("roles", roles(FRONTDESK_GUARDED, JSON.parse(FRONTDESK_ROLES))),
  timed("screens", screens(FRONTDESK_CONSOLE, FRONTDESK_PICTURES)),
  timed("hostile text", hostile(FRONTDESK_HOSTILE, JSON.parse(FRONTDESK_NAMES))),
]);
await close();
const { looked, failed } = outcome();
console.log(`${looked} looked at, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
