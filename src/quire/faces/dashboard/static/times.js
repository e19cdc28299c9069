// Times as the pages have them that are made at the server.
const FIRST = -62135596800, LAST = 253402300799; // of the years 1 to 9999

export function moment(seconds) {
  if (seconds == null) return "–";
  // What somebody sent in nanoseconds is no date, and must not end what shows the others.
  if (!(seconds >= FIRST && seconds <= LAST)) return `${seconds} s`;
  return new Date(seconds * 1000).toISOString().slice(0, 19).replace("T", " ");
}
