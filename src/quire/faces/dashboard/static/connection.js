// Says in the header whether what the page shows is live.
const place = document.getElementById("connection");

export function connected(text = "live") {
  place.hidden = false;
  place.textContent = text;
  place.classList.toggle("stale", text !== "live");
}

export async function fetchJson(url) {
  const answer = await fetch(url, { headers: { accept: "application/json" } });
  if (!answer.ok) throw new Error(`${answer.status}`);
  return answer.json();
}

// Calls `work` every `milliseconds` while the page is seen; stops when it returns false.
export function whileSeen(milliseconds, work) {
  let failures = 0;
  const turn = async () => {
    if (!document.hidden) {
      try {
        if ((await work()) === false) return;
        failures = 0;
        connected();
      } catch {
        failures += 1;
        connected(failures < 3 ? "reconnecting" : `stale since ${new Date().toLocaleTimeString()}`);
      }
    }
    setTimeout(turn, milliseconds);
  };
  turn();
}
