// What the pages do beyond links and forms. Without this file they do all the same, with a few more clicks.
"use strict";

// A list that follows what is typed and chosen: the answer's part of the page takes the place of ours.
function live(form) {
  let waiting, asked = 0;
  async function show() {
    const mine = ++asked;
    const data = new FormData(form);
    const query = new URLSearchParams([...data].filter(([, value]) => value !== ""));
    const address = `${form.getAttribute("action")}?${query}`;
    const answer = await fetch(address, { headers: { accept: "text/html" } });
    if (mine !== asked) return;
    if (!answer.ok || answer.redirected) return location.assign(address);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const ours = document.getElementById(form.dataset.live), theirs = page.getElementById(form.dataset.live);
    if (!theirs) return location.assign(address);
    ours.replaceChildren(...theirs.childNodes);
    history.replaceState(null, "", address);
  }
  const soon = (ms) => { clearTimeout(waiting); waiting = setTimeout(show, ms); };
  form.addEventListener("input", (event) => soon(event.target.tagName === "SELECT" ? 0 : 300));
  form.addEventListener("submit", (event) => { event.preventDefault(); soon(0); });
}

// A batch says what it comes to while it is ticked.
function batch(form) {
  const boxes = () => [...form.querySelectorAll('input[name="key"]:not(:disabled)')];
  const out = form.querySelector("[data-sum]"), all = form.querySelector("[data-all]");
  if (!out) return;
  function places(currency) {
    return new Intl.NumberFormat("en", { style: "currency", currency }).resolvedOptions().maximumFractionDigits;
  }
  function add() {
    const ticked = boxes().filter((box) => box.checked), sums = new Map();
    for (const { dataset: { currency, minor } } of ticked)
      if (currency) sums.set(currency, (sums.get(currency) || 0n) + BigInt(minor));
    const said = [...sums].map(([currency, minor]) => {
      const digits = places(currency), text = String(minor).padStart(digits + 1, "0");
      const whole = BigInt(digits ? text.slice(0, -digits) : text).toLocaleString("en");
      return `${whole}${digits ? "." + text.slice(-digits) : ""} ${currency}`;
    });
    out.textContent = ticked.length ? `${ticked.length} ticked: ${said.join(" and ") || "no money"}` : "";
  }
  form.addEventListener("change", (event) => {
    if (event.target === all) boxes().forEach((box) => { box.checked = all.checked; });
    add();
  });
  add();
}

// j and k along the rows of a list, x ticks, Enter opens; a letter that a page gives to a button or link goes to it.
function keys(event) {
  const typing = event.target.closest("input:not([type=checkbox]), select, textarea, [contenteditable]");
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const rows = [...document.querySelectorAll("a[data-row]")];
  const at = rows.findIndex((row) => row.closest("tr").contains(document.activeElement));
  if (event.key === "j" || event.key === "k") {
    const next = rows[at < 0 ? 0 : at + (event.key === "j" ? 1 : -1)];
    if (next) { next.focus(); event.preventDefault(); }
  } else if (event.key === "x" && at >= 0) {
    const box = rows[at].closest("tr").querySelector('input[name="key"]');
    if (box && !box.disabled) box.click();
    rows[at].focus();
  } else if (/^[a-z]$/.test(event.key)) {
    const goal = document.querySelector(`[data-key="${event.key}"]`);
    if (!goal) return;
    event.preventDefault();
    // A button that moves money is only gone to: it takes another key to press it.
    if (goal.tagName === "A") goal.click(); else goal.focus();
  }
}

document.querySelectorAll("form[data-live]").forEach(live);
document.querySelectorAll("form[data-batch]").forEach(batch);
document.addEventListener("keydown", keys);
// On a phone the pages' names lie beside each other: the one that is open is in sight.
document.querySelector("nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
