import { define, o } from "../graph/algebra.ts";
import { stopGradientPrimitive } from "../graph/control.ts";
import type { Value } from "../graph/node.ts";
import { applyOne } from "./common.ts";

declare module "../graph/algebra.ts" {
  interface Ops {
    stopGradient(x: Operand): Value;
  }
}

define({ stopGradient: (x) => applyOne(stopGradientPrimitive, [o.asValue(x, undefined, "stopGradient")]) });
