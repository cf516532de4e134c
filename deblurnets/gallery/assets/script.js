"use strict";

(() => {
  const STEP = 2; // percent of the width an arrow key moves the slider
  const LARGE_STEP = 10; // with Shift
  const list = document.getElementById("pictures");
  const message = document.getElementById("message");
  const cards = Array.from(list.children);
  document.documentElement.classList.add("js");

  // The slider: `percent` of the width, from the left, shows the input.

  function place(frame, percent) {
    const share = Math.min(100, Math.max(0, percent));
    const handle = frame.querySelector(".handle");
    frame.style.setProperty("--at", share + "%");
    handle.setAttribute("aria-valuenow", Math.round(share));
    handle.setAttribute("aria-valuetext", Math.round(share) + " % input");
  }

  function placeAt(frame, event) {
    const box = frame.getBoundingClientRect();
    place(frame, (100 * (event.clientX - box.left)) / box.width);
  }

  let dragged = null;

  list.addEventListener("pointerdown", (event) => {
    const frame = event.target.closest(".slider");
    if (!frame || event.button !== 0) return;
    dragged = frame;
    frame.setPointerCapture(event.pointerId);
    frame.querySelector(".handle").focus({ preventScroll: true });
    // A finger may be about to scroll the page: it moves the slider once it moves sideways.
    if (event.pointerType !== "touch") placeAt(frame, event);
    if (event.pointerType === "mouse") event.preventDefault();
  });
  list.addEventListener("pointermove", (event) => {
    if (dragged) placeAt(dragged, event);
  });
  list.addEventListener("pointerup", (event) => {
    if (dragged) placeAt(dragged, event);
    dragged = null;
  });
  list.addEventListener("pointercancel", () => {
    dragged = null;
  });

  // Keys.

  function shownCards() {
    return Array.from(list.children).filter((card) => !card.hidden);
  }

  function currentIndex(shown) {
    const focused = shown.findIndex((card) => card.contains(document.activeElement));
    if (focused >= 0) return focused;
    const top = parseFloat(getComputedStyle(document.documentElement).scrollPaddingTop) || 0;
    const next = shown.findIndex((card) => card.getBoundingClientRect().top > top + 1);
    return (next < 0 ? shown.length : next) - 1;
  }

  function go(by) {
    const shown = shownCards();
    const card = shown[Math.min(shown.length - 1, Math.max(0, currentIndex(shown) + by))];
    if (!card) return;
    (card.querySelector(".handle") || card).focus({ preventScroll: true });
    card.scrollIntoView({ block: "start" });
  }

  function moveSlider(handle, event) {
    const frame = handle.parentElement;
    const now = Number(handle.getAttribute("aria-valuenow"));
    const step = event.shiftKey ? LARGE_STEP : STEP;
    const places = {
      ArrowLeft: now - step,
      ArrowDown: now - step,
      ArrowRight: now + step,
      ArrowUp: now + step,
      Home: 0,
      End: 100,
    };
    if (!(event.key in places)) return false;
    place(frame, places[event.key]);
    return true;
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.target.closest("select, input, textarea")) return;
    const handle = event.target.closest(".handle");
    const pages = handle ? { PageDown: 1, PageUp: -1 } : {};
    const by = Object.assign({ j: 1, k: -1 }, pages)[event.key];
    if (by) go(by);
    else if (!handle || !moveSlider(handle, event)) return;
    event.preventDefault();
  });

  // Filter and sort.

  const filters = Array.from(document.querySelectorAll("[data-filter]"));
  const passes = {
    all: () => true,
    uncertain: (card) => card.dataset.uncertain === "yes",
    failed: (card) => card.dataset.status === "failed",
  };
  const nothing = {
    all: "There are no pictures.",
    uncertain: "No result is uncertain.",
    failed: "No picture failed.",
  };

  function filter(name) {
    for (const button of filters) {
      button.setAttribute("aria-pressed", String(button.dataset.filter === name));
    }
    for (const card of cards) card.hidden = !passes[name](card);
    message.textContent = shownCards().length ? "" : nothing[name];
  }

  // What has no figure comes last.
  const figure = (card, name, missing) =>
    name in card.dataset ? Number(card.dataset[name]) : missing;
  const orders = {
    number: () => 0,
    name: (a, b) => a.dataset.name.localeCompare(b.dataset.name, undefined, { numeric: true }),
    confidence: (a, b) => figure(a, "confidence", 2) - figure(b, "confidence", 2),
    seconds: (a, b) => figure(b, "seconds", -1) - figure(a, "seconds", -1),
  };

  function sort(name) {
    const byNumber = (a, b) => a.dataset.number - b.dataset.number;
    list.append(...cards.sort((a, b) => orders[name](a, b) || byNumber(a, b)));
  }

  for (const button of filters) {
    button.addEventListener("click", () => filter(button.dataset.filter));
  }
  const select = document.getElementById("sort");
  select.addEventListener("change", () => sort(select.value));
  // A reloaded page keeps the choice in the box.
  sort(select.value);
  filter("all");
})();
