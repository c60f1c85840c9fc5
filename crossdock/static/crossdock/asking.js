// A question that is open in a list that keeps itself up to date is not replaced before it is answered.
document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.target.querySelector("dialog[open]")) event.detail.shouldSwap = false;
});
