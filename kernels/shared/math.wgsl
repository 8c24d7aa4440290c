// The functions that the wgsl column of kernels/elementwise/scalar.ts names, beside WGSL's own.
// WGSL compilers may assume that there is no NaN and no infinity: those are told by their bits.

fn steppeIsNaN(a: f32) -> bool { return (bitcast<u32>(a) & 0x7fffffffu) > 0x7f800000u; }
fn steppeIsFinite(a: f32) -> bool { return (bitcast<u32>(a) & 0x7f800000u) != 0x7f800000u; }
fn steppeBits(bits: u32) -> f32 { return bitcast<f32>(bits); }

// NaN wins.
fn steppeMaximum_f32(a: f32, b: f32) -> f32 { return select(select(b, a, a > b), a, steppeIsNaN(a)); }
fn steppeMaximum_i32(a: i32, b: i32) -> i32 { return max(a, b); }
fn steppeMaximum_u32(a: u32, b: u32) -> u32 { return max(a, b); }
fn steppeMinimum_f32(a: f32, b: f32) -> f32 { return select(select(b, a, a < b), a, steppeIsNaN(a)); }
fn steppeMinimum_i32(a: i32, b: i32) -> i32 { return min(a, b); }
fn steppeMinimum_u32(a: u32, b: u32) -> u32 { return min(a, b); }

fn steppeSign_f32(a: f32) -> f32 { return sign(a); }
fn steppeSign_i32(a: i32) -> i32 { return sign(a); }
fn steppeSign_u32(a: u32) -> u32 { return min(a, 1u); }

// The remainder with the sign of the divisor; integers modulo 0 and divided by 0 give 0.
fn steppeMod_f32(a: f32, b: f32) -> f32 {
  let r = a % b;
  return select(r, r + b, r != 0.0 && (r < 0.0) != (b < 0.0));
}
fn steppeMod_i32(a: i32, b: i32) -> i32 {
  if (b == 0 || b == -1) { return 0; }
  let r = a % b;
  return select(r, r + b, r != 0 && (r < 0) != (b < 0));
}
fn steppeMod_u32(a: u32, b: u32) -> u32 { return select(a % max(b, 1u), 0u, b == 0u); }
fn steppeFloorDivide_f32(a: f32, b: f32) -> f32 { return floor(a / b); }
fn steppeFloorDivide_i32(a: i32, b: i32) -> i32 {
  if (b == 0) { return 0; }
  if (b == -1) { return 0 - a; }
  return a / b - select(0, 1, a % b != 0 && (a < 0) != (b < 0));
}
fn steppeFloorDivide_u32(a: u32, b: u32) -> u32 { return select(a / max(b, 1u), 0u, b == 0u); }

fn steppePow_f32(a: f32, b: f32) -> f32 {
  if (b == 0.0 || a == 1.0) { return 1.0; }
  let size = pow(abs(a), b);
  if (a >= 0.0 || !steppeIsFinite(b)) { return size; }
  if (floor(b) != b) { return steppeBits(0x7fc00000u); }
  return select(size, -size, abs(b) < 16777216.0 && floor(b * 0.5) * 2.0 != b);
}
fn steppePow_u32(a: u32, b: u32) -> u32 {
  var result = 1u;
  var power = a;
  for (var e = b; e != 0u; e >>= 1u) {
    if ((e & 1u) == 1u) { result *= power; }
    power *= power;
  }
  return result;
}
fn steppePow_i32(a: i32, b: i32) -> i32 {
  if (b >= 0) { return bitcast<i32>(steppePow_u32(bitcast<u32>(a), bitcast<u32>(b))); }
  if (a == 1) { return 1; }
  return select(0, select(-1, 1, (b & 1) == 0), a == -1);
}

// By 32 and more: every bit goes out.
fn steppeShiftLeft_i32(a: i32, b: i32) -> i32 { return select(0, a << (bitcast<u32>(b) & 31u), bitcast<u32>(b) < 32u); }
fn steppeShiftLeft_u32(a: u32, b: u32) -> u32 { return select(0u, a << (b & 31u), b < 32u); }
fn steppeShiftRight_i32(a: i32, b: i32) -> i32 { return a >> min(bitcast<u32>(b), 31u); }
fn steppeShiftRight_u32(a: u32, b: u32) -> u32 { return select(0u, a >> (b & 31u), b < 32u); }

fn steppeExpm1(a: f32) -> f32 {
  if (abs(a) > 0.5) { return exp(a) - 1.0; }
  return a * (1.0 + a * (0.5 + a * (0.16666667 + a * (0.041666668 + a * (0.008333334 + a * (0.0013888889 + a * 0.00019841270))))));
}
fn steppeLog1p(a: f32) -> f32 {
  let u = 1.0 + a;
  if (u == 1.0) { return a; }
  return select(log(u) * (a / (u - 1.0)), log(u), !steppeIsFinite(u));
}
fn steppeTanh(a: f32) -> f32 {
  let t = steppeExpm1(2.0 * min(abs(a), 10.0));
  return select(sign(a) * (t / (t + 2.0)), a, steppeIsNaN(a) || a == 0.0);
}
fn steppeSigmoid(a: f32) -> f32 {
  let e = exp(-abs(a));
  let d = 1.0 / (1.0 + e);
  return select(d, e * d, a < 0.0);
}
fn steppeSoftplus(a: f32) -> f32 { return steppeMaximum_f32(a, 0.0) + steppeLog1p(exp(-abs(a))); }

// The normal distribution function of -x is exp(-x^2 / 2) times this, x in [0, 15]; coefficients of math.h.
fn steppeMills(x: f32) -> f32 {
  let t = 1.0 / (1.0 + 0.35 * x);
  let s = t - 1.0;
  return t * (0.5 + s * (0.639832914 + s * (0.261060268 + s * (-0.102527089 + s * (-0.0637271628 + s * (0.0170807317
      + s * (-0.0627829581 + s * (-0.0883767307 + s * -0.0289184526))))))));
}
fn steppeErf(a: f32) -> f32 {
  let z = a * a;
  if (z < 0.7225) {
    return a * (1.12837917 + z * (-0.376126379 + z * (0.112837471 + z * (-0.0268624816 + z * (0.0052092988 + z * (-0.000824429153 + z * 8.83625689e-05))))));
  }
  let x = min(1.41421356 * abs(a), 15.0);
  return select(sign(a) * (1.0 - 2.0 * exp(-0.5 * x * x) * steppeMills(x)), a, steppeIsNaN(a));
}
fn steppeGelu(a: f32) -> f32 {
  let x = min(abs(a), 15.0);
  return select(max(a, 0.0) - x * exp(-0.5 * x * x) * steppeMills(x), a, steppeIsNaN(a));
}
fn steppeGeluGrad(a: f32) -> f32 {
  let x = min(abs(a), 15.0);
  let tail = exp(-0.5 * x * x) * (steppeMills(x) - 0.39894228 * x);
  return select(select(1.0 - tail, tail, a < 0.0), a, steppeIsNaN(a));
}
fn steppeGeluTanh(a: f32) -> f32 {
  let x = max(a, -15.0);
  return select(x * steppeSigmoid(1.59576912 * x * (1.0 + 0.044715 * x * x)), a, steppeIsNaN(a));
}
fn steppeGeluTanhGrad(a: f32) -> f32 {
  let x = clamp(a, -15.0, 15.0);
  let u = 1.59576912 * x * (1.0 + 0.044715 * x * x);
  let e = exp(-abs(u));
  let d = 1.0 / (1.0 + e);
  return select(select(d, e * d, u < 0.0) + 1.59576912 * x * (1.0 + 0.134145 * x * x) * e * d * d, a, steppeIsNaN(a));
}
fn steppeGeluTanhGrad2(a: f32) -> f32 {
  let x = min(abs(a), 15.0);
  let e = exp(-1.59576912 * x * (1.0 + 0.044715 * x * x));
  let d = 1.0 / (1.0 + e);
  let first = 1.59576912 * (1.0 + 0.134145 * x * x);
  return select(e * d * d * (2.0 * first + x * (0.428136919 * x - d * (1.0 - e) * first * first)), a, steppeIsNaN(a));
}
fn steppeErfinv(a: f32) -> f32 {
  if (abs(a) >= 1.0) { return select(steppeBits(0x7fc00000u), a * steppeBits(0x7f800000u), abs(a) == 1.0); }
  let w = -log((1.0 - a) * (1.0 + a));
  let n = w - 2.5;
  let f = sqrt(w) - 3.0;
  let near = 1.50140941 + n * (0.246640727 + n * (-0.00417770771 + n * (-0.00125370745 + n * (0.000218602203 + n * (-4.39678524e-06
      + n * (-3.52886263e-06 + n * (3.43727407e-07 + n * 2.85350499e-08)))))));
  let far = 2.83297706 + f * (1.00167429 + f * (0.00943404064 + f * (-0.00762806274 + f * (0.00577180786 + f * (-0.00364980847
      + f * (0.00127898413 + f * (7.59440081e-05 + f * -0.000150351727)))))));
  return a * select(far, near, w < 5.0);
}
