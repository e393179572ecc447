// Keys, local times, live runs. Every page works without it.
(() => {
  "use strict";
  const one = (selector) => document.querySelector(selector);
  const all = (selector) => [...document.querySelectorAll(selector)];

  // Times: UTC as the server writes them, or those of this machine.
  const zone = one("#zone");
  const show = (local) => {
    for (const time of all("time[datetime]")) {
      time.dataset.utc ??= time.textContent;
      const at = new Date(time.dateTime);
      if (!local || Number.isNaN(at.getTime())) { time.textContent = time.dataset.utc; continue; }
      const parts = { year: "numeric", month: "2-digit", day: "2-digit" };
      const clock = { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" };
      const form = time.dataset.form;
      const wanted = form === "clock" ? clock : form === "day" ? parts : { ...parts, ...clock };
      time.textContent = new Intl.DateTimeFormat("sv-SE", wanted).format(at);
    }
    zone.textContent = local ? "Local times" : "UTC times";
    zone.setAttribute("aria-pressed", String(local));
  };
  let kept = null;
  try { kept = localStorage.getItem("zone"); } catch { /* no storage: UTC */ }
  let local = kept === "local";
  if (zone) {
    zone.hidden = false;
    show(local);
    zone.addEventListener("click", () => {
      local = !local;
      try { localStorage.setItem("zone", local ? "local" : "utc"); } catch { /* not kept */ }
      show(local);
    });
  }

  // Keys.
  const help = one("#keys");
  const open = one("#keys-open");
  if (open && help) {
    open.hidden = false;
    open.addEventListener("click", () => help.showModal());
  }
  const move = (by) => {
    const links = all("[data-hit]");
    if (links.length === 0) return;
    const at = links.indexOf(document.activeElement);
    const next = links[Math.min(links.length - 1, Math.max(0, at + by))];
    next.focus();
    next.scrollIntoView({ block: "nearest" });
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || help?.open) return;
    if (event.target.matches("input, textarea, select")) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    const box = one("[data-box]");
    switch (event.key) {
      case "/": if (!box) return; box.focus(); box.select(); break;
      case "j": move(1); break;
      case "k": move(-1); break;
      case "?": help?.showModal(); break;
      default: return;
    }
    event.preventDefault();
  });

  for (const button of all("[data-print]")) {
    button.hidden = false;
    button.addEventListener("click", () => window.print());
  }

  // Runs: while one is open its page follows it.
  const live = one("[data-live]");
  if (live && "EventSource" in window) {
    const events = new EventSource(live.dataset.live);
    events.addEventListener("runs", (event) => {
      for (const run of JSON.parse(event.data)) {
        const row = document.getElementById("run-" + run.id);
        if (!row) { location.reload(); return; }
        for (const cell of row.querySelectorAll("[data-of]")) {
          const value = run[cell.dataset.of];
          if (value === undefined || value === null) continue;
          if (cell.tagName === "PROGRESS") cell.value = value; else cell.textContent = String(value);
        }
        if (row.dataset.state !== run.state) { location.reload(); return; }
      }
      live.textContent = "Live";
    });
    // A stream that ended is opened again by the browser; one that was refused is not.
    events.onerror = () => {
      const again = events.readyState === EventSource.CONNECTING;
      live.textContent = again ? "Not live for a moment" : "Not live: load the page again";
    };
  }
})();
