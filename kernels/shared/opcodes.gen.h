// Written by scripts/generate.mjs from scalar.ts.
// clang-format off
#pragma once

namespace steppe {

enum class Opcode { Load, Store, Constant, Cast, Add, Sub, Mul, Div, Pow, Mod, FloorDivide, Neg, Abs, Sign, Square, Exp, Expm1, Log, Log1p, Sqrt, Rsqrt, Reciprocal, Sin, Cos, Tan, Tanh, Sigmoid, Erf, Erfinv, Gelu, GeluGrad, GeluTanh, GeluTanhGrad, GeluTanhGrad2, Softplus, Floor, Ceil, Round, Maximum, Minimum, Select, Equal, NotEqual, Less, LessEqual, Greater, GreaterEqual, IsNaN, IsFinite, LogicalAnd, LogicalOr, LogicalNot, BitAnd, BitOr, BitXor, ShiftLeft, ShiftRight };

}  // namespace steppe
