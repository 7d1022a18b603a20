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
  for (const title of explorer?.querySelectorAll(".ik-fold:not([aria-expanded])") ?? []) {
    const follow = () => title.setAttribute("aria-expanded", title.classList.contains("mod-active"));
    new MutationObserver(follow).observe(title, { attributeFilter: ["class"] });
    follow();
  }
}

// Tell the kernel how wide the page is, once it has stood still; a picture that is drawn for that width keeps its
// letters at their size. A scroll bar that comes and goes with the picture's height must not make it grow again.
function watchWidth(model, el) {
  let timer = null;
  const observer = new ResizeObserver(() => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      const [room, now] = [Math.floor(el.clientWidth), model.get("width")];
      if (room === 0 || (room >= now && room < now + 24)) return;
      model.set("width", room);
      model.save_changes();
    }, 120);
  });
  observer.observe(el);
  return () => { clearTimeout(timer); observer.disconnect(); };
}

export default {
  render({ model, el }) {
    el.classList.add("ik-screen");
    const picture = element("img", el);
    const pointed = element("div", el, { class: "ik-pointed" });
    const status = element("div", el, { class: "ik-status", role: "status", "aria-live": "polite" });
    const tools = element("div", el, { class: "ik-tools" });
    const copier = element("button", tools, { type: "button" });
    const saver = element("a", tools, { title: "Save the picture as PNG" });
    saver.textContent = "Save picture";
    const keeper = element("a", tools, { title: "Save the settings as JSON" });
    keeper.textContent = "Save settings";
    const sound = element("audio", el, { controls: "", "aria-label": "The motion as sound" });
    const code = element("pre", el, { tabindex: "0", "aria-label": "Code that makes this picture" });
    const label = () => { copier.textContent = "Copy as code"; };
    label();
    copier.addEventListener("click", async () => {
      await copy(model.get("code"), code);
      copier.textContent = "Copied";
      setTimeout(label, 1500);
    });
    const place = (event) => {
      const box = picture.getBoundingClientRect();
      const x = (event.clientX - box.left) / box.width * picture.naturalWidth;
      const y = (event.clientY - box.top) / box.height * picture.naturalHeight;
      return { x: Math.round(x), y: Math.round(y) };
    };
    picture.addEventListener("click", (event) => model.send({ clicked: true, ...place(event) }));
    // One question at a time: while the kernel thinks, only the pointer's last place is kept.
    let [asked, next] = [false, null];
    const ask = () => {
      asked = next !== null;
      if (asked) model.send(next);
      next = null;
    };
    picture.addEventListener("pointermove", (event) => {
      next = place(event);
      if (!asked) ask();
    });
    picture.addEventListener("pointerleave", () => { next = null; pointed.textContent = ""; });
    const answered = (message) => {
      if (message.pointed === undefined) return;
      pointed.textContent = picture.matches(":hover") ? message.pointed : "";
      ask();
    };
    model.on("msg:custom", answered);

    let url = null;
    const show = () => {
      const old = url;
      url = URL.createObjectURL(new Blob([model.get("png")], { type: "image/png" }));
      picture.src = saver.href = url;
      saver.download = `${model.get("name")}.png`;
      if (old) picture.decode().catch(() => {}).then(() => URL.revokeObjectURL(old));
    };
    let told = true;
    const tell = () => {
      told = true;
      makeAccessible(el.closest(".ik-explorer"));
      const failed = model.get("failed");
      picture.alt = model.get("alt");
      picture.classList.toggle("ik-stale", failed);
      status.classList.toggle("ik-failed", failed);
      status.textContent = (failed ? "⚠ " : "") + model.get("status");
      code.textContent = model.get("code");
      tools.hidden = failed;
      keeper.hidden = !model.get("settings");
      keeper.href = `data:application/json,${encodeURIComponent(model.get("settings"))}`;
      keeper.download = `${model.get("name")}.json`;
      copier.hidden = code.hidden = failed || !model.get("code");
    };
    // an update changes several traits, each with an event of its own: all are told at once
    const tellOnce = () => {
      if (told) queueMicrotask(tell);
      told = false;
    };
    let heard = null;
    const hear = () => {
      URL.revokeObjectURL(heard);
      const bytes = model.get("sound");
      sound.hidden = bytes.byteLength === 0;
      heard = sound.hidden ? "" : URL.createObjectURL(new Blob([bytes], { type: "audio/wav" }));
      if (heard) sound.src = heard;
      else sound.removeAttribute("src");
    };
    show();
    tell();
    hear();
    for (const soon of [100, 400, 1500]) setTimeout(tell, soon);  // when the sliders are there too
    model.on("change:png", show);
    model.on("change:sound", hear);
    model.on("change:alt change:status change:failed change:code change:settings", tellOnce);
    const stopWatching = watchWidth(model, el);
    return () => {
      stopWatching();
      model.off("msg:custom", answered);
      model.off("change:png", show);
      model.off("change:sound", hear);
      model.off("change:alt change:status change:failed change:code change:settings", tellOnce);
      URL.revokeObjectURL(heard);
      URL.revokeObjectURL(url);
    };
  },
};
