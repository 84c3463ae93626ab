// The brand's preview follows while a colour is chosen or a name is typed; nothing is saved by it.

const colour = document.querySelector("[data-preview]");
const name = colour.form.elements.name;
const isColour = /^#[0-9a-f]{6}$/i;

const picker = document.createElement("input");
picker.type = "color";
picker.className = "form-control form-control-color";
picker.setAttribute("aria-label", colour.dataset.pick);
const pair = document.createElement("div");
pair.className = "colour-pair";
colour.replaceWith(pair);
pair.append(picker, colour);
// Every change is seen at once, so nobody has to ask for it.
colour.form.querySelector("button[value=preview]").hidden = true;

let asked = 0;
let pause;

async function show() {
  const number = ++asked;
  const address = new URL(colour.dataset.preview, location);
  address.search = new URLSearchParams({ colour: colour.value.trim(), name: name.value });
  const answer = await fetch(address);
  const html = await answer.text();
  // The answer to an older question may come later than the one to the newest.
  if (answer.ok && number === asked) document.getElementById("preview").innerHTML = html;
}

function soon() {
  clearTimeout(pause);
  if (isColour.test(colour.value.trim())) {
    picker.value = colour.value.trim().toLowerCase();
    pause = setTimeout(show, 120);
  }
}

picker.addEventListener("input", () => { colour.value = picker.value; soon(); });
colour.addEventListener("input", soon);
name.addEventListener("input", soon);
if (isColour.test(colour.value)) picker.value = colour.value;
