import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deflateRawSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { parseNpy, readNpz } from "../../src/run/npz.ts";

const folder = mkdtempSync(join(tmpdir(), "npz-"));
let count = 0;

/** A .npy file as NumPy writes it. */
function npy(descr: string, shape: string, data: Uint8Array, { fortran = false, version = 1 } = {}): Buffer {
  const text = `{'descr': '${descr}', 'fortran_order': ${fortran ? "True" : "False"}, 'shape': ${shape}, }\n`;
  const length = Buffer.alloc(version === 1 ? 2 : 4);
  if (version === 1) length.writeUInt16LE(text.length);
  else length.writeUInt32LE(text.length);
  return Buffer.concat([Buffer.from([0x93]), Buffer.from("NUMPY"), Buffer.from([version, 0]), length, Buffer.from(text), data]);
}

function crc32(bytes: Uint8Array): number {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

/** A zip archive: local headers with the bytes, then the central directory. */
function zip(files: Record<string, Buffer>, { compress = false, wrongCrc = false } = {}): Buffer {
  const local: Buffer[] = [],
    central: Buffer[] = [];
  let offset = 0;
  for (const [name, bytes] of Object.entries(files)) {
    const stored = compress ? deflateRawSync(bytes) : bytes,
      common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(compress ? 8 : 0, 4);
    common.writeUInt32LE((crc32(bytes) + (wrongCrc ? 1 : 0)) >>> 0, 10);
    common.writeUInt32LE(stored.length, 14);
    common.writeUInt32LE(bytes.length, 18);
    common.writeUInt16LE(name.length, 22);
    const place = Buffer.alloc(14);
    place.writeUInt32LE(offset, 10);
    local.push(Buffer.from("PK\x03\x04"), common, Buffer.from(name), stored);
    central.push(Buffer.from("PK\x01\x02"), Buffer.from([20, 0]), common, place, Buffer.from(name));
    offset += 30 + name.length + stored.length;
  }
  const directory = Buffer.concat(central),
    end = Buffer.alloc(18),
    n = Object.keys(files).length;
  end.writeUInt16LE(n, 4);
  end.writeUInt16LE(n, 6);
  end.writeUInt32LE(directory.length, 8);
  end.writeUInt32LE(offset, 12);
  return Buffer.concat([...local, directory, Buffer.from("PK\x05\x06"), end]);
}
const write = (bytes: Buffer) => {
  const path = join(folder, `${count++}.npz`);
  writeFileSync(path, bytes);
  return path;
};
const bytesOf = (array: ArrayBufferView) => new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
const floats = bytesOf(Float32Array.of(1, 2, 3, 4, 5, 6));

describe("archives of NumPy", () => {
  test.each([false, true])("stored or deflated (%s)", async (compress) => {
    const arrays = await readNpz(
      write(zip({ "Transformer/w.npy": npy("<f4", "(2, 3)", floats), "step.npy": npy("<i8", "()", bytesOf(BigInt64Array.of(-7n))) }, { compress })),
    );
    expect([...arrays.keys()]).toEqual(["Transformer/w", "step"]);
    expect(arrays.get("Transformer/w")).toMatchObject({ dtype: "f32", shape: [2, 3], bytes: floats });
    expect(arrays.get("step")).toMatchObject({ dtype: "i32", shape: [], bytes: bytesOf(Int32Array.of(-7)) });
  });
  test("column-major becomes row-major", () => {
    const found = parseNpy("x", npy("<f4", "(2, 3)", floats, { fortran: true }));
    expect([...new Float32Array(found.bytes.buffer)]).toEqual([1, 3, 5, 2, 4, 6]);
  });
  test("every dtype, version 2, one axis, no element", () => {
    for (const [descr, width, dtype] of [
      ["<f8", 8, "f64"],
      ["<f2", 2, "f16"],
      ["<i4", 4, "i32"],
      ["<u4", 4, "u32"],
      ["|u1", 1, "u8"],
      ["|b1", 1, "bool"],
    ] as const) {
      expect(parseNpy("x", npy(descr, "(3,)", new Uint8Array(3 * width), { version: 2 }))).toMatchObject({ dtype, shape: [3] });
    }
    expect(parseNpy("x", npy("<f4", "(0, 4)", new Uint8Array(0)))).toMatchObject({ shape: [0, 4] });
  });
});

describe("damaged archives name the file and the place", () => {
  const good = zip({ "w.npy": npy("<f4", "(2, 3)", floats) });
  test.each<[string, Buffer, RegExp]>([
    ["empty", Buffer.alloc(0), /is no zip archive/],
    ["text", Buffer.from("hello, this is no archive at all, only text"), /is no zip archive/],
    ["cut off", good.subarray(0, good.length - 30), /is no zip archive/],
    ["a wrong checksum", zip({ "w.npy": npy("<f4", "(2, 3)", floats) }, { wrongCrc: true }), /entry "w.npy": its CRC-32/],
    ["an entry that is no array", zip({ "notes.txt": Buffer.from("hello, world") }), /entry "notes.txt", .* does not begin with/],
    ["too few bytes", zip({ "w.npy": npy("<f4", "(2, 3)", floats.subarray(4)) }), /24 bytes are needed for shape \(2, 3\), and 20 follow/],
    ["complex numbers", zip({ "w.npy": npy("<c8", "(3,)", floats) }), /its dtype is <c8/],
    ["big-endian numbers", zip({ "w.npy": npy(">f4", "(6,)", floats) }), /its dtype is >f4/],
    ["pickled objects", zip({ "w.npy": npy("|O", "(6,)", floats) }), /of a plain array are needed/],
    ["an integer beyond 32 bits", zip({ "w.npy": npy("<i8", "(1,)", bytesOf(BigInt64Array.of(2n ** 40n))) }), /1099511627776 at 0 does not fit/],
  ])("%s", async (_, bytes, message) => {
    const path = write(bytes),
      error = (await readNpz(path).catch((caught: unknown) => caught)) as Error;
    expect(error).toMatchObject({ code: "ERR_FORMAT", message: expect.stringMatching(message) });
    expect(error.message).toContain(path);
  });
  test("a missing file keeps ENOENT", async () => {
    await expect(readNpz(join(folder, "nothing.npz"))).rejects.toMatchObject({ code: "ENOENT" });
  });
});
