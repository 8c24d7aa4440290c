import type { FinishedRow } from "../study.ts";
import { figure, type Kind, kindOf, legend, panels } from "./html.ts";
import type { Plotter } from "./plots.ts";

interface Point {
  /** One line of the plot. */
  readonly line: string;
  readonly kind: Kind;
  readonly split: "train" | "test";
  readonly epoch: number;
  readonly loss: number;
  readonly accuracy: number;
}

const pointsOf = ({ plan, row, log }: FinishedRow): Point[] =>
  log.flatMap(({ epoch, trainLoss, trainAccuracy, testLoss, testAccuracy }) => [
    { line: `${plan.id} train`, kind: kindOf(row), split: "train", epoch, loss: trainLoss, accuracy: 100 * trainAccuracy },
    { line: `${plan.id} test`, kind: kindOf(row), split: "test", epoch, loss: testLoss, accuracy: 100 * testAccuracy },
  ]);

const units = { loss: "loss", accuracy: "accuracy, %" } as const;

/** Epochs from 1 on, at most six of them, the last among them. */
const wholeTicks = (epochs: number): number[] => {
  const step = Math.ceil(epochs / 6);
  return Array.from({ length: Math.ceil(epochs / step) }, (_, i) => epochs - i * step).reverse();
};

/** Loss and accuracy of each epoch, a panel for each model; the axes of one quantity are the same in all panels. */
export function curvesFigure({ Plot, draw }: Plotter, models: readonly string[], finished: readonly FinishedRow[]): string {
  const highest = Math.max(...finished.flatMap(pointsOf).map(({ loss }) => loss));
  const panel = (model: string, quantity: "loss" | "accuracy"): string => {
    const points = finished.filter(({ row }) => row.model === model).flatMap(pointsOf),
      epochs = Math.max(...points.map(({ epoch }) => epoch));
    const last = (kind: Kind, split: string): string => {
      const ends = points.filter((point) => point.kind === kind && point.split === split && point.epoch === epochs);
      return (ends.reduce((sum, point) => sum + point[quantity], 0) / ends.length).toFixed(quantity === "loss" ? 2 : 0);
    };
    const words = (["plain", "SAM"] as const).map(
      (kind) => `${kind} ends at ${last(kind, "train")} in training and ${last(kind, "test")} on test images`,
    );
    return draw(`${model}, ${units[quantity]} by epoch: ${words.join("; ")}.`, {
      x: { label: "epoch", domain: [1, Math.max(2, epochs)], ticks: wholeTicks(epochs), tickFormat: "d" },
      y: {
        label: units[quantity],
        grid: true,
        nice: true,
        domain: quantity === "loss" ? [0, highest] : [0, 100],
        ticks: 5,
      },
      marks: (["train", "test"] as const).map((split) =>
        Plot.line(
          points.filter((point) => point.split === split),
          { x: "epoch", y: quantity, z: "line", stroke: "kind", strokeWidth: 1.75, strokeDasharray: split === "test" ? "4 3" : undefined },
        ),
      ),
    });
  };
  const key = legend([
    ["plain", "solid", "plain, train"],
    ["plain", "dashed", "plain, test"],
    ["SAM", "solid", "SAM, train"],
    ["SAM", "dashed", "SAM, test"],
  ]);
  return figure(
    key + panels(models.map((model) => ({ title: model, body: panel(model, "loss") + panel(model, "accuracy") }))),
    "Mean cross-entropy and accuracy of each epoch; a line for each seed. Solid: the training images while they are trained on; dashed: the test images after the epoch.",
  );
}
