"""PyTorch's side of the comparison: reads one JSON command a line, answers one JSON line. Arrays travel as raw files."""

import gc
import json
import os
import sys
import time

import numpy as np
import torch
from kernels import KINDS
from models import curvature, mlp, training

DTYPES = {"f32": np.float32, "i32": np.int32}
KINDS |= {"training": training, "curvature": curvature, "mlp": mlp}
works = {}


def read(entry):
    return torch.from_numpy(np.fromfile(entry["path"], dtype=DTYPES[entry["dtype"]]).reshape(entry["shape"]))


def start(command):
    torch.set_num_threads(command["threads"])
    (torch.ones(4) + 1).sum()
    return {"torch": torch.__version__, "threads": torch.get_num_threads(), "isa": torch.backends.cpu.get_cpu_capability()}


def load(command):
    arrays = {name: read(entry) for name, entry in command["inputs"].items()}
    works[command["work"]] = KINDS[command["kind"]](arrays, command.get("options") or {})
    return {}


def outputs(command):
    paths = {}
    for name, value in works[command["work"]][command["task"]]().items():
        value = value() if callable(value) else value
        paths[name] = f"{command['folder']}/{os.getpid()}.{command['task']}.{name}"
        value.detach().contiguous().numpy().tofile(paths[name])
    return {"outputs": paths}


def timed(command):
    run, inner, times = works[command["work"]][command["task"]], command["inner"], []
    for _ in range(command["repeats"]):
        began = time.perf_counter()
        for _ in range(inner):
            run()
        times.append((time.perf_counter() - began) * 1e3 / inner)
    return {"times": times}


def drop(command):
    works.pop(command["work"], None)
    gc.collect()
    return {}


def peak(_command):
    with open("/proc/self/status") as status:
        line = next(line for line in status if line.startswith("VmHWM"))
    return {"bytes": int(line.split()[1]) * 1024}


ANSWERS = {"start": start, "load": load, "outputs": outputs, "time": timed, "drop": drop, "peak": peak}

for line in sys.stdin:
    message = json.loads(line)
    try:
        answer = ANSWERS[message["command"]](message)
    except Exception as error:  # the other side reads the reason
        answer = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer), flush=True)
