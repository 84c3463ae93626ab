// Compose: the route follows what is chosen, and one click is enough.

const form = document.querySelector("form.compose-form");

document.querySelector(".compose-take")?.remove();  // a choice is taken when it is made
for (const name of ["sender", "template"]) {
  form.elements[name]?.addEventListener("change", () => show(name === "template"));
}
form.addEventListener("submit", (event) => {
  if (form.dataset.sent) event.preventDefault();
  else if (event.submitter?.value === "send") form.dataset.sent = "yes";
});
// Back to this page from the next one: it may be sent again, the server knows what it has.
addEventListener("pageshow", () => { delete form.dataset.sent; });

let asked = 0;
let fieldsAreDue = false;

// The page itself, asked what it would say now; of it, only what depends on the choice is taken.
async function show(withFields) {
  const number = ++asked;
  fieldsAreDue ||= withFields;
  const body = new FormData(form);
  body.delete("files");
  body.set("act", "route");
  const answer = await fetch(form.action, { method: "POST", body });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  // The answer to an older question may come later than the one to the newest.
  if (number !== asked) return;
  if (!answer.ok || !page.getElementById("route")) return;  // the next click says why
  const parts = fieldsAreDue ? ["route", "content-fields"] : ["route"];
  fieldsAreDue = false;
  for (const id of parts) document.getElementById(id).replaceWith(page.getElementById(id));
}
