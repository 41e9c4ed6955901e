"use strict";
// Draws the figures of #data into their places, in the theme of the reader, and on paper in the light one.
(() => {
  const { templates, figures } = JSON.parse(document.getElementById("data").textContent);
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const paper = matchMedia("print");
  const PAPER_WIDTH = 680;
  const places = new Map([...document.querySelectorAll("[data-figure]")].map((place) => [place.dataset.figure, place]));

  const draw = () => {
    const printing = paper.matches;
    const template = templates[dark.matches && !printing ? "dark" : "light"];
    for (const { name, data, layout } of figures) {
      const size = printing ? { width: PAPER_WIDTH, height: 320, autosize: false } : {};
      const options = { responsive: !printing, displaylogo: false, displayModeBar: printing ? false : "hover" };
      Plotly.react(places.get(name), data, { ...layout, ...size, template }, options);
    }
  };

  draw();
  dark.addEventListener("change", draw);
  paper.addEventListener("change", draw);
})();
