import { tidy } from "../index.ts";
import { checkAlike, ravel, unravel } from "../tensor/flat.ts";
import { checkNumber } from "./check.ts";

/** What ema gives. */
export interface Ema {
  /** An average that starts at the parameters, so that it leans to no zero. */
  init<P>(params: P): P;
  /** decay * average + (1 - decay) * params. */
  update<P>(average: P, params: P): P;
}

/**
 * Exponential moving average of weights (Polyak and Juditsky 1992; Tarvainen and Valpola 2017), or of any tree of floats. It remembers about
 * 1 / (1 - decay) steps; decay is from 0 on and below 1 (else ERR_ARGUMENT). Averages are trees like the parameters; both functions may be part of a
 * compiled step, where an update is one pass.
 */
export function ema(decay: number): Ema {
  checkNumber("ema", "decay", decay, { below: 1 });
  return {
    init: (params) => tidy(() => unravel(ravel(params, "ema"), params, "ema")),
    update: (average, params) =>
      tidy(() => {
        checkAlike("ema", "the parameters", params, average);
        const before = ravel(average, "ema");
        return unravel(
          before.add(
            ravel(params, "ema")
              .sub(before)
              .mul(1 - decay),
          ),
          average,
          "ema",
        );
      }),
  };
}
