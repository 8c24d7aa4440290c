/** NumPy's archives: a zip of .npy files, each a version, a header that is a Python literal, and raw bytes. */
import { once } from "node:events";
import { open } from "node:fs/promises";
import type { Readable } from "node:stream";
import type { DType } from "../core/dtype.ts";
import { fail } from "../core/errors.ts";
import { sizeOf } from "../core/shape.ts";
import type { StoredTensor } from "./safetensors.ts";

export async function readNpz(path: string): Promise<Map<string, StoredTensor>> {
  await (await open(path, "r")).close(); // the file system's own errors first
  const yauzl = await import("yauzl");
  const arrays = new Map<string, StoredTensor>();
  const zip = await new Promise<import("yauzl").ZipFile>((resolve, reject) => {
    yauzl.open(path, { lazyEntries: true, autoClose: false }, (error, opened) => (error ? reject(error) : resolve(opened)));
  }).catch((error: Error) => damaged(path, `it is no zip archive: ${error.message}`));
  try {
    for (let left = zip.entryCount; left > 0; left--) {
      const entry = await nextEntry(zip).catch((error: Error) => damaged(path, error.message));
      const bytes = await readEntry(zip, entry).catch((error: Error) => damaged(path, `entry ${JSON.stringify(entry.fileName)}: ${error.message}`));
      arrays.set(entry.fileName.replace(/\.npy$/, ""), parseNpy(`${path}, entry ${JSON.stringify(entry.fileName)},`, bytes));
    }
  } finally {
    zip.close();
  }
  return arrays;
}

type Zip = import("yauzl").ZipFile;
type Entry = import("yauzl").Entry;

async function nextEntry(zip: Zip): Promise<Entry> {
  const arrived = once(zip, "entry") as Promise<[Entry]>; // rejects on "error"
  zip.readEntry();
  return (await arrived)[0];
}

async function readEntry(zip: Zip, entry: Entry): Promise<Uint8Array> {
  const stream = await new Promise<Readable>((resolve, reject) =>
    zip.openReadStream(entry, (error, opened) => (error ? reject(error) : resolve(opened))),
  );
  const bytes = new Uint8Array(entry.uncompressedSize);
  let length = 0,
    crc = 0xffffffff;
  for await (const chunk of stream as AsyncIterable<Uint8Array>) {
    bytes.set(chunk, length);
    length += chunk.length;
    for (const byte of chunk) crc = crcTable[(crc ^ byte) & 0xff]! ^ (crc >>> 8);
  }
  if ((crc ^ 0xffffffff) >>> 0 !== entry.crc32 >>> 0) throw new Error("its CRC-32 does not match, the bytes are damaged");
  return bytes;
}
const crcTable = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let bit = 0; bit < 8; bit++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c;
});

// 64-bit integers become i32, as everywhere in steppe; a value that does not fit is an error.
const kinds: Record<string, { dtype: DType; width: number }> = {
  f8: { dtype: "f64", width: 8 },
  f4: { dtype: "f32", width: 4 },
  f2: { dtype: "f16", width: 2 },
  i8: { dtype: "i32", width: 8 },
  i4: { dtype: "i32", width: 4 },
  u4: { dtype: "u32", width: 4 },
  u1: { dtype: "u8", width: 1 },
  b1: { dtype: "bool", width: 1 },
};

export function parseNpy(place: string, bytes: Uint8Array): StoredTensor {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 10 || bytes[0] !== 0x93 || Buffer.from(bytes.subarray(1, 6)).toString("latin1") !== "NUMPY")
    notNpy(place, "it does not begin with \\x93NUMPY");
  const wide = bytes[6]! > 1,
    start = wide ? 12 : 10;
  const end = start + (wide && bytes.length >= 12 ? view.getUint32(8, true) : view.getUint16(8, true));
  if (end > bytes.length) notNpy(place, `its header ends at byte ${end}, and it has ${bytes.length}`);
  const header = Buffer.from(bytes.subarray(start, end)).toString("utf8");
  const descr = /'descr':\s*'([<>|=])([a-zA-Z])(\d+)'/.exec(header),
    order = /'fortran_order':\s*(True|False)/.exec(header),
    shapeText = /'shape':\s*\(([\d,\s]*)\)/.exec(header);
  if (!descr || !order || !shapeText) notNpy(place, `descr, fortran_order and shape of a plain array are needed, got ${header.trim().slice(0, 120)}`);
  const kind = kinds[`${descr[2]}${descr[3]}`];
  if (!kind || descr[1] === ">")
    notNpy(place, `its dtype is ${descr[1]}${descr[2]}${descr[3]}; little-endian ${Object.keys(kinds).join(", ")} can be read`);
  const shape = shapeText[1]!
      .split(",")
      .filter((part) => part.trim())
      .map(Number),
    size = sizeOf(shape),
    data = bytes.subarray(end);
  if (data.length !== size * kind.width)
    notNpy(place, `${size * kind.width} bytes are needed for shape (${shape.join(", ")}), and ${data.length} follow the header`);
  const narrow = kind.width === 8 && kind.dtype === "i32" ? narrowIntegers(place, data) : data;
  const ordered = order[1] === "True" && shape.length > 1 ? fromFortran(narrow, shape, narrow.length / Math.max(1, size)) : narrow.slice();
  return { dtype: kind.dtype, shape, bytes: ordered };
}

function narrowIntegers(place: string, data: Uint8Array): Uint8Array {
  const wide = new BigInt64Array(data.slice().buffer),
    out = new Int32Array(wide.length);
  for (let i = 0; i < wide.length; i++) {
    out[i] = Number(wide[i]);
    if (BigInt(out[i]!) !== wide[i]) notNpy(place, `the 64-bit integer ${wide[i]} at ${i} does not fit i32`);
  }
  return new Uint8Array(out.buffer);
}

/** Column-major bytes to row-major. */
function fromFortran(data: Uint8Array, shape: readonly number[], width: number): Uint8Array {
  const out = new Uint8Array(data.length),
    index = new Array<number>(shape.length).fill(0);
  for (let to = 0; to < data.length; to += width) {
    let from = 0;
    for (let axis = shape.length - 1; axis >= 0; axis--) from = from * shape[axis]! + index[axis]!;
    out.set(data.subarray(from * width, (from + 1) * width), to);
    for (let axis = shape.length - 1; axis >= 0 && ++index[axis]! === shape[axis]; axis--) index[axis] = 0;
  }
  return out;
}

function damaged(path: string, why: string): never {
  return fail("ERR_FORMAT", "loadNpz", `${path} is no whole NumPy archive: ${why}`);
}
function notNpy(place: string, why: string): never {
  return fail("ERR_FORMAT", "loadNpz", `${place} is no array that can be read: ${why}`);
}
