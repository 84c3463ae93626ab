// The server form: its fields follow the type of authentication, port and encryption follow each
// other, and a test has a dialog of its own, where it is told while it happens.

for (const form of document.querySelectorAll("form.server-form")) {
  pairPortAndTls(form);
  followUserName(form);
  followTypeOfAuthentication(form);
  testInDialog(form);
  tellTestsAsTheyHappen(form);
}

function pairPortAndTls(form) {
  const port = form.querySelector("input[name=port][data-tls]");
  if (!port) return;
  const modes = form.querySelectorAll("input[name=tls]");
  const tlsOf = JSON.parse(port.dataset.tls);
  const portOf = JSON.parse(form.querySelector(".tls-choice").dataset.port);
  const hints = form.querySelectorAll(".port-hints li");
  const chosen = () => form.elements.tls.value;

  const showHints = () => {
    const number = port.value in tlsOf ? port.value : "0";
    for (const hint of hints) hint.hidden = !hint.dataset.pairs.split(" ").includes(`${number}:${chosen()}`);
  };
  port.addEventListener("input", () => {
    if (port.value in tlsOf) form.elements.tls.value = tlsOf[port.value];
    showHints();
  });
  for (const mode of modes) {
    mode.addEventListener("change", () => {
      // A port that nobody knows was typed on purpose.
      const differs = port.value === "" || (port.value in tlsOf && tlsOf[port.value] !== chosen());
      if (differs) port.value = portOf[chosen()];
      showHints();
    });
  }
}

function followUserName(form) {
  const { same_as_username: box, username, email } = form.elements;
  if (!box) return;
  const follow = () => {
    email.readOnly = box.checked;
    if (box.checked) email.value = username.value;
  };
  box.addEventListener("change", follow);
  username.addEventListener("input", follow);
  follow();
}

// Without JavaScript a button shows the fields of another type; here they follow by themselves.
function followTypeOfAuthentication(form) {
  const kinds = form.querySelectorAll("input[name=auth]");
  if (!kinds.length) return;
  const { host } = form.elements;
  const show = () => {
    const chosen = form.elements.auth.value;
    for (const part of form.querySelectorAll("[data-auth]")) {
      part.hidden = !part.dataset.auth.split(" ").includes(chosen);
    }
    if (chosen === "bearer" && host.dataset.microsoft && !host.value) host.value = host.dataset.microsoft;
  };
  for (const kind of kinds) kind.addEventListener("change", show);
  for (const button of form.querySelectorAll(".without-script")) button.hidden = true;
  show();
}

// What a test told stays on the page when its dialog is closed.
function testInDialog(form) {
  const fields = form.querySelector(".test-fields");
  if (!fields) return;
  const test = form.querySelector("button[value=test]");
  const panel = form.parentElement.querySelector(".test");
  const [dialog, actions, close] = ["dialog", "div", "button"].map((name) => document.createElement(name));
  const send = test.cloneNode();
  send.classList.add("btn-primary");
  send.textContent = fields.dataset.send;
  Object.assign(close, { type: "button", className: "btn", textContent: fields.dataset.close });
  Object.assign(dialog, { className: "test-dialog", ariaLabel: test.textContent.trim() });
  actions.className = "form-actions";
  actions.append(send, close);
  dialog.append(fields, actions);
  form.append(dialog);

  const open = () => {
    dialog.append(panel);
    dialog.showModal();
  };
  test.type = "button";
  test.addEventListener("click", open);
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => form.after(panel));
  dialog.addEventListener("keydown", (event) => {
    // The form's own first button would be pressed otherwise.
    if (event.key !== "Enter" || !event.target.matches("input")) return;
    event.preventDefault();
    send.click();
  });
  if (dialog.querySelector(".is-invalid")) open();
}

function tellTestsAsTheyHappen(form) {
  const panel = form.parentElement.querySelector(".test");
  form.addEventListener("submit", async (event) => {
    const button = event.submitter;
    const isTest = button && (button.value === "test" || !form.querySelector("button[value=test]"));
    if (!isTest) return waitFor(form, button);
    event.preventDefault();
    const action = button.hasAttribute("formaction") ? button.formAction : form.action;
    const body = new URLSearchParams(new FormData(form, button));  // a disabled button is not in it
    button.disabled = true;
    try {
      const answer = await fetch(action, {
        method: "POST",
        body,
        headers: { Accept: "application/x-ndjson" },
      });
      if (answer.headers.get("Content-Type") !== "application/x-ndjson") {
        // A factor is asked for, or a field needs a change: that is a page of its own. What needs
        // a change is said on its top, not down where a test is told.
        const isAsked = answer.status === 403;
        return sendAsPage(form, button, isAsked ? action : action.replace("#test", ""));
      }
      await show(answer.body, panel);
    } catch {
      panel.textContent = panel.dataset.failed;
    } finally {
      button.disabled = false;
    }
  });
}

// A live session may take a while: nobody should wonder, or press twice.
function waitFor(form, button) {
  const waiting = document.createElement("progress");
  button?.after(waiting);
  setTimeout(() => { for (const one of form.querySelectorAll("button[type=submit]")) one.disabled = true; });
}

function sendAsPage(form, button, action) {
  if (button.name) {
    const act = Object.assign(document.createElement("input"), { type: "hidden", name: button.name, value: button.value });
    form.append(act);
  }
  form.action = action;
  form.submit();
}

async function show(stream, panel) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  let isOver = false;
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
    const lines = (rest + piece.value).split("\n");
    rest = lines.pop();
    for (const line of lines) isOver = put(JSON.parse(line), panel);
  }
  if (!isOver) throw new Error("the stream broke off");
}

// One line of the stream; the last one is the whole panel again.
function put({ panel: whole, stage, html, end }, panel) {
  if (whole !== undefined) {
    panel.innerHTML = whole;
    for (const button of panel.querySelectorAll("button[data-copy]")) button.hidden = false;
    if (!end) panel.scrollIntoView({ block: "nearest" });
  } else {
    const before = panel.querySelector(`[data-stage="${stage}"]`);
    if (before) before.outerHTML = html;
    else panel.querySelector(".stages").insertAdjacentHTML("beforeend", html);
  }
  panel.querySelector(".stage-now")?.classList.remove("stage-now");
  panel.querySelector(".stage-wait")?.classList.add("stage-now");
  return Boolean(end);
}
