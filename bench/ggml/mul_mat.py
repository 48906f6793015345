"""The speed of ggml's products with quantised weights, to set beside `cargo run --release -p tensor --example quant_speed`.

Needs: numpy, xllamacpp (a wheel of llama.cpp, whose library is called directly; see its system info for the instruction set
it was compiled for). Run: python bench/ggml/mul_mat.py [MILLISECONDS [FORMAT...]]
One row as GB of weights a second, 512 rows as GMAC/s, on 1 and 2 threads; once with weights as the file has them and once
repacked, where ggml knows how to. Medians.
"""

import ctypes as c
import sys
import time
from pathlib import Path

import numpy as np
import xllamacpp

SHAPES = [(2304, 768), (5632, 2048), (32768, 768)]
ROWS = 512
TYPES = {"F16": 1, "Q8_0": 8, "Q4_0": 2, "Q5_0": 6, "Q4_K": 12, "Q5_K": 13, "Q6_K": 14}
G = c.CDLL(str(next(Path(xllamacpp.__file__).parent.glob("*.so"))))


class Params(c.Structure):
    _fields_ = [("size", c.c_size_t), ("buffer", c.c_void_p), ("no_alloc", c.c_bool)]


def declare(name, result, *args):
    function = getattr(G, name)
    function.restype, function.argtypes = result, args
    return function


P, I, L = c.c_void_p, c.c_int, c.c_int64
init = declare("ggml_init", P, Params)
new_2d = declare("ggml_new_tensor_2d", P, P, I, L, L)
mul_mat = declare("ggml_mul_mat", P, P, P, P)
new_graph = declare("ggml_new_graph", P, P)
expand = declare("ggml_build_forward_expand", None, P, P)
allocate = declare("ggml_backend_alloc_ctx_tensors_from_buft", P, P, P)
plain = declare("ggml_backend_cpu_buffer_type", P)
repacked = declare("_Z35ggml_backend_cpu_repack_buffer_typev", P)
cpu = declare("ggml_backend_cpu_init", P)
set_threads = declare("ggml_backend_cpu_set_n_threads", None, P, I)
compute = declare("ggml_backend_graph_compute", I, P, P)
tensor_set = declare("ggml_backend_tensor_set", None, P, P, c.c_size_t, c.c_size_t)
tensor_get = declare("ggml_backend_tensor_get", None, P, P, c.c_size_t, c.c_size_t)
quantize_chunk = declare("ggml_quantize_chunk", c.c_size_t, I, P, P, L, L, L, P)


def context():
    return init(Params(1 << 20, None, True))


def seconds(kind, outs, depth, rows, threads, repack, budget):
    """The median of one product, or None where repacking gives up."""
    rng = np.random.default_rng(1)
    matrix = rng.standard_normal((outs, depth)).astype(np.float32)
    out_bytes = np.zeros(outs * depth * 4, dtype=np.uint8)
    size = quantize_chunk(kind, matrix.ctypes.data, out_bytes.ctypes.data, 0, outs, depth, None)
    weights_context, rows_context, graph_context = context(), context(), context()
    w = new_2d(weights_context, kind, depth, outs)
    if not allocate(weights_context, repacked() if repack else plain()):
        return None, size
    tensor_set(w, out_bytes.ctypes.data, 0, size)
    x = new_2d(rows_context, 0, depth, rows)
    product = mul_mat(graph_context, w, x)
    graph = new_graph(graph_context)
    expand(graph, product)
    allocate(rows_context, plain())
    allocate(graph_context, plain())
    data = rng.standard_normal((rows, depth)).astype(np.float32)
    tensor_set(x, data.ctypes.data, 0, data.nbytes)
    backend = cpu()
    set_threads(backend, threads)
    times = []
    began = time.perf_counter()
    repeats = 8 if rows == 1 else 1
    while len(times) < 3 or time.perf_counter() - began < budget:
        compute(backend, graph)
        start = time.perf_counter()
        for _ in range(repeats):
            compute(backend, graph)
        times.append((time.perf_counter() - start) / repeats)
    found = np.zeros((rows, outs), dtype=np.float32)
    tensor_get(product, found.ctypes.data, 0, found.nbytes)
    exact = data @ matrix.T
    error = np.linalg.norm(found - exact) / np.linalg.norm(exact)
    assert error < 0.15, error
    return float(np.median(times)), size


def main():
    budget = float(sys.argv[1]) / 1e3 if len(sys.argv) > 1 else 0.3
    names = sys.argv[2:] or list(TYPES)
    print(xllamacpp.get_system_info())
    for outs, depth in SHAPES:
        print(f"({outs}, {depth})")
        for name in names:
            for repack in [False, True]:
                cells = []
                for threads, rows in [(1, 1), (2, 1), (1, ROWS), (2, ROWS)]:
                    took, size = seconds(TYPES[name], outs, depth, rows, threads, repack, budget)
                    if took is None:
                        cells.append("-")
                    elif rows == 1:
                        cells.append(f"{took * 1e6:8.1f} us ({size / took / 1e9:5.1f})")
                    else:
                        cells.append(f"{took * 1e3:8.2f} ms ({rows * outs * depth / took / 1e9:6.1f})")
                print(f"{name:>8}{' repacked' if repack else '         '} " + "  ".join(cells), flush=True)


if __name__ == "__main__":
    main()
