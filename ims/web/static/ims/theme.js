// Blocking, in <head>: sets data-theme before the first paint. Charts and maps redraw on "ims:theme".
(() => {
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");

  // The key is shared with Django's admin, which also keeps "auto" there.
  const chosen = () => {
    try {
      const theme = localStorage.getItem("theme");
      return theme === "light" || theme === "dark" ? theme : null;
    } catch {
      return null; // storage is blocked: follow the system
    }
  };

  const choose = (theme) => {
    try {
      localStorage.setItem("theme", theme);
    } catch {
      // storage is blocked: the choice lasts for this page
    }
  };

  const show = (theme) => {
    root.dataset.theme = theme;
    dispatchEvent(new CustomEvent("ims:theme"));
  };

  const follow = () => show(chosen() || (dark.matches ? "dark" : "light"));

  dark.addEventListener("change", follow);
  follow();

  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-theme-toggle]")) return;
    const theme = root.dataset.theme === "dark" ? "light" : "dark";
    choose(theme);
    show(theme);
  });
})();
