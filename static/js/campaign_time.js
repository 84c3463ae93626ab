// Time and pace: only what belongs to the choice is to be filled in.

const form = document.querySelector("form.step-time");

for (const name of ["start", "pace"]) {
  for (const box of form.querySelectorAll(`input[name=${name}]`)) box.addEventListener("change", show);
}
show();

function show() {
  form.querySelector(".begins-later").hidden = form.elements.start.value !== "later";
  form.querySelector(".pace-hourly").hidden = form.elements.pace.value !== "hourly";
  form.querySelector(".pace-random").hidden = form.elements.pace.value !== "random";
}
