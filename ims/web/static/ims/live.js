// What moves on a page: ticking times, polling, the "Live" dot, dialogs, menus and toasts.

// --- Times, by the server's clock, so a wrong clock of this computer does not matter -----------------
(() => {
  const served = Date.parse(document.documentElement.dataset.now) || Date.now();
  const skew = served - Date.now();
  const OLD = 60 * 86400; // seconds; from here on the server shows a date instead

  const two = (n) => String(n).padStart(2, "0");

  const span = (seconds) => {
    const s = Math.max(0, Math.floor(seconds));
    const hours = Math.floor(s / 3600);
    const minutes = Math.floor(s / 60) % 60;
    return hours ? `${hours}:${two(minutes)}:${two(s % 60)}` : `${minutes}:${two(s % 60)}`;
  };

  const rough = (s) => {
    if (s < 60) return `${Math.floor(s)} s`;
    if (s < 3600) return `${Math.floor(s / 60)} min`;
    if (s < 86400) return `${Math.floor(s / 3600)} h`;
    return `${Math.floor(s / 86400)} d`;
  };

  const words = {
    ago: (s) => (s < 5 ? "now" : `${rough(s)} ago`),
    soon: (s) => (s > -1 ? "now" : `in ${rough(-s)}`),
    elapsed: (s) => span(s),
    left: (s) => span(-s),
  };

  const countdownState = (s) => (s > 0 ? "failed" : s > -30 ? "late" : "running");

  const tick = () => {
    for (const time of document.querySelectorAll("time[data-tick]")) {
      const kind = time.dataset.tick;
      const seconds = (Date.now() + skew - Date.parse(time.dateTime)) / 1000; // negative: still to come
      const text = words[kind](seconds);
      if (seconds < OLD && time.textContent !== text) time.textContent = text;
      if (kind === "left") time.closest("[data-state]")?.setAttribute("data-state", countdownState(seconds));
    }
  };

  document.addEventListener("DOMContentLoaded", tick);
  document.addEventListener("htmx:afterSwap", tick);
  setInterval(tick, 1000);
})();

// --- A form that was refused opens at its first wrong field ---------------------------------------------
document.addEventListener("DOMContentLoaded", () =>
  document.querySelector("main [aria-invalid='true']")?.focus(),
);

// --- A part that fetches itself anew leaves alone what a person is at ----------------------------------
// Rows are not fetched while some are ticked; what was opened stays open, what was typed stays.
(() => {
  const TICKED = "td.pick :checked, [name=everything]:checked";

  document.addEventListener("htmx:beforeRequest", (event) => {
    if (event.detail.elt.querySelector(TICKED)) event.preventDefault();
  });

  const isTyped = (element) => element.matches("input, textarea") && element.value !== element.defaultValue;

  Idiomorph.defaults.callbacks.beforeAttributeUpdated = (name, element) =>
    !(name === "open" && element.matches("details, dialog")) && !(name === "value" && isTyped(element));
})();

// --- What a filter has found is said to who does not see it ---------------------------------------------
document.addEventListener("htmx:afterSwap", (event) => {
  const { target } = event.detail;
  const found = target.id === "rows" && document.getElementById("found");
  if (found) found.textContent = target.querySelector("[data-found]")?.textContent ?? "";
});

// --- Polling, asleep in hidden tabs: hx-trigger="ims:tick from:body" ---------------------------------
// (A trigger filter like [document.hidden] needs eval, which the content security policy forbids.)
// A page whose dot names a stream (data-stream) is told when to look, and looks by itself only now and then.
(() => {
  const STALE = 10_000; // ms without an answer after which the page is not live
  const SELDOM = 3; // ticks between looks while a stream is open
  const TRY = 30_000; // ms until a stream is tried again
  let heard = Date.now();
  let ticks = 0;
  let source, retry;

  const OWN = '[hx-trigger^="ims:tick"]:not(#bell-poll)'; // what the page shows; the bell is on every page

  const look = () => document.body.dispatchEvent(new CustomEvent("ims:tick"));

  const tick = () => {
    if (document.hidden) return;
    if (source?.readyState !== EventSource.OPEN || ++ticks % SELDOM === 0) look();
    say(document.querySelector(OWN) && Date.now() - heard > STALE ? "stale" : "ok");
  };

  const say = (state) => {
    for (const dot of document.querySelectorAll(`.ims-live[data-live]:not([data-live=${state}])`)) {
      dot.dataset.live = state;
      dot.textContent = dot.dataset[state];
    }
  };

  document.addEventListener("htmx:afterRequest", ({ detail }) => {
    if (detail.successful && detail.requestConfig.elt.matches(OWN)) heard = Date.now();
  });
  document.addEventListener("htmx:sseMessage", () => (heard = Date.now()));

  const listen = () => {
    const address = document.querySelector(".ims-live[data-stream]")?.dataset.stream;
    clearTimeout(retry);
    if (!address || source || document.hidden) return;
    source = new EventSource(address);
    source.onmessage = look;
    source.onerror = () => {
      if (source?.readyState !== EventSource.CLOSED) return; // it comes back by itself
      source = undefined;
      retry = setTimeout(listen, TRY);
    };
  };

  const hush = () => {
    source?.close();
    source = undefined;
  };

  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return hush();
    heard = Date.now(); // silence while hidden is no fault
    look();
    listen();
  });
  addEventListener("pagehide", hush);
  addEventListener("pageshow", listen);
  setInterval(tick, 2000);
})();

// --- Menus: <button popovertarget="id"> opens <div class="ims-menu" id="id" popover> below itself ------
(() => {
  const place = (menu) => {
    const button = document.querySelector(`[popovertarget="${menu.id}"]`).getBoundingClientRect();
    const widest = document.documentElement.clientWidth - menu.offsetWidth - 8;
    menu.style.top = `${button.bottom + scrollY}px`;
    menu.style.left = `${Math.max(8, Math.min(button.left, widest)) + scrollX}px`;
  };

  const opened = (event) => event.newState === "open" && event.target.matches(".ims-menu") && place(event.target);

  document.addEventListener("toggle", opened, true); // this event does not bubble
})();

// --- Dialogs and toasts: data-dialog="id" opens, data-close closes -----------------------------------
(() => {
  const GOOD_NEWS = 6000; // ms; warnings and errors stay until they are closed

  // What a dialog showed before is not shown again while its body is fetched (hx-get on the opener).
  const open = (opener) => {
    if (opener.hasAttribute("hx-get")) document.querySelector(opener.getAttribute("hx-target")).replaceChildren();
    document.getElementById(opener.dataset.dialog).showModal();
  };

  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-dialog]");
    if (opener) open(opener);
    const closer = event.target.closest("[data-close]");
    closer?.closest("dialog")?.close();
    closer?.closest(".ims-toast")?.remove();
  });

  const leave = (toast) => {
    if (toast.matches(":hover, :focus-within")) wait(toast);
    else toast.remove();
  };

  const wait = (toast) => setTimeout(leave, GOOD_NEWS, toast);

  const expire = () => {
    for (const toast of document.querySelectorAll('.ims-toast:is([data-state="ok"], [data-state="run"])')) {
      if (toast.dataset.seen) continue;
      toast.dataset.seen = "1";
      wait(toast);
    }
  };

  document.addEventListener("DOMContentLoaded", expire);
  document.addEventListener("htmx:oobAfterSwap", expire);

  // What a person asked for and did not get is said, in the dialog that waits for it or else at the edge.
  // Of what a part of the page fails to ask by itself the "Live" dot tells.
  const complain = ({ detail }) => {
    if (detail.requestConfig.elt.matches('[hx-trigger$="from:body"]')) return;
    const answer = detail.xhr.status ? `the server answered ${detail.xhr.status}` : "the server did not answer";
    const toast = faultToast(`That did not work: ${answer}. Try again.`);
    document.querySelector(".ims-toast[data-fault]")?.remove();
    if (detail.target.closest("dialog[open]")) {
      toast.setAttribute("role", "alert"); // what lies behind a dialog is not read aloud
      detail.target.append(toast);
    } else document.getElementById("toasts").append(toast);
  };

  const faultToast = (words) => {
    const toast = document.getElementById("fault").content.firstElementChild.cloneNode(true);
    toast.dataset.fault = "";
    toast.querySelector("span").textContent = words;
    return toast;
  };

  document.addEventListener("htmx:responseError", complain);
  document.addEventListener("htmx:sendError", complain);
})();
