// The template editor: the mail beside it follows what is typed, a moment after the last key.

const form = document.querySelector("form.template-editor");
const button = form.querySelector(".look-button");
const frames = form.querySelector(".look-frames");
const PAUSE = 600;  // milliseconds
let waiting;

form.addEventListener("input", (event) => {
  if (event.target.name === "is_sure") return;
  clearTimeout(waiting);
  waiting = setTimeout(look, PAUSE);
});
button.addEventListener("click", (event) => {
  event.preventDefault();
  look();
});
let isTyped = false;
form.addEventListener("input", () => { isTyped = true; }, { once: true });
form.addEventListener("submit", () => { isTyped = false; });
addEventListener("beforeunload", (event) => { if (isTyped) event.preventDefault(); });

// A new frame takes the place of the old one when it has loaded: nothing flickers, and the answers
// do not pile up behind the browser's back button.
function look() {
  clearTimeout(waiting);
  for (const late of frames.querySelectorAll(".look-next")) late.remove();
  const before = frames.querySelector("iframe");
  const next = before.cloneNode(false);
  next.removeAttribute("src");
  next.name = `look-${Date.now()}`;
  next.classList.add("look-next");
  frames.append(next);
  const copy = document.createElement("form");
  copy.method = "post";
  copy.action = button.formAction;
  copy.target = next.name;
  for (const [name, value] of new FormData(form)) {
    copy.append(Object.assign(document.createElement("textarea"), { name, value }));
  }
  copy.hidden = true;
  document.body.append(copy);
  next.addEventListener("load", () => {
    before.remove();
    next.classList.remove("look-next");
  });
  copy.submit();
  copy.remove();
}

look();
