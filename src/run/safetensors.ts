/** The safetensors format: 8 bytes with the length of the header (little endian), the header in JSON, the tensors' bytes without holes. */
import { open } from "node:fs/promises";
import { bytesPer, type DType } from "../core/dtype.ts";
import { fail } from "../core/errors.ts";
import { showShape } from "../core/shape.ts";
import { writeFileAtomic } from "./files.ts";

export interface StoredTensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}
export interface SafeTensors {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly metadata: Readonly<Record<string, string>>;
}

const tags: Record<DType, string> = { f64: "F64", f32: "F32", f16: "F16", bf16: "BF16", i32: "I32", u32: "U32", u8: "U8", bool: "BOOL" };
const dtypeOf = new Map(Object.entries(tags).map(([dtype, tag]) => [tag, dtype as DType]));
/** Of other programs: counters and labels, which are read as i32. */
const wideInteger = "I64";

// The limit of the format's own library.
const largestHeader = 100e6;

export async function writeSafeTensors(path: string, { tensors, metadata }: SafeTensors): Promise<void> {
  // Wide types first, so that every tensor lies aligned.
  const order = [...tensors].sort(([a, x], [b, y]) => bytesPer[y.dtype] - bytesPer[x.dtype] || (a < b ? -1 : 1));
  const header: [string, unknown][] = Object.keys(metadata).length ? [["__metadata__", metadata]] : [];
  let end = 0;
  for (const [name, { dtype, shape, bytes }] of order) {
    header.push([name, { dtype: tags[dtype], shape, data_offsets: [end, end + bytes.length] }]);
    end += bytes.length;
  }
  const text = Buffer.from(JSON.stringify(Object.fromEntries(header))),
    padded = Buffer.alloc(8 + Math.ceil(text.length / 8) * 8, " ");
  padded.writeBigUInt64LE(BigInt(padded.length - 8));
  text.copy(padded, 8);
  await writeFileAtomic(path, [padded, ...order.map(([, { bytes }]) => bytes)]);
}

export async function readSafeTensors(path: string): Promise<SafeTensors> {
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    const read = async (from: number, length: number, what: string): Promise<Buffer> => {
      const bytes = Buffer.allocUnsafeSlow(length); // a memory of its own: typed arrays will view it
      for (let done = 0; done < length; ) {
        const { bytesRead } = await file.read(bytes, done, length - done, from + done);
        if (bytesRead === 0) damaged(path, `${what} ends at byte ${from + done}, before its ${length} bytes are complete`);
        done += bytesRead;
      }
      return bytes;
    };
    if (size < 8) {
      if (size === 0) await read(0, 1, "the file"); // a folder says EISDIR here
      damaged(path, `it has ${size} bytes, and the length of the header alone takes 8`);
    }
    const length = (await read(0, 8, "the length of the header")).readBigUInt64LE();
    if (length > BigInt(size - 8))
      damaged(path, `bytes 0 to 7 claim a header of ${length} bytes, and ${size - 8} follow (a file of another format, or cut off)`);
    if (length > BigInt(largestHeader)) damaged(path, `bytes 0 to 7 claim a header of ${length} bytes, at most ${largestHeader} are allowed`);
    const start = 8 + Number(length);
    const { entries, metadata } = parseHeader(path, await read(8, Number(length), "the header"), size - start);
    const tensors = new Map<string, StoredTensor>();
    for (const { name, dtype, isWide, shape, from, to } of entries) {
      const stored = await read(start + from, to - from, `tensor ${JSON.stringify(name)}`);
      const bytes = isWide ? narrowed(path, name, stored) : stored;
      if (dtype === "bool") {
        const wrong = bytes.findIndex((byte) => byte > 1);
        if (wrong >= 0)
          damaged(path, `tensor ${JSON.stringify(name)} is BOOL and byte ${start + from + wrong} is ${bytes[wrong]}, only 0 and 1 are allowed`);
      }
      tensors.set(name, { dtype, shape, bytes });
    }
    return { tensors, metadata };
  } finally {
    await file.close();
  }
}

interface Entry {
  readonly name: string;
  readonly dtype: DType;
  /** Stored as I64. */
  readonly isWide: boolean;
  readonly shape: readonly number[];
  readonly from: number;
  readonly to: number;
}

/** `available`: bytes that follow the header; the tensors must cover them exactly. */
function parseHeader(path: string, bytes: Buffer, available: number): { entries: Entry[]; metadata: Record<string, string> } {
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    damaged(path, `the header, bytes 8 to ${8 + bytes.length}, is no JSON: ${(error as Error).message}`);
  }
  if (!isObject(header)) damaged(path, `the header must be a JSON object, got ${JSON.stringify(header).slice(0, 40)}`);
  const { __metadata__: metadata = {}, ...described } = header;
  if (!isObject(metadata)) damaged(path, "__metadata__ must be an object of strings");
  for (const [key, value] of Object.entries(metadata))
    if (typeof value !== "string") damaged(path, `__metadata__ holds ${typeof value} under ${JSON.stringify(key)}, only strings are allowed`);
  const entries = Object.entries(described)
    .map(([name, entry]) => checkEntry(path, name, entry))
    .sort((a, b) => a.from - b.from || a.to - b.to);
  let end = 0,
    before = "the header";
  for (const { name, from, to } of entries) {
    if (from !== end)
      damaged(
        path,
        `tensor ${JSON.stringify(name)} begins at byte ${from} of the data, and ${before} ends at ${end} (${from < end ? "an overlap" : "a hole"})`,
      );
    [end, before] = [to, `tensor ${JSON.stringify(name)}`];
  }
  if (end !== available) damaged(path, `the tensors take ${end} bytes, and ${available} follow the header`);
  return { entries, metadata: metadata as Record<string, string> };
}

function checkEntry(path: string, name: string, entry: unknown): Entry {
  const at = `tensor ${JSON.stringify(name)}`;
  if (!isObject(entry)) damaged(path, `${at} must be described by an object, got ${JSON.stringify(entry).slice(0, 40)}`);
  const isWide = entry.dtype === wideInteger,
    dtype = isWide ? "i32" : dtypeOf.get(entry.dtype as string);
  if (!dtype) damaged(path, `${at} has dtype ${JSON.stringify(entry.dtype)}, steppe has ${Object.values(tags).join(", ")}`);
  const { shape, data_offsets: offsets } = entry;
  if (!isSizes(shape)) damaged(path, `${at} has shape ${JSON.stringify(shape)}, an array of whole numbers from 0 on is needed`);
  if (!isSizes(offsets) || offsets.length !== 2 || offsets[0]! > offsets[1]!)
    damaged(path, `${at} has data_offsets ${JSON.stringify(offsets)}, [begin, end] is needed`);
  const [from, to] = offsets as [number, number];
  const needed = shape.includes(0) ? 0 : shape.reduce((product, n) => product * n, isWide ? 8 : bytesPer[dtype]);
  if (to - from !== needed) damaged(path, `${at} is ${entry.dtype} ${showShape(shape)}, so ${needed} bytes, and data_offsets give it ${to - from}`);
  return { name, dtype, isWide, shape, from, to };
}

function narrowed(path: string, name: string, bytes: Buffer): Uint8Array {
  const wide = new BigInt64Array(bytes.buffer, bytes.byteOffset, bytes.length / 8);
  const tooLarge = wide.findIndex((x) => BigInt.asIntN(32, x) !== x);
  if (tooLarge >= 0) damaged(path, `tensor ${JSON.stringify(name)} is I64 and its element ${tooLarge} is ${wide[tooLarge]}, which i32 cannot hold`);
  return new Uint8Array(Int32Array.from(wide, Number).buffer);
}

const isObject = (x: unknown): x is Record<string, unknown> => typeof x === "object" && x !== null && !Array.isArray(x);
const isSizes = (x: unknown): x is number[] => Array.isArray(x) && x.every((n) => Number.isSafeInteger(n) && n >= 0);

function damaged(path: string, why: string): never {
  return fail("ERR_FORMAT", "load", `${path} is no whole safetensors file: ${why}`);
}
