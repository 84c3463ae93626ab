// The single white labels are only asked about where they count.

for (const form of document.querySelectorAll("form.feature-form")) {
  const places = form.querySelector(".feature-places");
  const show = () => { places.hidden = form.elements.where.value !== "some"; };
  for (const choice of form.querySelectorAll("input[name=where]")) choice.addEventListener("change", show);
  show();
}
