// Passkeys: the form shows itself where they can be used, and carries the answer; else words say why.

const canUse = Boolean(window.PublicKeyCredential?.parseRequestOptionsFromJSON);
for (const words of document.querySelectorAll("[data-without-passkeys]")) words.hidden = canUse;

for (const form of document.querySelectorAll("form[data-passkey]")) {
  if (!canUse) continue;
  form.hidden = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (!form.reportValidity()) return;  // a key is made first and cannot be taken back from here
    const asked = await fetch(form.dataset.question, {
      method: "POST",
      headers: { "X-CSRFToken": form.elements.csrf_token.value },
    });
    if (!asked.ok) { location.reload(); return; }  // the last proof of who is there has grown old
    const question = await asked.json();
    try {
      const answer = form.dataset.passkey === "create"
        ? await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(question) })
        : await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(question) });
      form.elements.answer.value = JSON.stringify(answer.toJSON());
      form.submit();
    } catch (fault) {
      if (fault.name !== "NotAllowedError") throw fault;  // closed by its owner: nothing to do
    }
  });
}
