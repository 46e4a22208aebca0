"""Writes samples/*.np[yz]: what numpy itself makes of small arrays, and the inputs a model should get from them.

    python3 Tests/Fixtures/make_samples.py

Needs numpy only; the output is the same on every run.
"""
import io
import pathlib
import zipfile

import numpy as np

OUT = pathlib.Path(__file__).parent / "samples"
OUT.mkdir(exist_ok=True)
rng = np.random.default_rng(7)
f32 = np.float32

pixels = rng.integers(0, 256, (5, 4, 6, 3), dtype=np.uint8)
planes = pixels.transpose(0, 3, 1, 2).copy()
tokens = rng.integers(0, 1000, (5, 7), dtype=np.int32)
mask = rng.integers(0, 2, (5, 7)).astype(bool)
labels = np.array([3, 0, 9, 1, 1], dtype=np.int64)
wave = rng.standard_normal((5, 1, 16))


def affine(x, scale, mean, std, axis):
    shape = [1] * x.ndim
    shape[axis] = -1
    mean = np.asarray(mean, f32).reshape(shape)
    std = np.asarray(std, f32).reshape(shape)
    return (x.astype(f32) * f32(scale) - mean) / std


MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


def write_zip(name, arrays, method):
    """numpy's savez writes the current time nowhere, but zipfile does: fix it so that the file never changes."""
    with zipfile.ZipFile(OUT / name, "w", method) as archive:
        for key, value in arrays.items():
            buffer = io.BytesIO()
            np.save(buffer, value)
            info = zipfile.ZipInfo(key + ".npy", (1980, 1, 1, 0, 0, 0))
            info.compress_type = method
            with archive.open(info, "w", force_zip64=True) as member:
                member.write(buffer.getvalue())


everything = {
    "pixels": pixels, "planes": planes, "tokens": tokens, "mask": mask, "labels": labels, "wave": wave,
    "half": wave.astype(np.float16), "single": wave.astype(f32), "small": (tokens % 100 - 50).astype(np.int8),
    "long": tokens.astype(np.int64),
}
write_zip("stored.npz", everything, zipfile.ZIP_STORED)
write_zip("deflated.npz", everything, zipfile.ZIP_DEFLATED)
np.save(OUT / "pixels.npy", pixels)

with open(OUT / "version2.npy", "wb") as file:
    np.lib.format.write_array(file, tokens, version=(2, 0))
with open(OUT / "version3.npy", "wb") as file:
    np.lib.format.write_array(file, tokens, version=(3, 0))
np.save(OUT / "fortran.npy", np.asfortranarray(tokens))
np.save(OUT / "fortran-column.npy", np.asfortranarray(tokens[:, :1]))
np.save(OUT / "big-endian.npy", tokens.astype(">i4"))
np.save(OUT / "object.npy", np.array([{"a": 1}, None], dtype=object), allow_pickle=True)
np.save(OUT / "structured.npy", np.zeros(3, dtype=[("a", "<f4"), ("b", "<i2")]))
np.save(OUT / "complex.npy", np.zeros(3, dtype=np.complex64))
np.save(OUT / "text.npy", np.array(["a", "bc"]))

write_zip("expected.npz", {
    # nhwc-to-nchw, scale 1/255, mean and std per channel
    "pixels_normalized": affine(pixels, 1 / 255, MEAN, STD, 3).transpose(0, 3, 1, 2).copy(),
    # the same after reversing the channels
    "pixels_reversed": affine(pixels[..., ::-1], 1 / 255, MEAN, STD, 3).transpose(0, 3, 1, 2).copy(),
    # as-is: the channels of an NHWC array are its last axis, of an NCHW array its second
    "pixels_as_is": affine(pixels, 1 / 255, MEAN, STD, 3),
    "planes_as_is": affine(planes, 1 / 255, MEAN, STD, 1),
    "planes_reversed": affine(planes[:, ::-1], 1, [0], [1], 1),
    # one value for all
    "wave_scaled": affine(wave, 2, [0.5], [0.25], 1),
    "half_scaled": affine(wave.astype(np.float16), 2, [0.5], [0.25], 1),
    "tokens_scaled": affine(tokens, 0.01, [1], [2], 1),
    "small_scaled": affine(everything["small"], 0.01, [1], [2], 1),
    "mask_plain": mask.astype(f32),
    "wave_half": affine(wave, 2, [0.5], [0.25], 1).astype(np.float16),
}, zipfile.ZIP_DEFLATED)
