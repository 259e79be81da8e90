"""Turn a folder of safetensors into one of ONNX as exporters write it: matrices turned, under numbers, named by
the sums behind their products."""
import json
import os
import struct

from protobuf_bytes import field


def tensor(name, shape, data):
    return field(5, b"".join(field(1, n) for n in shape) + field(2, 1) + field(8, name) + field(9, data))


def node(op, inputs, output):
    return field(1, b"".join(field(1, i) for i in inputs) + field(2, output) + field(4, op))


def turn(data, rows, cols):
    values = struct.unpack(f"<{rows * cols}f", data)
    return struct.pack(f"<{rows * cols}f", *(values[i * cols + j] for j in range(cols) for i in range(rows)))


def model(weights):
    """The bytes of model.onnx from those of model.safetensors (all F32)."""
    size, = struct.unpack("<Q", weights[:8])
    graph = b""
    for number, (name, entry) in enumerate(json.loads(weights[8:8 + size]).items()):
        begin, end = entry["data_offsets"]
        data, shape = weights[8 + size + begin:8 + size + end], entry["shape"]
        if len(shape) == 2 and "embeddings." not in name:
            graph += tensor(f"onnx::MatMul_{number}", shape[::-1], turn(data, *shape))
            graph += node("MatMul", ["x", f"onnx::MatMul_{number}"], f"/p{number}")
            graph += node("Add", [name.replace(".weight", ".bias"), f"/p{number}"], f"/s{number}")
        else:
            graph += tensor(name, shape, data)
    return field(1, 8) + field(7, graph)


def convert(folder):
    """Put model.onnx in the place of the folder's model.safetensors."""
    path = os.path.join(folder, "model.safetensors")
    with open(path, "rb") as f:
        weights = f.read()
    with open(os.path.join(folder, "model.onnx"), "wb") as f:
        f.write(model(weights))
    os.unlink(path)
