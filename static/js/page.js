// What every page gains with JavaScript; without it everything still works.

for (const button of document.querySelectorAll("button[data-copy]")) button.hidden = false;

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-copy]");
  if (!button) return;
  const source = document.getElementById(button.dataset.copy);
  try {
    await navigator.clipboard.writeText(source.textContent.trim());
  } catch {
    // A browser gives its clipboard to pages over TLS only: elsewhere the text is marked, to be copied by hand.
    getSelection().selectAllChildren(source);
    return;
  }
  const words = button.querySelector("span");
  const before = button.dataset.before ??= words.textContent;  // pressed twice, they are others already
  words.textContent = button.dataset.copied;
  setTimeout(() => { words.textContent = before; }, 4000);
});

// After an error the summary is read out and the keyboard starts there, unless its reader was quicker.
if (document.activeElement === document.body) document.querySelector(".alert[id$=faults]")?.focus();
