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
