declare module "plotly.js-cartesian-dist-min" {
  const plotly: import("./plotly").Plotly;
  export default plotly;
}
