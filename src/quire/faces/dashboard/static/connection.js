// Says in the header whether what the page shows is live.
const place = document.getElementById("connection");

let since = null;

export function connected(text = "live") {
  if (text === "live") since = null;
  place.hidden = false;
  place.textContent = text;
  place.classList.toggle("stale", text !== "live");
}

// Says that so many tries in a row have failed, and since when: in UTC, as all times are.
export function lost(failures) {
  since ??= new Date();
  connected(failures < 3 ? "reconnecting" : `stale since ${since.toISOString().slice(11, 19)} UTC`);
}

const RETRY = 3000; // milliseconds

// Returns what has `refresh` run in a while, and again if it fails: the change that it
// was to show may have been the last.
export function refreshing(refresh, wait) {
  let timer = null, failures = 0;
  const later = (milliseconds) => { timer ??= setTimeout(run, milliseconds); };
  async function run() {
    timer = null; // what changes from now on is looked at once more
    try {
      await refresh();
      if (failures) connected();
      failures = 0;
    } catch (error) {
      failures += 1;
      if (error.message === "401") connected("logged out");
      else lost(failures);
      later(RETRY);
    }
  }
  return () => later(wait);
}

export async function fetchJson(url) {
  const answer = await fetch(url, { headers: { accept: "application/json" } });
  if (!answer.ok) throw new Error(`${answer.status}`);
  return answer.json();
}
