// Says in the header whether what the page shows is live.
const place = document.getElementById("connection");

export function connected(text = "live") {
  place.hidden = false;
  place.textContent = text;
  place.classList.toggle("stale", text !== "live");
}

const RETRY = 3000; // milliseconds

// Returns what has `refresh` run in a while, and again if it fails: the change that it
// was to show may have been the last.
export function refreshing(refresh, wait) {
  let timer = null, failed = false;
  const later = (milliseconds) => { timer ??= setTimeout(run, milliseconds); };
  async function run() {
    timer = null; // what changes from now on is looked at once more
    try {
      await refresh();
      if (failed) connected();
      failed = false;
    } catch (error) {
      connected(error.message === "401" ? "logged out" : "reconnecting");
      failed = true;
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
