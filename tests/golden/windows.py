"""Windows as columns."""
import torch
import torch.nn.functional as F

from records import case, tensor, uniform


def windows():
    records = {}
    for name, n, channels, image, window, options in (
            ("", 2, 2, (3, 4), (2, 3), {}),
            ("_strided", 1, 2, (5, 4), (3, 2), {"stride": (2, 1), "padding": (1, 0)}),
            ("_dilated", 1, 1, (5, 5), (2, 3), {"dilation": (2, 1), "stride": (1, 2), "padding": (1, 1)})):
        numbers = {key: options.get(key, (0 if key == "padding" else 1,) * 2) for key in ("stride", "dilation", "padding")}
        fields = {"window": tensor(window), **{key: tensor(value) for key, value in numbers.items()}}
        x = uniform(101, n, channels, *image)
        records["unfold" + name] = case("unfold", lambda v: F.unfold(v, window, **numbers), x, **fields)
        columns = uniform(102, *F.unfold(x, window, **numbers).shape)
        records["fold" + name] = case("fold", lambda v: F.fold(v, image, window, **numbers), columns,
                                      image=tensor(image), **fields)
    # Of one and three dimensions PyTorch has no fold; unfold is a view there.
    records["unfold_1d"] = case("unfold", lambda v: v.unfold(2, 3, 2).permute(0, 1, 3, 2).reshape(2, 6, 3),
                                uniform(103, 2, 2, 7), window=tensor([3]), stride=tensor([2]), dilation=tensor([1]),
                                padding=tensor([0]))
    records["unfold_3d"] = case(
        "unfold", lambda v: torch.stack([v[:, :, a:a + 2, b:b + 2, c:c + 3].reshape(1, 24)
                                         for a in range(2) for b in range(1) for c in range(2)], 2),
        uniform(104, 1, 2, 3, 2, 4), window=tensor([2, 2, 3]), stride=tensor([1, 1, 1]), dilation=tensor([1, 1, 1]),
        padding=tensor([0, 0, 0]))
    return records


FILES = {"windows.txt": windows}
