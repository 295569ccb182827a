"""The library through ctypes, for the scripts beside this: sys.argv[1] is libblasgrad.so. Needs NumPy."""
import ctypes as c
import os
import sys
import tempfile

import numpy as np


class Shape(c.Structure):
    _fields_ = [("rank", c.c_int), ("dims", c.c_int64 * 8)]


class Axes(c.Structure):
    _fields_ = [("count", c.c_int), ("axis", c.c_int * 8)]


bg = c.CDLL(sys.argv[1])
bg.bg_last_error.restype = c.c_char_p
bg.bg_tensor_shape.restype = Shape
bg.bg_tensor_const_data.restype = c.c_void_p
bg.bg_archive_name.restype = c.c_char_p
bg.bg_archive_text.restype = c.c_char_p
bg.bg_archive_text_key.restype = c.c_char_p
bg.bg_archive_tensor.restype = c.c_void_p
bg.bg_archive_count.restype = c.c_size_t
bg.bg_archive_text_count.restype = c.c_size_t
for name in (
    "bg_tensor_shape bg_tensor_dtype bg_tensor_const_data bg_tensor_destroy bg_archive_count bg_archive_text_count "
    "bg_archive_destroy"
).split():
    getattr(bg, name).argtypes = [c.c_void_p]
for name in "bg_archive_name bg_archive_tensor bg_archive_text_key".split():
    getattr(bg, name).argtypes = [c.c_void_p, c.c_size_t]
bg.bg_archive_text.argtypes = [c.c_void_p, c.c_char_p]

DTYPES = ["f4", "f8", "i4", "i8", "u1", "?"]  # in the order of bg_dtype
SHAPES = [(), (0,), (1,), (7,), (3, 4), (0, 3), (3, 0), (1, 5), (2, 3, 4), (4, 1, 3, 2), (2, 1, 2, 1, 3, 1, 2, 2), (1025, 3)]


def last_error():
    return bg.bg_last_error().decode()


def check(status):
    if status != 0:
        sys.exit(f"status {status}: {last_error()}")


engine = c.c_void_p()
check(bg.bg_engine_create(c.byref(engine), None))
folder = tempfile.TemporaryDirectory()
path = os.path.join(folder.name, "file").encode()


def to_numpy(tensor):
    shape = bg.bg_tensor_shape(tensor)
    out = np.empty(tuple(shape.dims[: shape.rank]), np.dtype(DTYPES[bg.bg_tensor_dtype(tensor)]))
    check(bg.bg_tensor_copy_to(c.c_void_p(tensor), out.ctypes.data_as(c.c_void_p), c.c_size_t(out.nbytes)))
    return out


def to_tensor(array):
    array = np.array(array, order="C", copy=True)
    tensor = c.c_void_p()
    shape = Shape(array.ndim, (c.c_int64 * 8)(*array.shape))
    check(bg.bg_tensor_create(c.byref(tensor), engine, DTYPES.index(array.dtype.str[1:].replace("b1", "?")), shape))
    check(bg.bg_tensor_copy_from(tensor, array.ctypes.data_as(c.c_void_p), c.c_size_t(array.nbytes)))
    return tensor


def turned(tensor, rank):
    """A view of the tensor with its axes in reverse."""
    view = c.c_void_p()
    check(bg.bg_tensor_permute(c.byref(view), tensor, Axes(rank, (c.c_int * 8)(*range(rank - 1, -1, -1)))))
    return view


def values(dtype, shape, random):
    """Any bits: NaN with payload, infinities and subnormals included."""
    dtype = np.dtype(dtype)
    n = int(np.prod(shape))
    if dtype.kind == "b":
        return random.integers(0, 2, n).astype(bool).reshape(shape)
    a = np.frombuffer(random.bytes(n * dtype.itemsize), dtype.newbyteorder("=")).reshape(shape)
    if dtype.str[1:] == "u8":
        a = a >> np.uint64(1)
    if dtype.kind == "f" and dtype.itemsize == 2:  # a conversion makes signalling NaN quiet in NumPy
        a = np.where(np.isnan(a), np.float16(np.inf), a)
    return a.astype(dtype)


def read_archive(archive):
    return {
        bg.bg_archive_name(archive, i).decode(): to_numpy(bg.bg_archive_tensor(archive, i))
        for i in range(bg.bg_archive_count(archive))
    }
