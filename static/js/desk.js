// Writing on the desk: files are looked at before they travel, and a form is sent once.

for (const form of document.querySelectorAll("form.said-form")) {
  const files = form.querySelector("input[type=file]");
  const fault = form.querySelector("[data-files-fault]");
  const isTooMuch = () => files.files.length > Number(files.dataset.mostFiles)
    || [...files.files].some((file) => file.size > Number(files.dataset.mostBytes));

  files.addEventListener("change", () => {
    fault.hidden = !isTooMuch();
  });
  form.addEventListener("submit", (event) => {
    if (form.dataset.isSent || isTooMuch()) {
      event.preventDefault();
      if (isTooMuch()) files.focus();
      return;
    }
    form.dataset.isSent = "yes";
  });
  form.querySelector("textarea").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
}

// Coming back through the browser's history shows the form as it was: it may be sent again.
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form.said-form")) delete form.dataset.isSent;
});
