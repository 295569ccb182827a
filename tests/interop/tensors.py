"""Exchanges safetensors files with the safetensors package, bit by bit, and compares whether files are accepted.

    cmake --build build/release --target blasgrad_shared
    python3 tests/interop/tensors.py build/release/libblasgrad.so

Needs NumPy, PyTorch and safetensors. Every dtype of ours in both directions, by way of NumPy and of PyTorch: empty ones,
scalars, tensors out of others, names of any characters, metadata; dtypes that are not ours are refused by name. Files
of tests/corpus/safetensors, cut off at every byte and with every bit flipped, are given to both. Prints how many
agreed, and where we refuse what the package takes, why.
"""
import ctypes as c
import glob
import itertools
import json
import os
import re
import sys

import numpy as np
import safetensors
import safetensors.numpy
import safetensors.torch
import torch

from library import DTYPES, SHAPES, bg, check, engine, last_error, path, read_archive, to_tensor, turned, values

TORCH = {"f4": torch.float32, "f8": torch.float64, "i4": torch.int32, "i8": torch.int64, "u1": torch.uint8, "?": torch.bool}
NAMES = ["a", "fc1.weight", "\u00e4 \u20ac \U0001f642", "quote\" back\\slash /", "tab\t line\n bell\x07 del\x7f", "{[,:]}",
         "x" * 5000, "", "__meta__", "\u202e\ufeff", "e\u0301"]
METADATA = {"format": "pt", "\u00e4": "\U0001f642 \"\\\n\x01", "": "", "numbers": "[1, 2]"}
counts = {}


def count(kind):
    counts[kind] = counts.get(kind, 0) + 1


def expect_same(kind, found, expected):
    if found.dtype.str[1:] != expected.dtype.str[1:] or found.shape != expected.shape or \
            found.tobytes() != np.ascontiguousarray(expected).tobytes():
        sys.exit(f"{kind}: {found.dtype} {found.shape} is not {expected.dtype} {expected.shape}")
    count(kind)


def load():
    """Tensors by their names, and metadata."""
    archive = c.c_void_p()
    check(bg.bg_archive_load(c.byref(archive), engine, path))
    keys = [bg.bg_archive_text_key(archive, i) for i in range(bg.bg_archive_text_count(archive))]
    texts = {key.decode(): bg.bg_archive_text(archive, key).decode() for key in keys}
    out = read_archive(archive)
    bg.bg_archive_destroy(archive)
    return out, texts


def to_torch(a):
    """Through bytes, which need not lie at a multiple of their size."""
    return torch.from_numpy(np.ascontiguousarray(a).reshape(a.shape))


def any_tensors(random):
    shapes = list(itertools.product(DTYPES, SHAPES))
    out = {NAMES[i] if i < len(NAMES) else f"tensor {i}": values(code, shape, random) for i, (code, shape) in enumerate(shapes)}
    return {name: np.ascontiguousarray(a).reshape(a.shape) for name, a in out.items()}


# ---- Theirs, read here ----

random = np.random.default_rng(1)
tensors = any_tensors(random)
for metadata in None, METADATA:
    for kind, save in ("NumPy", safetensors.numpy.save_file), ("PyTorch", safetensors.torch.save_file):
        theirs = {name: to_torch(a) for name, a in tensors.items()} if kind == "PyTorch" else tensors
        save(theirs, path.decode(), metadata=metadata)
        found, texts = load()
        if set(found) != set(tensors) or texts != (metadata or {}):
            sys.exit(f"{kind}: names or metadata differ: {texts}")
        for name, a in tensors.items():
            expect_same(f"of {kind}", found[name], a)
for code, shape in itertools.product(DTYPES, SHAPES):  # one tensor a file
    a = np.ascontiguousarray(values(code, shape, random)).reshape(shape)
    safetensors.torch.save_file({"a": to_torch(a)}, path.decode())
    expect_same("of PyTorch", load()[0]["a"], a)

# Parts of tensors: those that lie together are written, others once they are made to.
whole = torch.arange(1000, dtype=torch.float32).reshape(10, 100)
parts = {"rows": whole[3:5].clone(), "from an odd byte": torch.arange(33, dtype=torch.uint8)[1:].clone(),
         "columns": whole[:, 3:7].contiguous(), "turned": whole.t().contiguous(), "every third": whole[0, ::3].contiguous(),
         "expanded": whole[:1].expand(4, 100).contiguous()}
safetensors.torch.save_file(parts, path.decode())
for name, a in load()[0].items():
    expect_same("of PyTorch", a, parts[name].numpy())
try:
    safetensors.torch.save_file({"a": whole.t()}, path.decode())
    sys.exit("PyTorch writes tensors that are not contiguous: add them here")
except ValueError:
    pass
net = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.Linear(3, 2))
safetensors.torch.save_model(net, path.decode())
for name, a in load()[0].items():
    expect_same("of PyTorch", a, net.state_dict()[name].numpy())


def file_of(header, data=b"", pad=0):
    text = (header if isinstance(header, str) else json.dumps(header, ensure_ascii=False)).encode() + b" " * pad
    return len(text).to_bytes(8, "little") + text + data


# Numbers at no multiple of their size: behind an odd header, and behind a byte.
for pad in range(9):
    a = values("f8", (3,), random)
    header = {"b": {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]}, "a": {"dtype": "F64", "shape": [3], "data_offsets": [1, 25]}}
    with open(path, "wb") as f:
        f.write(file_of(header, b"\x05" + a.tobytes(), pad))
    found = load()[0]
    expect_same("unaligned", found["a"], a)
    expect_same("unaligned", found["b"], np.array([5], "u1"))

# Dtypes that are not ours.
for name in [d for d in dir(torch) if isinstance(getattr(torch, d), torch.dtype)]:
    dtype = getattr(torch, name)
    if dtype in TORCH.values():
        continue
    try:
        safetensors.torch.save_file({"of another": torch.zeros(4, dtype=torch.uint8).view(dtype) if dtype.itemsize <= 4 else
                                     torch.zeros(1, dtype=dtype)}, path.decode())
    except Exception:
        continue  # safetensors has it not
    archive = c.c_void_p()
    code = re.search(rb'"dtype":"(\w+)"', open(path, "rb").read())[1].decode()
    if bg.bg_archive_load(c.byref(archive), engine, path) == 0 or code not in last_error() or "of another" not in last_error():
        sys.exit(f"{name}: {last_error()}")
    counts.setdefault("dtypes refused", set()).add(code)

# ---- Ours, read there ----


def save(tensors, metadata, is_turned):
    archive = c.c_void_p()
    check(bg.bg_archive_create(c.byref(archive), engine))
    for name, a in tensors.items():
        tensor = to_tensor(a)
        if is_turned:
            view = turned(tensor, a.ndim)
            bg.bg_tensor_destroy(tensor)
            tensor = view
        check(bg.bg_archive_add(archive, name.encode(), tensor))
        bg.bg_tensor_destroy(tensor)
    for key, text in metadata.items():
        check(bg.bg_archive_add_text(archive, key.encode(), text.encode()))
    check(bg.bg_archive_save(archive, path))
    bg.bg_archive_destroy(archive)


for metadata, is_turned in ({}, False), (METADATA, False), (METADATA, True):
    save(tensors, metadata, is_turned)
    expected = {name: a.transpose() for name, a in tensors.items()} if is_turned else tensors
    for name, a in safetensors.numpy.load_file(path.decode()).items():
        expect_same("read by NumPy", a, expected[name])
    for name, a in safetensors.torch.load_file(path.decode()).items():
        expect_same("read by PyTorch", a.numpy(), expected[name])
    with safetensors.safe_open(path.decode(), "pt") as f:
        texts = dict(f.metadata())
        texts.pop("blasgrad.xxh3")
        if set(f.keys()) != set(tensors) or texts != metadata:
            sys.exit(f"ours: names or metadata differ: {texts}")
    found, texts = load()
    if list(found) != list(tensors) or texts != metadata:
        sys.exit("ours, read here: names or metadata differ")
    for name, a in found.items():
        expect_same("ours, read here", a, expected[name])
state = {"0.weight": values("f4", (4, 1, 3, 3), random), "0.bias": values("f4", (4,), random), "1.weight": np.ones(4, "f4"),
         "1.bias": np.zeros(4, "f4"), "1.running_mean": np.zeros(4, "f4"), "1.running_var": np.ones(4, "f4"),
         "1.num_batches_tracked": np.array(7), "2.weight": values("f4", (2, 3), random), "2.bias": values("f4", (2,), random)}
save(state, {}, False)
safetensors.torch.load_model(net, path.decode(), strict=True)
for name, a in net.state_dict().items():
    expect_same("read by PyTorch", a.numpy(), state[name])

# ---- Which files are accepted ----

# What we refuse and the package takes, each for its reason.
STRICTER = [
    ("a dtype that is not ours", "dtype"),
    ("a bool that is neither 0 nor 1", "has the bool"),
    ("data that do not have their checksum", "the file is damaged"),
    ("a checksum that is none", "is not 16 hexadecimal digits"),
    ("more than 8 dimensions", "has rank"),
    ("the same name twice", "duplicate object key"),
    ("a name with a zero byte", "\\u0000"),
    ("blanks in front of the header", 'does not begin with "{"'),
    ("blanks behind it that are no spaces", 'does not end with "}" and spaces'),
    ("metadata that are null", '"__metadata__" is not an object'),
    ("extents or their product beyond 63 bits, beside one of 0", "cannot be counted"),
    ("extents or their product beyond 63 bits, beside one of 0", "too big integer"),
]
unexplained = 0


def compare(data):
    global unexplained
    with open(path, "wb") as f:
        f.write(data)
    archive = c.c_void_p()
    ours = bg.bg_archive_load(c.byref(archive), engine, path) == 0
    bg.bg_archive_destroy(archive)
    try:
        safetensors.deserialize(data)
        theirs = True
    except Exception as error:
        theirs, reason = False, error
    if ours == theirs:
        return count("both accept" if ours else "both refuse")
    if ours:
        print(f"only the package refuses: {data!r}: {reason}")
        unexplained += 1
        return
    for what, message in STRICTER:
        if message in last_error():
            return count(f"only we refuse: {what}")
    print(f"only we refuse: {data!r}: {last_error()}")
    unexplained += 1


T = '{"dtype":"U8","shape":[0],"data_offsets":[0,0]}'
corpus = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "corpus", "safetensors", "*")
files = [open(name, "rb").read() for name in sorted(glob.glob(corpus))]
files += [file_of(header) for header in (
    "{}", '{"__metadata__":{}}', '{"a":' + T + "}", ' {"a":' + T + "}", '{ "a" :\n' + T + "\t}", '{"a":' + T + "}\n", '{"a":' + T + ',}',
    '{"\\u00e4":' + T + ',"\u00e4":' + T + "}", '{"a":' + T.replace("[0]", "[0.0]") + "}", '{"a":' + T.replace("[0,0]", "[0,-0]") + "}",
    '{"a":' + T.replace("}", ',"b":1}') + "}", '{"a":' + T.replace('"shape":[0],', "") + "}", '{"a":' + T.replace("[0]", "[0" + ",1" * 8 + "]") + "}",
    '{"a":' + T.replace("[0]", "[0" + ",1" * 7 + "]") + "}", '{"\\ud83d":' + T + "}", '{"\\ud83d\\ude42":' + T + "}", '{"a\\u0000":' + T + "}",
    '{"a":' + T.replace("U8", "u8") + "}", '{"__metadata__":{"a":1}}', '{"__metadata__":{"a":null}}', '{"__metadata__":null}', '{"__metadata__":[]}', '{"a":null}', "[]", "", "null",
    '{"a":' + T.replace("[0]", "[18446744073709551616]") + "}", '{"a":' + T.replace("[0]", "[0,9223372036854775808]") + "}",
    '{"a":' + T.replace("[0]", "[0,4294967296,4294967296,4294967296]") + "}")]
for data in files:
    compare(data)
    if len(data) <= 1000:
        for length in range(len(data)):
            compare(data[:length])
        for bit in range(8 * len(data)):
            flipped = bytearray(data)
            flipped[bit // 8] ^= 1 << bit % 8
            compare(bytes(flipped))
bg.bg_engine_destroy(engine)
counts["dtypes refused"] = ", ".join(sorted(counts["dtypes refused"]))
print("\n".join(f"{kind}: {n}" for kind, n in counts.items()))
sys.exit(unexplained > 0)
