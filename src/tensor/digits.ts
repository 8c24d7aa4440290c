// Sums and products of whole numbers as types, by decimal digits: shapes of joined and flattened tensors. `number` stays number.

type Ones = {
  "0": [];
  "1": [1];
  "2": [1, 1];
  "3": [1, 1, 1];
  "4": [1, 1, 1, 1];
  "5": [1, 1, 1, 1, 1];
  "6": [1, 1, 1, 1, 1, 1];
  "7": [1, 1, 1, 1, 1, 1, 1];
  "8": [1, 1, 1, 1, 1, 1, 1, 1];
  "9": [1, 1, 1, 1, 1, 1, 1, 1, 1];
};
type Digit = keyof Ones;
type Reversed<T, R extends string = ""> = T extends `${infer H}${infer Rest}` ? Reversed<Rest, `${H}${R}`> : R;
// Numbers with the lowest digit first.
type AddDigits<A, B, Carry extends 1[] = [], Out extends string = ""> = A extends `${infer P extends Digit}${infer X}`
  ? B extends `${infer Q extends Digit}${infer Y}`
    ? AddStep<[...Ones[P], ...Ones[Q], ...Carry]["length"], X, Y, Out>
    : Carry extends []
      ? `${Out}${A}`
      : AddStep<[...Ones[P], ...Carry]["length"], X, "", Out>
  : B extends ""
    ? Carry extends []
      ? Out
      : `${Out}1`
    : AddDigits<B, A, Carry, Out>;
type AddStep<N, X, Y, Out extends string> = N extends number
  ? `${N}` extends `1${infer D extends Digit}`
    ? AddDigits<X, Y, [1], `${Out}${D}`>
    : AddDigits<X, Y, [], `${Out}${N}`>
  : never;
type TimesDigit<A, D extends 1[], Sum = "0"> = D extends [1, ...infer Rest extends 1[]] ? TimesDigit<A, Rest, AddDigits<Sum, A>> : Sum;
type TimesDigits<A extends string, B, Sum = "0"> = B extends `${infer D extends Digit}${infer Rest}`
  ? TimesDigits<`0${A}`, Rest, AddDigits<Sum, TimesDigit<A, Ones[D]>>>
  : Sum;
/** The number of digits with the lowest first. */
type NumberOfDigits<T> = Trimmed<Reversed<T>> extends `${infer N extends number}` ? N : number;
type Trimmed<T> = T extends `0${infer Rest}` ? (Rest extends "" ? "0" : Trimmed<Rest>) : T;
/** A + B. */
export type Add<A extends number, B extends number> = number extends A | B ? number : NumberOfDigits<AddDigits<Reversed<`${A}`>, Reversed<`${B}`>>>;
/** A B. */
export type Times<A extends number, B extends number> = number extends A | B
  ? number
  : A extends 1
    ? B
    : B extends 1
      ? A
      : `${A} ${B}` extends `${infer P} ${infer Q}`
        ? NumberOfDigits<TimesDigits<Reversed<P>, Reversed<Q>>>
        : number;
