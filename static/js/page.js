// What every page gains with JavaScript; without it everything still works.

for (const button of document.querySelectorAll("button[data-copy]")) button.hidden = false;

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent.trim());
  const words = button.querySelector("span");
  const before = button.dataset.before ??= words.textContent;  // pressed twice, they are others already
  words.textContent = button.dataset.copied;
  setTimeout(() => { words.textContent = before; }, 4000);
});

// After an error the summary is read out and the keyboard starts there, unless its reader was quicker.
if (document.activeElement === document.body) document.querySelector(".alert[id$=faults]")?.focus();
