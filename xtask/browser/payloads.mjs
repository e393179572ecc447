// Texts that a page must show and never obey: 25 ways in, each in 20 disguises. `node payloads.mjs FOLDER` writes what
// Frontdesk's commands take, with one of them in every field:
//
// conversations.ndjson   archive import: ids, fields, metadata, messages, file names
// guests.ndjson          session open: guests, attributes, versions of the text of consent, skills
// endings.ndjson         session close --from: guests, references
// names.ndjson           names of tokens, of matters and their reasons; each with a conversation to hold

import { realpathSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const bases = [
  "<script>window.__ran=1</script>", "<img src=x onerror=window.__ran=1>", "<svg/onload=window.__ran=1>",
  "\"><script>window.__ran=1</script>", "'><img src=x onerror=window.__ran=1>", "javascript:window.__ran=1",
  "</title><script>window.__ran=1</script>", "</textarea><img src=x onerror=window.__ran=1>",
  "\" autofocus onfocus=window.__ran=1 x=\"", "' onmouseover='window.__ran=1", "<iframe src=javascript:window.__ran=1>",
  "<a href=javascript:window.__ran=1>x</a>", "<body onload=window.__ran=1>", "<details open ontoggle=window.__ran=1>",
  "<style>@import 'http://outside.invalid/a.css'</style>", "<link rel=stylesheet href=http://outside.invalid/a.css>",
  "<img src=http://outside.invalid/a.png>", "<form action=http://outside.invalid><input autofocus>",
  "<base href=http://outside.invalid/>", "<meta http-equiv=refresh content='0;url=http://outside.invalid/'>",
  "<object data=http://outside.invalid/>", "<math><mi xlink:href=javascript:window.__ran=1>",
  "{{constructor.constructor('window.__ran=1')()}}", "${window.__ran=1}",
  "<!--<img src=--><img src=x onerror=window.__ran=1>",
];
const disguises = [
  (text) => text, (text) => text.toUpperCase(), (text) => text.replaceAll("<", "&lt;"),
  (text) => text.replaceAll(" ", "/"), (text) => text.replaceAll(" ", "\t"), (text) => text.replaceAll("=", " = "),
  (text) => encodeURIComponent(text), (text) => text.replaceAll("\"", "&quot;"), (text) => `\u202e${text}`,
  (text) => `${text}\u0000`, (text) => `]]>${text}`, (text) => `-->${text}`, (text) => `\\${text}`,
  (text) => `\ufeff${text}`, (text) => `%3c${text}`, (text) => `\r\n\r\n${text}`, (text) => `'"\`>${text}`,
  (text) => text.split("").join("\u200b"), (text) => `${text}${text}`, (text) => `</p></li></ol></section></main>${text}`,
];
export const payloads = bases.flatMap((base) => disguises.map((disguise) => disguise(base)));

const id = (text, at) => `${at}-${text}`.slice(0, 300);
const line = (value) => `${JSON.stringify(value)}\n`;

const conversation = (text, at) => line({
  id: id(text, at), type: text, direction: text, queue: text, agent: text, language: text,
  startTime: "2025-03-01T10:00:00Z",
  interactions: [{
    id: text, transcript: `guest: needle ${text}`,
    messages: [{
      id: text, direction: "inbound", type: text, text: `needle ${text}`, status: text,
      timestamp: "2025-03-01T10:00:00Z",
      media: { url: `https://outside.invalid/${encodeURIComponent(text)}`, name: text },
    }],
  }],
  metadata: { [text]: text },
});
// A guest is one line, too: an id is a text that a platform takes.
const shown = (text) => text.replace(/[\u0000-\u001f]/g, " ").slice(0, 100);
const guest = (text, at) => line({
  guest_id: `${at} ${shown(text)}`, attributes: { source: shown(text) }, skills: [shown(text)],
  consent: { data_processing: true, marketing: false, text_version: shown(text), locale: "en" },
});
const ending = (text, at) => line({
  guest_id: `${at} ${shown(text)}`, reason: "timeout", external_ref: shown(text),
});

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const write = (name, text) => writeFileSync(join(process.argv[2], name), text);
  write("conversations.ndjson", payloads.map(conversation).join(""));
  write("guests.ndjson", payloads.map(guest).join(""));
  write("endings.ndjson", payloads.map(ending).join(""));
  // These are arguments of commands: one line, without NUL.
  write("names.ndjson", bases.map((text, at) => line({ name: text.slice(0, 60), id: id(text, at * disguises.length) })).join(""));
}
