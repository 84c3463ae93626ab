// The list of services shrinks while one types; without JavaScript the button does the same.

const field = document.querySelector("[data-filter]");
const groups = document.querySelectorAll("#services [data-group]");

field.addEventListener("input", () => {
  const words = field.value.trim().toLowerCase();
  for (const group of groups) {
    let found = 0;
    for (const item of group.querySelectorAll("li")) {
      item.hidden = !("always" in item.dataset) && !item.dataset.words.includes(words);
      found += !item.hidden;
    }
    group.hidden = found === 0;
  }
});
