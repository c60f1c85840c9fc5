// A trip as it moves: <section data-trip data-stream="…" data-events="…" data-after="42" data-track="…">
// One stream for the page, closed while its tab is hidden; where there is none, its events are asked for.
// Inside: [data-map], and [data-fix] with the words of speed and age. An old fix is never shown as live.
(() => {
  const ASK = 3000; // ms between questions where there is no stream
  const TRY = 30_000; // ms until a stream is tried again
  const GAP = 30_000; // ms between two fixes: what lies between is fetched
  const FRESH = 30, SILENT = 300; // seconds: stale, and silent

  const ENDS = ["completed", "cancelled"];

  const served = Date.parse(document.documentElement.dataset.now) || Date.now();
  const skew = served - Date.now();

  const watch = (trip) => {
    const { stream, events, track } = trip.dataset;
    const panel = trip.querySelector("[data-fix]");
    let after = Number(trip.dataset.after);
    let newest = Date.parse(panel?.dataset.fix) || 0;
    let source, asking, retry;

    const put = (name, text) => {
      const place = trip.querySelector(`[data-show="${name}"]`);
      if (place) place.textContent = text;
    };

    const move = (lat, lng) =>
      trip.querySelector("[data-map]")?.dispatchEvent(new CustomEvent("ims:fix", { detail: [lat, lng] }));

    const between = async (from) => {
      const answer = await fetch(`${track}?after=${encodeURIComponent(new Date(from).toISOString())}`);
      if (answer.ok) for (const point of (await answer.json()).results) move(point.lat, point.lng);
    };

    const fix = (event) => {
      const at = Date.parse(event.timestamp);
      if (at <= newest) return; // came late: the way is drawn in the order of time
      const before = newest;
      newest = at;
      if (track && before && at - before > GAP) between(before);
      else move(event.latitude, event.longitude);
      put("speed", event.speed === null ? "—" : `${Math.round(event.speed)} km/h`);
      showAge(event.timestamp);
      judge();
    };

    const showAge = (timestamp) => {
      const place = trip.querySelector("[data-show=age]");
      const clock = place.querySelector("time") || document.createElement("time");
      clock.dateTime = timestamp;
      clock.dataset.tick = "ago"; // live.js keeps it ticking
      clock.title = new Date(timestamp).toLocaleString([], { timeZoneName: "short" });
      place.replaceChildren(clock);
    };

    // Green while it is live, amber when stale, red when the device is silent.
    const judge = () => {
      const age = trip.querySelector("[data-show=age]");
      if (!age || !newest) return;
      const seconds = (Date.now() + skew - newest) / 1000;
      age.dataset.state = seconds <= FRESH ? "ok" : seconds <= SILENT ? "late" : "failed";
      put("trust", seconds <= FRESH ? "Live" : seconds <= SILENT ? "Not live: the last known place" : "The device is silent");
    };

    const take = (event) => {
      if (event.type === "gps_update") fix(event);
      else if (ENDS.includes(event.status)) location.reload(); // a page of an ended trip shows other things
      else document.body.dispatchEvent(new CustomEvent("ims:tick")); // the page's other parts look at once
    };

    const ask = async () => {
      if (document.hidden) return;
      const answer = await fetch(`${events}?after=${after}`).catch(() => null);
      if (answer?.status === 404) return location.reload(); // revoked or expired: the page says so
      if (!answer?.ok) return;
      const page = await answer.json();
      if (page.reset) return location.reload();
      page.results.forEach(take);
      after = page.last;
    };

    const poll = () => {
      asking ??= setInterval(ask, ASK);
      clearTimeout(retry);
      retry = setTimeout(open, TRY);
    };

    const open = () => {
      if (source || document.hidden || !window.EventSource) return source || poll();
      source = new EventSource(`${stream}?after=${after}`);
      source.onopen = () => {
        clearInterval(asking);
        asking = undefined;
      };
      source.onmessage = (message) => {
        after = Number(message.lastEventId);
        take(JSON.parse(message.data));
      };
      source.addEventListener("reset", () => location.reload());
      source.onerror = () => {
        if (source?.readyState !== EventSource.CLOSED) return; // it comes back by itself
        source = undefined;
        poll();
      };
    };

    const close = () => {
      source?.close();
      source = undefined;
    };

    if (trip.dataset.ended) return;
    document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
    addEventListener("pagehide", close);
    setInterval(judge, 1000);
    judge();
    open();
  };

  document.querySelectorAll("[data-trip]").forEach(watch);
})();
