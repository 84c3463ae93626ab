"""Files on the desk: what is taken, what becomes of it, and what is refused."""

from __future__ import annotations

import io
import struct
import zlib

import pytest
from PIL import Image, JpegImagePlugin, PngImagePlugin

from portal.core import pictures
from portal.core.errors import Refusal
from portal.desk.attachments import MOST_BYTES, MOST_KEPT, MOST_NAME, PREVIEW, clean_name, read


def picture(kind: str = "PNG", size: tuple[int, int] = (60, 20), **options: object) -> bytes:
    """A file with a purple rectangle."""
    stream = io.BytesIO()
    Image.new("RGB", size, "#7a1fa2").save(stream, kind, **options)
    return stream.getvalue()


def claiming(width: int, height: int) -> bytes:
    """A PNG of a few bytes that says it has so many pixels."""
    file = bytearray(picture())
    header = b"IHDR" + struct.pack(">II", width, height) + bytes(file[24:29])
    file[12:29] = header
    file[29:33] = struct.pack(">I", zlib.crc32(header))
    return bytes(file)


@pytest.mark.parametrize(
    ("kind", "name", "shown_as", "shown_name"),
    [
        ("PNG", "panel.png", "image/png", "panel.png"),
        ("JPEG", "Holiday.JPG", "image/jpeg", "Holiday.JPG"),
        ("WEBP", "new.webp", "image/webp", "new.webp"),
        ("GIF", "moving.gif", "image/png", "moving.png"),
        ("PNG", "really-a-png.jpg", "image/png", "really-a-png.png"),
        ("PNG", "page.html", "image/png", "page.png"),
        ("JPEG", "no suffix", "image/jpeg", "no suffix.jpg"),
    ],
)
def test_a_picture_is_kept_as_what_it_is_and_named_so(
    kind: str, name: str, shown_as: str, shown_name: str
) -> None:
    file = read(name, picture(kind))

    assert (file.kind, file.name) == (shown_as, shown_name)
    assert (file.width, file.height) == Image.open(io.BytesIO(file.content)).size == (60, 20)


def test_what_a_picture_carries_beside_its_pixels_is_not_kept() -> None:
    notes = PngImagePlugin.PngInfo()
    notes.add_text("Comment", "<script>alert(1)</script>")
    file = picture(pnginfo=notes, icc_profile=b"a profile with a name in it") + b"PK and an archive"

    kept = read("a.png", file).content

    for stowaway in (b"script", b"profile", b"archive", b"tEXt", b"iCCP"):
        assert stowaway not in kept


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_where_a_photograph_was_taken_is_not_kept(kind: str) -> None:
    exif = Image.Exif()
    exif[0x010E] = "taken at home"

    assert b"taken at home" not in read("a.jpg", picture(kind, exif=exif)).content


def test_a_turned_photograph_stands_upright() -> None:
    turned = Image.Exif()
    turned[0x0112] = 6  # orientation: a quarter turn

    file = read("a.jpg", picture("JPEG", exif=turned))

    assert (file.width, file.height) == (20, 60)


def test_a_moving_picture_is_kept_as_its_first_frame() -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("#ff0000", "#0000ff")]
    stream = io.BytesIO()
    frames[0].save(stream, "GIF", save_all=True, append_images=frames[1:])

    file = read("a.gif", stream.getvalue())

    kept = Image.open(io.BytesIO(file.content))
    assert kept.convert("RGB").getpixel((4, 4)) == (255, 0, 0)
    assert file.has_stopped
    assert not read("b.gif", picture("GIF")).has_stopped


def test_transparency_is_kept() -> None:
    stream = io.BytesIO()
    Image.new("RGBA", (10, 10), (0, 0, 0, 0)).save(stream, "PNG")

    kept = Image.open(io.BytesIO(read("a.png", stream.getvalue()).content))

    assert kept.getpixel((5, 5)) == (0, 0, 0, 0)


def test_a_large_picture_has_a_preview_of_its_shape_and_a_small_one_needs_none() -> None:
    large, small = read("a.png", picture(size=(1200, 400))), read("b.png", picture())

    assert large.preview is not None
    assert Image.open(io.BytesIO(large.preview)).size == (PREVIEW[0], 160)
    assert small.preview is None


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
@pytest.mark.parametrize("size", [(4000, 2000), (1000, 12_000)])
def test_a_very_large_picture_is_drawn_down_in_its_shape(kind: str, size: tuple[int, int]) -> None:
    file = read("screen.png", picture(kind, size))

    kept = Image.open(io.BytesIO(file.content))
    assert (file.width, file.height) == kept.size
    assert 0.98 * MOST_KEPT < kept.width * kept.height <= MOST_KEPT
    assert kept.width / kept.height == pytest.approx(size[0] / size[1], rel=0.01)
    assert kept.convert("RGB").getpixel((9, 9)) == pytest.approx((122, 31, 162), abs=3)


def test_one_that_is_just_large_enough_keeps_its_size() -> None:
    file = read("screen.png", picture(size=(2000, 2000)))

    assert (file.width, file.height) == (2000, 2000)


def test_a_large_photograph_is_made_smaller_while_it_is_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read_sizes = []
    load = JpegImagePlugin.JpegImageFile.load

    def loading(image: JpegImagePlugin.JpegImageFile) -> object:
        read_sizes.append(image.size)
        return load(image)

    file = picture("JPEG", (4000, 4000))
    monkeypatch.setattr(JpegImagePlugin.JpegImageFile, "load", loading)

    read("a.jpg", file)

    assert read_sizes[0] == (2000, 2000)


def test_a_turned_photograph_that_is_drawn_down_stands_upright() -> None:
    turned = Image.Exif()
    turned[0x0112] = 6  # orientation: a quarter turn

    file = read("a.jpg", picture("JPEG", (4000, 2000), exif=turned))

    assert file.width is not None
    assert file.height is not None
    assert file.height == pytest.approx(2 * file.width, rel=0.01)


def test_large_transparency_is_kept_and_stays_smooth() -> None:
    shades = Image.linear_gradient("L").resize((3000, 3000)).quantize(16)
    shades.info["transparency"] = 0
    stream = io.BytesIO()
    shades.save(stream, "PNG", transparency=0)

    file = read("a.png", stream.getvalue())

    kept = Image.open(io.BytesIO(file.content))
    assert kept.mode == "RGBA"
    assert len(kept.getchannel("A").getcolors() or ()) > 2


class TestTurns:
    """Drawing keeps a core busy, and pages need one."""

    @pytest.fixture(autouse=True)
    def _nobody_waits(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(pictures, "PATIENCE", 0.01)

    def test_where_as_many_are_drawn_as_may_be_a_further_one_is_told_to_wait(self) -> None:
        with pictures.drawing(), pictures.drawing(), pytest.raises(Refusal) as refused:
            read("a.png", picture())

        assert refused.value.code == "pictures_busy"
        assert read("a.png", picture()).width == 60

    def test_one_more_is_drawn_beside_another(self) -> None:
        with pictures.drawing():
            assert read("a.png", picture()).width == 60

    def test_text_waits_for_no_picture(self) -> None:
        with pictures.drawing(), pictures.drawing():
            assert read("a.txt", b"words").content == b"words"

    def test_a_picture_that_cannot_be_read_gives_its_turn_back(self) -> None:
        for _time in range(pictures.AT_ONCE + 1):
            with pytest.raises(Refusal, match="file_unreadable"):
                read("cut.png", picture()[:-30])

        assert read("a.png", picture()).width == 60


def test_what_grows_when_it_is_drawn_anew_is_packed_as_webp() -> None:
    # A byte for each pixel where we keep three.
    colours = Image.effect_noise((1300, 1300), 80).quantize(200)
    stream = io.BytesIO()
    colours.save(stream, "PNG")
    assert len(stream.getvalue()) < MOST_BYTES

    file = read("screen.png", stream.getvalue())

    assert (file.kind, file.name) == ("image/webp", "screen.webp")
    assert len(file.content) <= MOST_BYTES


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("evil.png", b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"),
        ("evil.png", b"<!doctype html><script>alert(1)</script>"),
        ("evil.jpg", b"%PDF-1.7"),
        ("evil.gif", b"GIF89a"),
        ("evil.webp", b"RIFF\x10\0\0\0WEBPVP8 "),
        ("cut.png", picture()[:-30]),
        ("signature.png", b"\x89PNG\r\n\x1a\n"),
        ("sound.wav", b"RIFF\x24\0\0\0WAVEfmt "),
        ("picture.bmp.png", picture("BMP")),
    ],
)
def test_a_name_alone_makes_no_picture(name: str, file: bytes) -> None:
    with pytest.raises(Refusal) as refused:
        read(name, file)

    assert (refused.value.code, refused.value.field) == ("file_unreadable", "files")
    assert name in refused.value.words


@pytest.mark.parametrize("name", ["drawing.svg", "drawing.SVGZ"])
def test_svg_is_refused_with_what_to_do(name: str) -> None:
    with pytest.raises(Refusal) as refused:
        read(name, b"<svg xmlns='http://www.w3.org/2000/svg'/>")

    assert refused.value.code == "file_svg"
    assert "Export it as PNG" in refused.value.words


@pytest.mark.parametrize("size", [(4001, 4000), (12_000, 9_000), (60_000, 60_000)])
def test_a_small_file_that_unpacks_to_a_huge_picture_is_not_unpacked(size: tuple[int, int]) -> None:
    with pytest.raises(Refusal) as refused:
        read("bomb.png", claiming(*size))

    assert refused.value.code in ("file_too_many_pixels", "file_unreadable")


def test_a_picture_just_over_the_limit_is_refused_by_its_pixels() -> None:
    with pytest.raises(Refusal) as refused:
        read("a.png", claiming(4001, 4000))

    assert refused.value.code == "file_too_many_pixels"
    assert "4001 × 4000" in refused.value.words


def test_text_that_unpacks_inside_a_picture_is_not_unpacked() -> None:
    packed = zlib.compress(b"x" * 64_000_000, 9)
    chunk = b"zTXt" + b"Comment\0\0" + packed
    file = picture()
    bomb = struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))

    with pytest.raises(Refusal) as refused:
        read("bomb.png", file[:33] + bomb + file[33:])

    assert refused.value.code == "file_unreadable"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("zone.txt", "zone.txt"),
        ("mail.eml", "mail.eml"),
        ("list.csv", "list.csv"),
        ("page.html", "page.html.txt"),
        ("run.sh", "run.sh.txt"),
        ("feed.xml", "feed.xml.txt"),
        ("README", "README.txt"),
    ],
)
def test_text_is_kept_as_text_under_a_name_that_no_program_runs(name: str, shown: str) -> None:
    file = read(name, b"<script>alert(1)</script>")

    assert (file.name, file.kind) == (shown, "text/plain")
    assert file.content == b"<script>alert(1)</script>"
    assert file.width is None


@pytest.mark.parametrize(
    "written", ["Grüße".encode(), b"\xef\xbb\xbf" + "Grüße".encode(), "Grüße".encode("utf-16")]
)
def test_text_becomes_utf_8(written: bytes) -> None:
    assert read("a.txt", written).content == "Grüße".encode()


def test_escape_sequences_are_taken_out_of_text() -> None:
    assert read("a.log", b"\x1b[2Jred\r\n\tdone").content == b"[2Jred\r\n\tdone"


@pytest.mark.parametrize(
    ("name", "file", "code"),
    [
        ("empty.txt", b"", "file_empty"),
        ("empty.png", b"", "file_empty"),
        ("large.txt", b"x" * (MOST_BYTES + 1), "file_too_large"),
        ("large.png", b"\x89PNG" + b"x" * MOST_BYTES, "file_too_large"),
        ("a.pdf", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3", "file_of_another_kind"),
        ("a.zip", b"PK\x03\x04\x14\0\0\0", "file_of_another_kind"),
        ("a.exe", b"MZ\x90\0\x03", "file_of_another_kind"),
        ("latin.txt", b"Gr\xfc\xdfe", "file_of_another_kind"),
    ],
)
def test_anything_else_is_refused_with_its_name(name: str, file: bytes, code: str) -> None:
    with pytest.raises(Refusal) as refused:
        read(name, file)

    assert (refused.value.code, refused.value.field) == (code, "files")
    assert name in refused.value.words


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\Kim\\panel.png", "panel.png"),
        ("a\r\nX-Evil: yes\r\n.png", "a X-Evil yes .png"),
        ("bill\u202egnp.exe", "billgnp.exe"),
        ("  .hidden  ", "hidden"),
        ("", "file"),
        ("...", "file"),
        ("\x00\x1f", "file"),
        ("Übersicht – März.png", "Übersicht – März.png"),
        ("U\u0308bersicht.png", "Übersicht.png"),
        ('a"b<c>d|e?f*g.png', "abcdefg.png"),
    ],
)
def test_a_name_is_one_line_without_folders_and_nothing_invisible(name: str, shown: str) -> None:
    assert clean_name(name) == shown


def test_a_long_name_keeps_its_suffix() -> None:
    name = clean_name("n" * 300 + ".png")

    assert len(name) == MOST_NAME
    assert name.endswith(".png")
