"""Images of another size, and elements moved between channels and space."""
import torch.nn.functional as F

from records import case, tensor, uniform

LINEAR = {1: "linear", 2: "bilinear", 3: "trilinear"}


def resizing():
    records = {}
    for name, image, size in (("1d", (3,), (5,)), ("1d_down", (7,), (3,)), ("1d_to_one", (4,), (1,)),
                              ("1d_long", (5,), (23,)), ("1d_third", (41,), (14,)), ("2d", (3, 4), (5, 3)),
                              ("2d_doubled", (2, 3), (4, 6)), ("2d_mixed", (4, 2), (2, 7)), ("3d", (2, 3, 2), (3, 2, 4))):
        x = uniform(111, 1, 2, *image)
        for exact in (0, 1):
            mode = "nearest-exact" if exact else "nearest"
            records[f"nearest_{name}_{exact}"] = case("resize_nearest", lambda v: F.interpolate(v, size, mode=mode), x,
                                                      size=tensor(size), exact=exact)
        for corners in (0, 1):
            records[f"linear_{name}_{corners}"] = case(
                "resize_linear", lambda v: F.interpolate(v, size, mode=LINEAR[len(size)], align_corners=bool(corners)),
                x, size=tensor(size), corners=corners)
    for factor, shape in ((2, (2, 8, 2, 3)), (3, (1, 9, 1, 2))):
        x = uniform(112, *shape)
        records[f"pixel_shuffle_{factor}"] = case("pixel_shuffle", lambda v: F.pixel_shuffle(v, factor), x,
                                                  factor=factor)
        records[f"pixel_unshuffle_{factor}"] = case("pixel_unshuffle", lambda v: F.pixel_unshuffle(v, factor),
                                                    F.pixel_shuffle(x, factor), factor=factor)
    for groups in (2, 3):
        # Written out, as PyTorch's own has no gradient.
        records[f"channel_shuffle_{groups}"] = case(
            "channel_shuffle", lambda v: v.reshape(1, groups, 6 // groups, 4).transpose(1, 2).reshape(1, 6, 2, 2),
            uniform(113, 1, 6, 2, 2), groups=groups)
    return records


FILES = {"resizing.txt": resizing}
