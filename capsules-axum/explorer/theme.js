// Runs before the page is drawn, so that it is not drawn in the other theme first.
(() => {
  const themes = ["light", "dark"];
  let kept = null;
  try {
    kept = localStorage.getItem("capsules.theme");
  } catch {
    // A browser that keeps nothing for this page shows the system's theme.
  }
  if (themes.includes(kept)) {
    document.documentElement.dataset.theme = kept;
  }
})();
