"""Logos: what is uploaded is decoded and drawn anew, and nothing else is taken."""

from __future__ import annotations

import io
import zlib

import pytest
from flask import Flask
from PIL import Image, PngImagePlugin

from portal.audit.search import Wanted, entries
from portal.core.errors import NotFound, Refusal
from portal.white_labels import tenants
from portal.white_labels.logo import BOX, MAX_BYTES, read_logo
from portal.white_labels.models import WhiteLabel


def picture(kind: str = "PNG", size: tuple[int, int] = (60, 20), **options: object) -> bytes:
    """A file with a purple rectangle."""
    stream = io.BytesIO()
    Image.new("RGB", size, "#7a1fa2").save(stream, kind, **options)
    return stream.getvalue()


def pixels_of(image: bytes) -> Image.Image:
    return Image.open(io.BytesIO(image))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_each_usual_kind_becomes_a_png_of_its_own_size(kind: str) -> None:
    logo = read_logo(picture(kind))

    assert pixels_of(logo.image).format == "PNG"
    assert pixels_of(logo.image).size == (60, 20)


def test_a_large_picture_is_fitted_into_its_place_and_keeps_its_shape() -> None:
    logo = read_logo(picture(size=(3000, 300)))

    assert pixels_of(logo.image).size == (BOX[0], 53)


def test_what_a_file_carries_beside_its_pixels_is_not_kept() -> None:
    notes = PngImagePlugin.PngInfo()
    notes.add_text("Comment", "<script>alert(1)</script>")
    file = picture(pnginfo=notes, icc_profile=b"a profile with a name in it") + b"PK and an archive"

    logo = read_logo(file)

    for stowaway in (b"script", b"profile", b"archive", b"tEXt", b"iCCP"):
        assert stowaway not in logo.image


def test_a_photograph_stands_upright() -> None:
    turned = Image.Exif()
    turned[0x0112] = 6  # orientation: a quarter turn

    logo = read_logo(picture("JPEG", size=(60, 20), exif=turned))

    assert pixels_of(logo.image).size == (20, 60)


def test_transparency_is_kept() -> None:
    stream = io.BytesIO()
    Image.new("RGBA", (10, 10), (0, 0, 0, 0)).save(stream, "PNG")

    logo = read_logo(stream.getvalue())

    assert pixels_of(logo.image).getpixel((5, 5)) == (0, 0, 0, 0)


@pytest.mark.parametrize(
    "file",
    [
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"\xef\xbb\xbf  <?xml version='1.0'?><svg/>",
        b"<!DOCTYPE svg><svg/>",
        b"\x1f\x8b a compressed svg",
    ],
)
def test_svg_is_refused_with_what_to_do(file: bytes) -> None:
    with pytest.raises(Refusal) as refused:
        read_logo(file)

    assert (refused.value.code, refused.value.field) == ("logo_svg", "logo")
    assert "Export it as PNG" in refused.value.words


@pytest.mark.parametrize(
    ("file", "code"),
    [
        (b"", "logo_missing"),
        (b"x" * (MAX_BYTES + 1), "logo_too_large"),
        (b"GIF89a", "logo_unreadable"),
        (b"%PDF-1.7", "logo_unreadable"),
        (picture()[:-30], "logo_unreadable"),
        (b"\x89PNG\r\n\x1a\n", "logo_unreadable"),
        (picture("GIF"), "logo_unreadable"),
        (picture("BMP"), "logo_unreadable"),
    ],
    ids=["empty", "large", "torn gif", "pdf", "cut off", "only a signature", "gif", "bmp"],
)
def test_anything_else_is_refused_with_words(file: bytes, code: str) -> None:
    with pytest.raises(Refusal) as refused:
        read_logo(file)

    assert (refused.value.code, refused.value.field) == (code, "logo")


def test_a_small_file_that_claims_to_be_huge_is_refused_before_it_is_decoded() -> None:
    file = bytearray(picture())
    header = bytearray(file[12:29])  # "IHDR", width, height, …
    header[4:12] = (100_000).to_bytes(4, "big") * 2
    file[12:29] = header
    file[29:33] = zlib.crc32(bytes(header)).to_bytes(4, "big")

    with pytest.raises(Refusal) as refused:
        read_logo(bytes(file))

    assert refused.value.code in ("logo_too_many_pixels", "logo_unreadable")


def test_a_picture_just_over_the_limit_is_refused_by_its_size() -> None:
    with pytest.raises(Refusal) as refused:
        read_logo(picture(size=(4001, 4000)))

    assert refused.value.code == "logo_too_many_pixels"
    assert "4001 × 4000" in refused.value.words


def test_setting_and_removing_a_logo_is_told_in_the_trail(app: Flask, acme: WhiteLabel) -> None:
    tenants.set_logo(acme, read_logo(picture()))
    tenants.set_logo(acme, read_logo(picture()))
    tenants.set_logo(acme, None)

    told = [entry.action for entry in entries(acme.id, Wanted("white_label")).rows]
    assert told == ["white_label.logo_removed", "white_label.logo_changed"]
    with pytest.raises(NotFound):
        tenants.logo_of(acme)
