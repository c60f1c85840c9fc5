// Lines over time: <div class="ims-chart" data-chart="ID of a json_script" role="img" aria-label="…">
// The JSON: [[seconds since 1970…], [amounts…], [failures…]]; the third row may be left out.
(() => {
  const HEIGHT = 180;

  const chart = (element) => {
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
          legend: { show: false },
          cursor: { y: false, points: { size: 6 } },
          scales: { y: { range: (_, low, high) => [0, high * 1.1 || 1] } },
          axes: [
            { ...axis, size: 28, space: 60, grid: { show: false }, values: [[60, "{HH}:{mm}"]] },
            { ...axis, size: 44, space: 40 },
          ],
          series: [
            {},
            { stroke: colour("--ims-run"), fill: colour("--ims-run-bg"), width: 1.5, points: { show: false } },
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
