import csv
import gzip
import io
import subprocess
import sys
import tarfile

import numpy as np
import pytest
from PIL import Image

from img2imu_kit.errors import DatasetError, FormatError, ParameterError
from img2imu_kit.pretrain.images import ImageSet, load_images


def picture(seed, size=(40, 30), mode="RGB"):
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 256, (3, 4, 3), dtype=np.uint8))
    return small.resize(size, Image.Resampling.BICUBIC).convert(mode)


@pytest.fixture
def tree(tmp_path):
    """Two class folders, six pictures of several modes, and a file that is none."""
    folder = tmp_path / "pictures"
    for i, (mode, end) in enumerate(
        [("RGB", "jpg"), ("L", "jpg"), ("CMYK", "jpg"), ("RGBA", "png"), ("P", "png"), ("1", "bmp")]
    ):
        path = folder / ("cats" if i < 3 else "dogs") / f"{i}.{end}"
        path.parent.mkdir(parents=True, exist_ok=True)
        picture(i, mode=mode).save(path)
    (folder / "README.txt").write_text("not a picture")
    return folder


@pytest.fixture
def load(tmp_path):
    def load(source, size=16, **settings):
        return load_images(source, size, cache=tmp_path / "cache", progress=False, **settings)

    load.folder = tmp_path / "cache"
    return load


def test_a_tree_of_class_folders(tree, load):
    images = load(tree)
    assert images.pixels.shape == (6, 3, 16, 16)
    assert images.pixels.dtype == np.uint8
    assert isinstance(images.pixels, np.memmap)
    assert list(images.labels) == ["cats"] * 3 + ["dogs"] * 3
    assert images.skipped == ()
    grey = images.pixels[1].astype(int)
    assert np.ptp(grey, axis=0).max() <= 2  # grey stays grey in RGB
    assert repr(images).startswith("ImageSet(6 of 16 x 16, 2 classes, 0 skipped, from pictures (")


def test_pixels_are_the_centre_square_resized(tmp_path, load):
    red = np.zeros((20, 60, 3), dtype=np.uint8)
    red[:, 20:40, 0] = 200  # the centre square, and nothing else
    (tmp_path / "one").mkdir()
    Image.fromarray(red).save(tmp_path / "one" / "a.png")
    images = load(tmp_path / "one", size=20)
    assert (images.pixels[0, 0] == 200).all()
    assert (images.pixels[0, 1:] == 0).all()


def test_draft_decoding_is_close_to_full_decoding(tmp_path, load):
    (tmp_path / "one").mkdir()
    big = picture(0, size=(640, 640))
    big.save(tmp_path / "one" / "a.jpg", quality=95)
    full = np.asarray(big.resize((32, 32), Image.Resampling.BICUBIC)).transpose(2, 0, 1)
    difference = load(tmp_path / "one", size=32).pixels[0].astype(int) - full
    assert np.abs(difference).mean() < 2


def test_unlabelled_folders_just_work(tmp_path, load):
    for i in range(3):
        picture(i).save(tmp_path / f"{i}.png")
    images = load(tmp_path)
    assert len(images) == 3
    assert images.labels is None


def test_the_statistics_are_those_of_the_pixels(tree, load):
    images = load(tree)
    scaled = np.asarray(images.pixels, dtype=float) / 255
    np.testing.assert_allclose(images.mean, scaled.mean(axis=(0, 2, 3)), atol=1e-4)
    np.testing.assert_allclose(images.std, scaled.std(axis=(0, 2, 3)), atol=1e-4)


def test_indexing_keeps_pixels_and_labels_together(tree, load):
    images = load(tree)
    some = images[images.labels == "dogs"]
    assert isinstance(some, ImageSet)
    assert list(some.labels) == ["dogs"] * 3
    np.testing.assert_array_equal(some.pixels, images.pixels[3:])
    assert len(images[-1]) == 1


RAMP = np.linspace(0, 1, 64)[None].repeat(64, axis=0)  # [64, 64], black at the left
#: name -> a picture of the ramp, as files of more than 8 bits a pixel keep it
DEEP = {
    "16.png": Image.fromarray((RAMP * 65535).astype(np.uint16)),
    "16.tif": Image.fromarray((RAMP * 65535).astype(np.uint16)),
    "16.pgm": Image.fromarray((RAMP * 65535).astype(np.uint16)),
    "32.tif": Image.fromarray((RAMP * 65535).astype(np.int32)),
    "float.tif": Image.fromarray(RAMP.astype(np.float32)),
}


@pytest.mark.parametrize("name", DEEP)
def test_a_ramp_stays_a_ramp_however_many_bits_a_pixel_has(name, tmp_path, load):
    (tmp_path / "one").mkdir()
    DEEP[name].save(tmp_path / "one" / name)
    found = load(tmp_path / "one", size=64).pixels[0]
    assert np.abs(found - RAMP * 255).max() <= 1


@pytest.mark.parametrize(
    "values", [RAMP * 255, RAMP - 0.5, np.full((8, 8), np.nan), (RAMP * 255).astype(np.int32)]
)
def test_pixels_whose_white_nobody_knows_are_left_out_with_a_reason(values, tmp_path, load):
    (tmp_path / "one").mkdir()
    picture(0).save(tmp_path / "one" / "good.png")
    kind = values.dtype if values.dtype == np.int32 else np.float32
    Image.fromarray(values.astype(kind)).save(tmp_path / "one" / "odd.tif")
    with pytest.warns(UserWarning, match=r"odd\.tif .*expected 0 to"):
        images = load(tmp_path / "one")
    assert len(images) == 1


def test_what_is_transparent_shows_the_paper(tmp_path, load):
    half = np.zeros((16, 16, 4), np.uint8)
    half[:, 8:] = 200, 0, 0, 255
    clear = Image.fromarray(half)
    grey = Image.merge("LA", (clear.getchannel(0), clear.getchannel(3)))
    (tmp_path / "one").mkdir()
    clear.save(tmp_path / "one" / "a.png")
    clear.convert("P").save(tmp_path / "one" / "b.png", transparency=bytes([0] + [255] * 255))
    clear.save(tmp_path / "one" / "c.gif")
    grey.save(tmp_path / "one" / "d.png")
    images = load(tmp_path / "one")
    assert (images.pixels[:, :, :, :7] == 255).all()
    assert np.abs(images.pixels[:3, 0, :, 9:].astype(int) - 200).max() <= 8  # a palette's nearest
    assert images.pixels[:3, 1:, :, 9:].max() <= 8


def test_a_picture_stands_as_its_exif_says(tmp_path, load):
    (tmp_path / "one").mkdir()
    lying = Image.fromarray(np.pad(np.full((8, 16, 3), 255, np.uint8), ((8, 0), (0, 0), (0, 0))))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter clockwise: what lies below comes to the left
    lying.save(tmp_path / "one" / "a.png", exif=exif)
    [image] = load(tmp_path / "one").pixels
    assert (image[:, :, :7] == 255).all()
    assert (image[:, :, 9:] == 0).all()


def test_of_an_animation_the_first_frame(tmp_path, load):
    (tmp_path / "one").mkdir()
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "blue")]
    for name in ("a.gif", "b.webp", "c.png"):
        frames[0].save(tmp_path / "one" / name, save_all=True, append_images=frames[1:])
    images = load(tmp_path / "one")
    assert images.pixels[:, 0].min() > 250
    assert images.pixels[:, 2].max() < 5


def test_inks_become_light(tmp_path, load):
    (tmp_path / "one").mkdir()
    Image.new("CMYK", (16, 16), (0, 255, 255, 0)).save(tmp_path / "one" / "red.jpg", quality=95)
    Image.new("CMYK", (16, 16), (0, 255, 255, 0)).save(tmp_path / "one" / "red.tif")
    for red, green, blue in load(tmp_path / "one").pixels:
        assert red.min() > 240
        assert max(green.max(), blue.max()) < 15


def test_corrupt_pictures_are_counted_and_named(tree, load):
    whole = (tree / "cats" / "0.jpg").read_bytes()
    (tree / "cats" / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (tree / "dogs" / "text.png").write_text("hello")
    (tree / "dogs" / "empty.png").write_bytes(b"")
    with pytest.warns(UserWarning, match=r"3 of 9 pictures .* left out: .*cut\.jpg"):
        images = load(tree)
    names = [name for name, reason in images.skipped]
    assert [name.rsplit("/")[-1] for name in names] == ["cut.jpg", "empty.png", "text.png"]
    assert len(images) == len(images.labels) == 6


def test_all_corrupt_is_an_error_and_leaves_no_cache(tmp_path, load):
    (tmp_path / "bad").mkdir()
    for i in range(3):
        (tmp_path / "bad" / f"{i}.jpg").write_text("no")
    with pytest.raises(FormatError, match=r"none of 3 pictures .*0\.jpg"):
        load(tmp_path / "bad")
    assert list((load.folder / "images").iterdir()) == []


def test_the_second_call_decodes_nothing(tree, load):
    first = load(tree)
    file = first.pixels.filename
    before = (file.stat() if hasattr(file, "stat") else None, sorted(load.folder.rglob("*")))
    again = load(tree)
    assert again.pixels.filename == file
    assert (again.pixels.filename.stat(), sorted(load.folder.rglob("*"))) == before
    np.testing.assert_array_equal(first.pixels, again.pixels)
    assert (again.mean, again.source, list(again.labels)) == (
        first.mean,
        first.source,
        list(first.labels),
    )


def test_the_key_knows_size_and_files(tree, load):
    first = load(tree)
    assert load(tree, size=24).pixels.shape[-1] == 24
    picture(99).save(tree / "cats" / "new.png")
    assert len(load(tree)) == 7
    (tree / "cats" / "new.png").rename(tree / "dogs" / "new.png")
    assert list(load(tree).labels).count("dogs") == 4
    assert len(first) == 6


def make_shard(path, names, mode="w:gz"):
    with tarfile.open(path, mode) as archive:
        for i, name in enumerate(names):
            content = io.BytesIO()
            picture(i).save(content, "JPEG")
            member = tarfile.TarInfo(name)
            member.size = content.tell()
            content.seek(0)
            archive.addfile(member, content)


def test_shards_with_a_manifest(tmp_path, load):
    make_shard(tmp_path / "a-0.tar.gz", ["000.jpg", "001.jpg", "notes.txt"])
    make_shard(tmp_path / "a-1.tar", ["002.jpg"], mode="w")
    with gzip.open(tmp_path / "manifest.csv.gz", "wt", newline="") as file:
        table = csv.writer(file)
        table.writerows([("shard", "key", "label_if_any"), ("a-0", "000", "cat")])
        table.writerows([("a-0", "001", ""), ("a-1", "002", "dog")])
    images = load(tmp_path)
    assert list(images.labels) == ["cat", "", "dog"]
    one = load(tmp_path / "a-1.tar")
    np.testing.assert_array_equal(one.pixels[0], load([tmp_path / "a-1.tar"]).pixels[0])
    assert len(one) == 1


def test_folders_inside_a_shard_are_classes(tmp_path, load):
    make_shard(tmp_path / "a.tar.gz", ["cat/0.jpg", "dog/0.jpg"])
    assert list(load(tmp_path).labels) == ["cat", "dog"]


def test_a_cut_shard_is_an_error(tmp_path, load):
    make_shard(tmp_path / "a.tar.gz", [f"{i}.jpg" for i in range(20)])
    content = (tmp_path / "a.tar.gz").read_bytes()
    (tmp_path / "a.tar.gz").write_bytes(content[: len(content) // 2])
    with pytest.raises(FormatError, match=r"a\.tar\.gz: the shard is cut"):
        load(tmp_path)


def test_a_timm_data_set(tree, load):
    images = load("torch/image_folder", root=tree, split="train")
    assert len(images) == 6
    assert list(images.labels) == ["cats"] * 3 + ["dogs"] * 3
    np.testing.assert_array_equal(images.pixels[0], load(tree).pixels[0])


def test_a_timm_data_set_that_is_not_there(load, tmp_path):
    with pytest.raises(DatasetError, match="torch/no_such_data: timm could not open it"):
        load("torch/no_such_data", root=tmp_path)


def test_arrays(load):
    pixels = np.random.default_rng(0).integers(0, 256, (5, 3, 20, 20), dtype=np.uint8)
    assert load(pixels, size=20).pixels is pixels
    assert load(pixels, size=16).pixels.shape == (5, 3, 16, 16)
    with pytest.raises(ParameterError, match=r"float32 \[5, 3, 20, 20\], expected uint8"):
        load(pixels.astype(np.float32))
    with pytest.raises(ParameterError, match="channels come last"):
        load(pixels.transpose(0, 2, 3, 1))


def test_nothing_there(tmp_path, load):
    with pytest.raises(DatasetError, match="no such folder"):
        load(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetError, match=r"no picture .* and no shard"):
        load(tmp_path / "empty")
    with pytest.raises(ParameterError, match="size is 4"):
        load(tmp_path, size=4)


def test_a_cache_that_cannot_be_written(tree, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DatasetError, match=r"cannot be stored .* cache="):
        load_images(tree, 16, cache=tmp_path / "file", progress=False)


def test_two_processes_at_once(tree, load):
    code = (
        "import sys; from img2imu_kit.pretrain import load_images;"
        "print(load_images(sys.argv[1], 16, cache=sys.argv[2], progress=False).pixels.sum())"
    )
    command = [sys.executable, "-c", code, str(tree), str(load.folder)]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    sums = [process.communicate(timeout=120)[0].strip() for process in both]
    assert sums == [str(load(tree).pixels.sum())] * 2
    assert len(list((load.folder / "images").iterdir())) == 1


def test_the_real_shards(shared, load):
    shard = sorted((shared / "images").glob("*.tar.gz"))[0]
    images = load(shard, size=32)
    with tarfile.open(shard) as archive:
        assert len(images) == len(archive.getmembers())
    assert images.skipped == ()
    assert len(set(images.labels)) > 100
    assert np.all(np.abs(np.array(images.mean) - 0.45) < 0.1)
