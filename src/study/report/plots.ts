import type * as ObservablePlot from "@observablehq/plot";

/** Draws plots as SVG texts with a text alternative. */
export interface Plotter {
  readonly Plot: typeof ObservablePlot;
  draw(label: string, options: ObservablePlot.PlotOptions): string;
}

/** The colours are set by the page's style, for light and dark. */
export const color: ObservablePlot.PlotOptions["color"] = { domain: ["plain", "SAM"], range: ["var(--plain)", "var(--sam)"], legend: false };

/** Units of a panel's drawing; a phone shows it one to one. */
export const panelWidth = 340;

export async function plotterOf(): Promise<Plotter> {
  const [Plot, { parseHTML }] = await Promise.all([import("@observablehq/plot"), import("linkedom")]);
  const { document } = parseHTML("<html><body></body></html>");
  return {
    Plot,
    draw(label, options) {
      const svg = Plot.plot({
        document,
        width: panelWidth,
        height: 220,
        marginLeft: 44,
        marginRight: 12,
        marginBottom: 36,
        color,
        ...options,
      });
      svg.setAttribute("role", "img");
      svg.setAttribute("aria-label", label);
      return svg.outerHTML;
    },
  };
}
