"""Exchanges arrays with NumPy, bit by bit: what it writes is read here, and what is written here it reads.

    cmake --build build/release --target blasgrad_shared
    python3 tests/interop/arrays.py build/release/libblasgrad.so

Needs NumPy. Every dtype, byte order and version of NPY, row- and column-major arrays, empty ones and scalars, stored and
deflated NPZ also from streams; views that are not contiguous on our side. Prints how many arrays agreed.
"""
import ctypes as c
import io
import itertools
import os
import sys
import zipfile

import numpy as np

from library import DTYPES, SHAPES, bg, check, engine, path, read_archive, to_numpy, to_tensor, turned, values


class NpzOptions(c.Structure):
    _fields_ = [("with_deflate", c.c_bool), ("limit", c.c_uint64)]


WIDENED = {"f2": "f4", "i1": "i4", "i2": "i4", "u2": "i4", "u4": "i8", "u8": "i8"}
counts = {}


def agree(kind, found, expected):
    expected = np.asarray(expected)
    wide = expected.astype(WIDENED.get(expected.dtype.str[1:], expected.dtype.str[1:]))
    wide = wide.astype(wide.dtype.newbyteorder("="))
    if found.dtype != wide.dtype or found.shape != wide.shape or found.tobytes() != np.ascontiguousarray(wide).tobytes():
        sys.exit(f"{kind}: {found.dtype} {found.shape} is not {expected.dtype.str} {expected.shape}")
    counts[kind] = counts.get(kind, 0) + 1


def load_npy():
    tensor = c.c_void_p()
    check(bg.bg_npy_load(c.byref(tensor), engine, path))
    out = to_numpy(tensor.value)
    bg.bg_tensor_destroy(tensor)
    return out


random = np.random.default_rng(1)
for code, order, shape, layout in itertools.product("? i1 u1 i2 u2 i4 u4 i8 u8 f2 f4 f8".split(), "<>", SHAPES, "CF"):
    a = np.asarray(values(order + code, shape, random), order=layout)
    for version in [(1, 0), (2, 0), (3, 0)]:
        with open(path, "wb") as f:
            np.lib.format.write_array(f, a, version=version)
        agree("NPY of NumPy", load_npy(), a)

half = np.arange(65536, dtype=np.uint16).view(np.float16)
half = np.where(np.isnan(half), np.float16(0), half)
np.save(open(path, "wb"), half)
agree("NPY of NumPy", load_npy(), half)

with open(path, "wb") as f:  # as Python 2 wrote it
    header = b"{'descr': '<i2', 'fortran_order': False, 'shape': (2L, 1L), }\n"
    f.write(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + b"\1\0\2\0")
agree("NPY of NumPy", load_npy(), np.array([[1], [2]], "<i2"))


def refused(kind, a):
    np.save(open(path, "wb"), a, allow_pickle=True)
    tensor = c.c_void_p()
    if bg.bg_npy_load(c.byref(tensor), engine, path) == 0:
        sys.exit(f"{kind} was taken")
    counts["refused"] = counts.get("refused", 0) + 1


refused("objects", np.array([None, 1], dtype=object))
refused("complex", np.zeros(3, "c8"))
refused("complex", np.zeros(3, "c16"))
refused("long double", np.zeros(3, "f16"))
refused("text", np.array(["a", "bc"]))
refused("bytes", np.array([b"a", b"bc"]))
refused("records", np.zeros(3, [("a", "<f4"), ("b", "<i4")]))
refused("dates", np.zeros(3, "M8[s]"))
refused("large", np.array([2**63], "u8"))
refused("rank 9", np.zeros((1,) * 9))

# ---- Ours, read by NumPy ----
for code, shape in itertools.product(DTYPES, SHAPES):
    a = np.ascontiguousarray(values(code, shape, random)).reshape(shape)
    tensor = to_tensor(a)
    check(bg.bg_npy_save(tensor, path))
    agree("our NPY", np.load(path.decode()), a)
    if a.ndim > 1:
        view = turned(tensor, a.ndim)
        check(bg.bg_npy_save(view, path))
        agree("our NPY", np.load(path.decode()), a.transpose())
        bg.bg_tensor_destroy(view)
    bg.bg_tensor_destroy(tensor)


# ---- NPZ ----
class Pipe(io.RawIOBase):
    """A file that cannot seek, so that sizes stand behind the data."""

    def __init__(self):
        self.data = bytearray()

    def writable(self):
        return True

    def write(self, b):
        self.data += bytes(b)
        return len(b)


def load_npz():
    archive = c.c_void_p()
    check(bg.bg_npz_load(c.byref(archive), engine, path, None))
    out = read_archive(archive)
    bg.bg_archive_destroy(archive)
    return out


arrays = {}
for i, (code, shape) in enumerate(itertools.product("? i1 u1 i2 u2 i4 u4 i8 u8 f2 f4 f8".split(), SHAPES)):
    arrays[f"array {i}/\u00e4.npy" if i % 5 == 0 else f"a{i}"] = values(code, shape, random)
arrays["zeros"] = np.zeros((1000, 1000))
arrays["noise"] = random.standard_normal((100, 1000))
for save in np.savez, np.savez_compressed:
    with open(path, "wb") as f:
        save(f, **arrays)
    pipe = Pipe()
    save(pipe, **arrays)
    for data in None, pipe.data:
        if data:
            with open(path, "wb") as f:
                f.write(data)
        found = load_npz()
        assert list(found) == list(arrays), "names"
        for name, a in arrays.items():
            agree("NPZ of NumPy", found[name], a)
with open(path, "wb") as f:
    np.savez(f)
assert load_npz() == {}
for method in zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA:
    with zipfile.ZipFile(path.decode(), "w", method) as z:
        z.writestr("x.npy", b"")
    archive = c.c_void_p()
    assert bg.bg_npz_load(c.byref(archive), engine, path, None) != 0
    counts["refused"] += 1

ours = {name: a for name, a in arrays.items() if a.dtype.str[1:].replace("b1", "?") in DTYPES}
archive = c.c_void_p()
check(bg.bg_archive_create(c.byref(archive), engine))
for name, a in ours.items():
    tensor = to_tensor(a)
    check(bg.bg_archive_add(archive, name.encode(), tensor))
    bg.bg_tensor_destroy(tensor)
for deflate in False, True:
    check(bg.bg_npz_save(archive, path, c.byref(NpzOptions(deflate, 0))))
    with zipfile.ZipFile(path.decode()) as z:
        assert z.testzip() is None
    with np.load(path.decode()) as found:
        assert found.files == list(ours), "names"
        for name, a in ours.items():
            agree("our NPZ", found[name], a)
    found = load_npz()
    for name, a in ours.items():
        agree("our NPZ, read here", found[name], a)
bg.bg_archive_destroy(archive)
bg.bg_engine_destroy(engine)
print(", ".join(f"{kind}: {n}" for kind, n in counts.items()))
