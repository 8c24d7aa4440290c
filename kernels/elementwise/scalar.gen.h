// Written by scripts/generate.mjs from scalar.ts.
// clang-format off
#pragma once
#include "kernels/elementwise/loops.h"

namespace steppe::STEPPE_NS {

const Loop scalar_loops[][4] = {
    {},  // load
    {},  // store
    {},  // constant
    {},  // cast
    // add
    {map<float, [](auto a, auto b) { return (a + b); }>,
     map<double, [](auto a, auto b) { return (a + b); }>,
     map<uint32_t, [](auto a, auto b) { return (a + b); }>,
     map<uint32_t, [](auto a, auto b) { return (a + b); }>},
    // sub
    {map<float, [](auto a, auto b) { return (a - b); }>,
     map<double, [](auto a, auto b) { return (a - b); }>,
     map<uint32_t, [](auto a, auto b) { return (a - b); }>,
     map<uint32_t, [](auto a, auto b) { return (a - b); }>},
    // mul
    {map<float, [](auto a, auto b) { return (a * b); }>,
     map<double, [](auto a, auto b) { return (a * b); }>,
     map<uint32_t, [](auto a, auto b) { return (a * b); }>,
     map<uint32_t, [](auto a, auto b) { return (a * b); }>},
    // div
    {map<float, [](auto a, auto b) { return (a / b); }>,
     map<double, [](auto a, auto b) { return (a / b); }>,
     nullptr,
     nullptr},
    // pow
    {map<float, [](auto a, auto b) { return (pow(a, b)); }>,
     map<double, [](auto a, auto b) { return (pow(a, b)); }>,
     map<int32_t, [](auto a, auto b) { return (pow(a, b)); }>,
     map<uint32_t, [](auto a, auto b) { return (pow(a, b)); }>},
    // mod
    {map<float, [](auto a, auto b) { return (mod(a, b)); }>,
     map<double, [](auto a, auto b) { return (mod(a, b)); }>,
     map<int32_t, [](auto a, auto b) { return (mod(a, b)); }>,
     map<uint32_t, [](auto a, auto b) { return (mod(a, b)); }>},
    // floorDivide
    {map<float, [](auto a, auto b) { return (floorDivide(a, b)); }>,
     map<double, [](auto a, auto b) { return (floorDivide(a, b)); }>,
     map<int32_t, [](auto a, auto b) { return (floorDivide(a, b)); }>,
     map<uint32_t, [](auto a, auto b) { return (floorDivide(a, b)); }>},
    // neg
    {map<float, [](auto a) { return (-a); }>,
     map<double, [](auto a) { return (-a); }>,
     map<uint32_t, [](auto a) { return (-a); }>,
     map<uint32_t, [](auto a) { return (-a); }>},
    // abs
    {map<float, [](auto a) { return (abs(a)); }>,
     map<double, [](auto a) { return (abs(a)); }>,
     map<int32_t, [](auto a) { return (abs(a)); }>,
     map<uint32_t, [](auto a) { return (abs(a)); }>},
    // sign
    {map<float, [](auto a) { return (sign(a)); }>,
     map<double, [](auto a) { return (sign(a)); }>,
     map<int32_t, [](auto a) { return (sign(a)); }>,
     map<uint32_t, [](auto a) { return (sign(a)); }>},
    // square
    {map<float, [](auto a) { return (a * a); }>,
     map<double, [](auto a) { return (a * a); }>,
     map<uint32_t, [](auto a) { return (a * a); }>,
     map<uint32_t, [](auto a) { return (a * a); }>},
    // exp
    {map<float, [](auto a) { return (exp(a)); }>,
     map<double, [](auto a) { return (exp(a)); }>,
     nullptr,
     nullptr},
    // expm1
    {map<float, [](auto a) { return (expm1(a)); }>,
     map<double, [](auto a) { return (expm1(a)); }>,
     nullptr,
     nullptr},
    // log
    {map<float, [](auto a) { return (log(a)); }>,
     map<double, [](auto a) { return (log(a)); }>,
     nullptr,
     nullptr},
    // log1p
    {map<float, [](auto a) { return (log1p(a)); }>,
     map<double, [](auto a) { return (log1p(a)); }>,
     nullptr,
     nullptr},
    // sqrt
    {map<float, [](auto a) { return (sqrt(a)); }>,
     map<double, [](auto a) { return (sqrt(a)); }>,
     nullptr,
     nullptr},
    // rsqrt
    {map<float, [](auto a) { return (rsqrt(a)); }>,
     map<double, [](auto a) { return (rsqrt(a)); }>,
     nullptr,
     nullptr},
    // reciprocal
    {map<float, [](auto a) { return (reciprocal(a)); }>,
     map<double, [](auto a) { return (reciprocal(a)); }>,
     nullptr,
     nullptr},
    // sin
    {map<float, [](auto a) { return (sin(a)); }>,
     map<double, [](auto a) { return (sin(a)); }>,
     nullptr,
     nullptr},
    // cos
    {map<float, [](auto a) { return (cos(a)); }>,
     map<double, [](auto a) { return (cos(a)); }>,
     nullptr,
     nullptr},
    // tan
    {map<float, [](auto a) { return (tan(a)); }>,
     map<double, [](auto a) { return (tan(a)); }>,
     nullptr,
     nullptr},
    // tanh
    {map<float, [](auto a) { return (tanh(a)); }>,
     map<double, [](auto a) { return (tanh(a)); }>,
     nullptr,
     nullptr},
    // sigmoid
    {map<float, [](auto a) { return (sigmoid(a)); }>,
     map<double, [](auto a) { return (sigmoid(a)); }>,
     nullptr,
     nullptr},
    // erf
    {map<float, [](auto a) { return (erf(a)); }>,
     map<double, [](auto a) { return (erf(a)); }>,
     nullptr,
     nullptr},
    // erfinv
    {map<float, [](auto a) { return (erfinv(a)); }>,
     map<double, [](auto a) { return (erfinv(a)); }>,
     nullptr,
     nullptr},
    // gelu
    {map<float, [](auto a) { return (gelu(a)); }>,
     map<double, [](auto a) { return (gelu(a)); }>,
     nullptr,
     nullptr},
    // geluGrad
    {map<float, [](auto a) { return (geluGrad(a)); }>,
     map<double, [](auto a) { return (geluGrad(a)); }>,
     nullptr,
     nullptr},
    // geluTanh
    {map<float, [](auto a) { return (geluTanh(a)); }>,
     map<double, [](auto a) { return (geluTanh(a)); }>,
     nullptr,
     nullptr},
    // geluTanhGrad
    {map<float, [](auto a) { return (geluTanhGrad(a)); }>,
     map<double, [](auto a) { return (geluTanhGrad(a)); }>,
     nullptr,
     nullptr},
    // geluTanhGrad2
    {map<float, [](auto a) { return (geluTanhGrad2(a)); }>,
     map<double, [](auto a) { return (geluTanhGrad2(a)); }>,
     nullptr,
     nullptr},
    // softplus
    {map<float, [](auto a) { return (softplus(a)); }>,
     map<double, [](auto a) { return (softplus(a)); }>,
     nullptr,
     nullptr},
    // floor
    {map<float, [](auto a) { return (floor(a)); }>,
     map<double, [](auto a) { return (floor(a)); }>,
     nullptr,
     nullptr},
    // ceil
    {map<float, [](auto a) { return (ceil(a)); }>,
     map<double, [](auto a) { return (ceil(a)); }>,
     nullptr,
     nullptr},
    // round
    {map<float, [](auto a) { return (round(a)); }>,
     map<double, [](auto a) { return (round(a)); }>,
     nullptr,
     nullptr},
    // maximum
    {map<float, [](auto a, auto b) { return (maximum(a, b)); }>,
     map<double, [](auto a, auto b) { return (maximum(a, b)); }>,
     map<int32_t, [](auto a, auto b) { return (maximum(a, b)); }>,
     map<uint32_t, [](auto a, auto b) { return (maximum(a, b)); }>},
    // minimum
    {map<float, [](auto a, auto b) { return (minimum(a, b)); }>,
     map<double, [](auto a, auto b) { return (minimum(a, b)); }>,
     map<int32_t, [](auto a, auto b) { return (minimum(a, b)); }>,
     map<uint32_t, [](auto a, auto b) { return (minimum(a, b)); }>},
    // select
    {choose<float, [](auto a, auto b, auto c) { return (select(a, b, c)); }>,
     choose<double, [](auto a, auto b, auto c) { return (select(a, b, c)); }>,
     choose<int32_t, [](auto a, auto b, auto c) { return (select(a, b, c)); }>,
     choose<uint32_t, [](auto a, auto b, auto c) { return (select(a, b, c)); }>},
    // equal
    {test<float, [](auto a, auto b) { return (a == b); }>,
     test<double, [](auto a, auto b) { return (a == b); }>,
     test<int32_t, [](auto a, auto b) { return (a == b); }>,
     test<uint32_t, [](auto a, auto b) { return (a == b); }>},
    // notEqual
    {test<float, [](auto a, auto b) { return (a != b); }>,
     test<double, [](auto a, auto b) { return (a != b); }>,
     test<int32_t, [](auto a, auto b) { return (a != b); }>,
     test<uint32_t, [](auto a, auto b) { return (a != b); }>},
    // less
    {test<float, [](auto a, auto b) { return (a < b); }>,
     test<double, [](auto a, auto b) { return (a < b); }>,
     test<int32_t, [](auto a, auto b) { return (a < b); }>,
     test<uint32_t, [](auto a, auto b) { return (a < b); }>},
    // lessEqual
    {test<float, [](auto a, auto b) { return (a <= b); }>,
     test<double, [](auto a, auto b) { return (a <= b); }>,
     test<int32_t, [](auto a, auto b) { return (a <= b); }>,
     test<uint32_t, [](auto a, auto b) { return (a <= b); }>},
    // greater
    {test<float, [](auto a, auto b) { return (a > b); }>,
     test<double, [](auto a, auto b) { return (a > b); }>,
     test<int32_t, [](auto a, auto b) { return (a > b); }>,
     test<uint32_t, [](auto a, auto b) { return (a > b); }>},
    // greaterEqual
    {test<float, [](auto a, auto b) { return (a >= b); }>,
     test<double, [](auto a, auto b) { return (a >= b); }>,
     test<int32_t, [](auto a, auto b) { return (a >= b); }>,
     test<uint32_t, [](auto a, auto b) { return (a >= b); }>},
    // isNaN
    {test<float, [](auto a) { return (a != a); }>,
     test<double, [](auto a) { return (a != a); }>,
     nullptr,
     nullptr},
    // isFinite
    {test<float, [](auto a) { return (isFinite(a)); }>,
     test<double, [](auto a) { return (isFinite(a)); }>,
     nullptr,
     nullptr},
    // logicalAnd
    {nullptr,
     nullptr,
     test<int32_t, [](auto a, auto b) { return ((a != 0) & (b != 0)); }>,
     test<uint32_t, [](auto a, auto b) { return ((a != 0) & (b != 0)); }>},
    // logicalOr
    {nullptr,
     nullptr,
     test<int32_t, [](auto a, auto b) { return ((a != 0) | (b != 0)); }>,
     test<uint32_t, [](auto a, auto b) { return ((a != 0) | (b != 0)); }>},
    // logicalNot
    {nullptr,
     nullptr,
     test<int32_t, [](auto a) { return (a == 0); }>,
     test<uint32_t, [](auto a) { return (a == 0); }>},
    // bitAnd
    {nullptr,
     nullptr,
     map<uint32_t, [](auto a, auto b) { return (a & b); }>,
     map<uint32_t, [](auto a, auto b) { return (a & b); }>},
    // bitOr
    {nullptr,
     nullptr,
     map<uint32_t, [](auto a, auto b) { return (a | b); }>,
     map<uint32_t, [](auto a, auto b) { return (a | b); }>},
    // bitXor
    {nullptr,
     nullptr,
     map<uint32_t, [](auto a, auto b) { return (a ^ b); }>,
     map<uint32_t, [](auto a, auto b) { return (a ^ b); }>},
    // shiftLeft
    {nullptr,
     nullptr,
     map<uint32_t, [](auto a, auto b) { return (shiftLeft(a, b)); }>,
     map<uint32_t, [](auto a, auto b) { return (shiftLeft(a, b)); }>},
    // shiftRight
    {nullptr,
     nullptr,
     map<int32_t, [](auto a, auto b) { return (shiftRight(a, b)); }>,
     map<uint32_t, [](auto a, auto b) { return (shiftRight(a, b)); }>},
};

}  // namespace steppe::STEPPE_NS
