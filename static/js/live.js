// Long work: the part of the page that changes is shown anew, until it is over.
//
// <div id="live" data-live="this page" data-every="2" data-events="stream of it, if there is one">
// The server sends `live` events with the part as HTML while it has room for one more listener, and
// ends them after a while; where there are none, the page is asked again and again.
//
// <span data-live-words="pause"> elsewhere on the page says what stands in the part's data-pause.

const part = () => document.getElementById("live");
let source = null;

start();

function start() {
  const { live, events } = part().dataset;
  if (!live) return;
  if (!events || !("EventSource" in window)) return poll();
  source = new EventSource(events);
  source.addEventListener("live", (event) => {
    put(event.data);
    if (!part().dataset.live) over();
  });
  source.addEventListener("error", () => {
    if (source.readyState !== EventSource.CLOSED) return;  // it connects again by itself
    source = null;
    poll();
  });
}

async function poll() {
  await new Promise((wake) => { setTimeout(wake, 1000 * Number(part().dataset.every || 2)); });
  if (document.hidden) return poll();
  try {
    const answer = await fetch(part().dataset.live);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById("live");
    if (answer.ok && fresh) {
      if (!fresh.dataset.live) return over();
      show(fresh);
    }
  } catch { /* the line is down for a moment: ask again */ }
  poll();
}

function put(html) {
  const fresh = new DOMParser().parseFromString(html, "text/html").getElementById("live");
  if (fresh) show(fresh);
}

function show(fresh) {
  part().replaceWith(fresh);
  for (const place of document.querySelectorAll("[data-live-words]")) {
    place.textContent = fresh.dataset[place.dataset.liveWords] ?? place.textContent;
  }
}

// What stands around it is another now: buttons, lists.
function over() {
  source?.close();
  location.reload();
}
