// Lines over time: <div class="ims-chart" data-chart="ID of a json_script" role="img" aria-label="…">
// The JSON: [[seconds since 1970…], [amounts…], [failures…]]; the third row may be left out.
// data-axis="days": the amounts hold until the next one (steps), may be below zero, and the axis shows dates.
(() => {
  const HEIGHT = 180;
  const { zone } = document.documentElement.dataset; // of operations, as in all times of a page

  const clock = [[60, "{HH}:{mm}"]];
  const dates = [[28 * 86400, "{MMM} {YYYY}"], [86400, "{D} {MMM}"]];

  const chart = (element) => {
    const days = element.dataset.axis === "days";
    const [times, amounts, failures = []] = JSON.parse(document.getElementById(element.dataset.chart).textContent);
    const rows = [times, amounts, times.map((_, i) => failures[i] || null)]; // no failure: no dot, not a line at 0
    let plot;

    const draw = () => {
      const colour = (name) => getComputedStyle(element).getPropertyValue(name).trim();
      const axis = {
        stroke: colour("--ims-ink2"),
        font: `11px ${colour("--ims-font")}`,
        grid: { stroke: colour("--ims-line"), width: 1 },
        ticks: { show: false },
      };
      plot?.destroy();
      plot = new uPlot(
        {
          width: element.clientWidth,
          height: HEIGHT,
          tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), zone),
          legend: { show: false },
          cursor: { y: false, points: { size: 6 } },
          scales: { y: { range: (_, low, high) => [Math.min(0, low * 1.1), high * 1.1 || 1] } },
          axes: [
            { ...axis, size: 28, space: 60, grid: { show: false }, values: days ? dates : clock },
            { ...axis, size: days ? 64 : 44, space: 40 },
          ],
          series: [
            {},
            { stroke: colour("--ims-run"), fill: colour("--ims-run-bg"), width: 1.5, points: { show: false }, ...(days && { paths: uPlot.paths.stepped({ align: 1 }) }) },
            { stroke: colour("--ims-fail"), paths: () => null, points: { show: true, size: 7, fill: colour("--ims-fail") } },
          ],
        },
        rows,
        element,
      );
    };

    draw();
    addEventListener("ims:theme", draw);
    new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height: HEIGHT })).observe(element);
  };

  if (window.uPlot) document.querySelectorAll("[data-chart]").forEach(chart);
})();
