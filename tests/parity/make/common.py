"""What the scripts beside this one share."""

import json
import struct

import numpy as np


def write(path, arrays):
    """Writes numpy arrays, by their names in steppe's tree, as safetensors."""
    kinds = {"float32": "F32", "float64": "F64", "int32": "I32"}
    header, at = {}, 0
    for name, x in arrays.items():
        header[name] = {"dtype": kinds[x.dtype.name], "shape": list(x.shape), "data_offsets": [at, at + x.nbytes]}
        at += x.nbytes
    head = json.dumps(header, separators=(",", ":")).encode()
    head += b" " * (-len(head) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(head)) + head)
        for x in arrays.values():
            file.write(np.ascontiguousarray(x).tobytes())
