// What the columns are: only a variable has a name.

for (const meaning of document.querySelectorAll(".column select")) {
  const name = document.getElementById(`${meaning.id.replace("meaning", "variable")}-field`);
  const show = () => { name.hidden = meaning.value !== "variable"; };
  meaning.addEventListener("change", show);
  show();
}
