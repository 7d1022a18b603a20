// A picture with alt text, a line of status below it, and the code that makes it.
function element(tag, parent, attributes = {}) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  parent.append(node);
  return node;
}

async function copy(text, shown) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {  // pages that are not served securely have no clipboard
    getSelection().selectAllChildren(shown);
    document.execCommand("copy");
  }
}

// ipywidgets names its sliders for the eye alone; and a notebook takes arrow keys for itself unless told.
function makeAccessible(explorer) {
  for (const control of explorer?.querySelectorAll("[tabindex], select, input, button, a") ?? []) {
    control.setAttribute("data-lm-suppress-shortcuts", "true");
    const label = control.closest(".widget-slider")?.querySelector("label");
    if (label && control.getAttribute("role") === "slider") control.setAttribute("aria-label", label.textContent);
  }
}

export default {
  render({ model, el }) {
    el.classList.add("ik-screen");
    const picture = element("img", el);
    const status = element("div", el, { class: "ik-status", role: "status", "aria-live": "polite" });
    const tools = element("div", el, { class: "ik-tools" });
    const copier = element("button", tools, { type: "button" });
    const saver = element("a", tools, { title: "Save the picture as PNG" });
    saver.textContent = "Save picture";
    const code = element("pre", el, { tabindex: "0", "aria-label": "Code that makes this picture" });
    const label = () => { copier.textContent = "Copy as code"; };
    label();
    copier.addEventListener("click", async () => {
      await copy(model.get("code"), code);
      copier.textContent = "Copied";
      setTimeout(label, 1500);
    });
    picture.addEventListener("click", (event) => {
      const place = picture.getBoundingClientRect();
      const x = (event.clientX - place.left) / place.width * picture.naturalWidth;
      const y = (event.clientY - place.top) / place.height * picture.naturalHeight;
      model.send({ x: Math.round(x), y: Math.round(y) });
    });

    let url = null;
    const show = () => {
      const old = url;
      url = URL.createObjectURL(new Blob([model.get("png")], { type: "image/png" }));
      picture.src = saver.href = url;
      saver.download = `${model.get("name")}.png`;
      if (old) picture.decode().catch(() => {}).then(() => URL.revokeObjectURL(old));
    };
    const tell = () => {
      makeAccessible(el.closest(".ik-explorer"));
      const failed = model.get("failed");
      picture.alt = model.get("alt");
      picture.classList.toggle("ik-stale", failed);
      status.classList.toggle("ik-failed", failed);
      status.textContent = (failed ? "⚠ " : "") + model.get("status");
      code.textContent = model.get("code");
      tools.hidden = failed;
      copier.hidden = code.hidden = failed || !model.get("code");
    };
    show();
    tell();
    setTimeout(tell, 1000);  // when the sliders are there too
    model.on("change:png", show);
    model.on("change:alt change:status change:failed change:code", tell);
    return () => {
      model.off("change:png", show);
      model.off("change:alt change:status change:failed change:code", tell);
      URL.revokeObjectURL(url);
    };
  },
};
