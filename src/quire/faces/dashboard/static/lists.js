// What lists of a page that is kept fresh have in common.

// Puts new lines into a table, and leaves the keyboard at the link where it was.
export function renew(body, lines) {
  const held = body.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
  body.replaceChildren(...lines);
  if (held) body.querySelector(`a[href="${CSS.escape(held)}"]`)?.focus({ preventScroll: true });
}

// Leads behind the last line: what new ones push off the page is found there.
export function leadOn(cursor) {
  const link = document.getElementById("older");
  link.hidden = !cursor;
  link.search = cursor ? `?cursor=${encodeURIComponent(cursor)}` : "";
}
