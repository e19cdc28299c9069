// Follows a stream with Node's own EventSource and prints, a line each, what it hears:
// [event, lastEventId, data]; its own error is ["lost", readyState].
const source = new EventSource(process.argv[2]);
setInterval(() => {}, 60000); // its wait for a new connection keeps no process alive
const say = (...words) => console.log(JSON.stringify(words));
for (const name of ["info", "complete", "failed"]) {
  source.addEventListener(name, (event) => say(name, event.lastEventId, event.data));
}
source.addEventListener("error", (event) => {
  if (event.data !== undefined) { say("error", event.lastEventId, event.data); return; }
  say("lost", source.readyState);
  if (source.readyState === EventSource.CLOSED) process.exit(0);
});
