// Text size and colours, set before the first paint so that nothing flashes.
"use strict";
(() => {
  const allowed = { theme: ["auto", "light", "dark"], size: ["normal", "large", "largest"] };
  const kept = (name) => {
    try {
      return localStorage.getItem(`sandbox-${name}`);
    } catch {
      return null;
    }
  };
  for (const [name, values] of Object.entries(allowed)) {
    const asked = new URLSearchParams(location.search).get(name);
    const value = [asked, kept(name)].find((candidate) => values.includes(candidate));
    if (value) document.documentElement.dataset[name] = value;
  }
  addEventListener("DOMContentLoaded", () => {
    for (const name of Object.keys(allowed)) {
      for (const input of document.querySelectorAll(`input[name="${name}"]`)) {
        input.checked = input.value === document.documentElement.dataset[name];
        input.addEventListener("change", () => {
          document.documentElement.dataset[name] = input.value;
          try {
            localStorage.setItem(`sandbox-${name}`, input.value);
          } catch {
            // Not kept in a private window; it still holds for this visit.
          }
          dispatchEvent(new Event("displaychange"));
        });
      }
    }
  });
})();
