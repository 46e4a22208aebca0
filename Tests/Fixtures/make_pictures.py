#!/usr/bin/env python3
"""Makes small pictures of every kind that sets may hold, and what Pillow makes of them.

    python3 Tests/Fixtures/make_pictures.py        # needs numpy and Pillow; writes Tests/Fixtures/pictures

`expected.json` lists, for each case, the file, the geometry and the picture of the expected pixels (a PNG, without loss).
"""

import json
import pathlib

import numpy as np
from PIL import Image

HERE = pathlib.Path(__file__).parent / "pictures"
WIDTH, HEIGHT = 61, 43


def scene(seed):
    """Colour ramps, an edge and some noise: something that every filter changes."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    planes = [x * 4 % 256, y * 5 % 256, (x + y) * 3 % 256]
    pixels = np.stack(planes, -1) + random.integers(-20, 20, (HEIGHT, WIDTH, 3))
    pixels[10:25, 15:40] = (230, 40, 90)
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def write_pictures():
    scene(1).save(HERE / "colour.jpg", quality=92)
    scene(2).save(HERE / "full-chroma.jpg", quality=95, subsampling=0)
    scene(3).save(HERE / "progressive.jpg", quality=90, progressive=True)
    scene(4).convert("L").save(HERE / "grey.jpg", quality=90)
    scene(5).convert("CMYK").save(HERE / "cmyk.jpg", quality=95)
    for orientation in range(2, 9):
        exif = Image.Exif()
        exif[274] = orientation
        scene(6).save(HERE / f"turned-{orientation}.jpg", quality=95, subsampling=0, exif=exif)
    scene(7).save(HERE / "colour.png")
    scene(8).quantize(31).save(HERE / "palette.png")
    scene(9).convert("L").save(HERE / "grey.png")
    translucent = scene(10).convert("RGBA")
    translucent.putalpha(Image.fromarray(np.arange(HEIGHT * WIDTH).reshape(HEIGHT, WIDTH).astype(np.uint8)))
    translucent.save(HERE / "alpha.png")
    scene(11).convert("1").save(HERE / "bits.png")


def as_shown(name):
    picture = Image.open(HERE / name)
    turns = {2: [0], 3: [3], 4: [1], 5: [5], 6: [4], 7: [6], 8: [2]}
    for turn in turns.get(picture.getexif().get(274, 1), []):
        picture = picture.transpose(Image.Transpose(turn))
    return picture.convert("RGB")


FILTERS = {"bilinear": 2, "bicubic": 3, "lanczos": 1, "nearest": 0}


def stretch(picture, height, width, kind):
    return picture.resize((width, height), FILTERS[kind])


def crop(picture, height, width, short, kind):
    # As torchvision's Resize and CenterCrop compute sizes and edges.
    size = [max(int(side * short / min(picture.size)), least) for side, least in zip(picture.size, (width, height))]
    left, top = round((size[0] - width) / 2), round((size[1] - height) / 2)
    return picture.resize(size, FILTERS[kind]).crop((left, top, left + width, top + height))


def letterbox(picture, height, width, anchor, fill, kind):
    scale = min(width / picture.width, height / picture.height)
    size = [round(side * scale) for side in picture.size]
    canvas = Image.new("RGB", (width, height), (fill,) * 3)
    left, top = ((width - size[0]) // 2, (height - size[1]) // 2) if anchor == "center" else (0, 0)
    canvas.paste(picture.resize(size, FILTERS[kind]), (left, top))
    return canvas


def cases():
    for path in sorted(HERE.glob("*.jpg")) + sorted(HERE.glob("*.png")):
        if not path.name.startswith("expected-"):
            picture = as_shown(path.name)
            yield path.name, picture, dict(height=picture.height, width=picture.width, resize="stretch")
    for kind in FILTERS:
        for height, width in ((20, 33), (64, 80)):
            yield "colour.png", stretch(as_shown("colour.png"), height, width, kind), dict(
                height=height, width=width, resize="stretch", interpolation=kind)
    yield "colour.png", crop(as_shown("colour.png"), 24, 24, 30, "bilinear"), dict(
        height=24, width=24, resize="crop", short_side=30)
    yield "colour.jpg", crop(as_shown("colour.jpg"), 21, 17, 34, "bicubic"), dict(
        height=21, width=17, resize="crop", short_side=34, interpolation="bicubic")
    for anchor in ("center", "top-left"):
        yield "colour.png", letterbox(as_shown("colour.png"), 32, 32, anchor, 114, "bilinear"), dict(
            height=32, width=32, resize="letterbox", anchor=anchor, fill=114)
    yield "colour.jpg", letterbox(as_shown("colour.jpg"), 48, 96, "center", 7, "bicubic"), dict(
        height=48, width=96, resize="letterbox", fill=7, interpolation="bicubic")
    grey = as_shown("colour.png").convert("L").resize((30, 20), FILTERS["bilinear"])
    yield "colour.png", grey, dict(height=20, width=30, resize="stretch", channels=1)


def main():
    HERE.mkdir(exist_ok=True)
    for old in HERE.iterdir():
        old.unlink()
    write_pictures()
    listed = []
    for number, (name, expected, geometry) in enumerate(cases()):
        file = f"expected-{number:02}.png"
        expected.save(HERE / file, optimize=True)
        listed.append(dict(file=name, expected=file, geometry=geometry))
    (HERE / "expected.json").write_text(json.dumps(listed, indent=1) + "\n")


if __name__ == "__main__":
    main()
