"""Copy what the pages use of Tabler, its icons and Inter from node_modules/ to static/vendor/.

    python deploy/collect_assets.py

Livery's content security policy allows `self` and nothing else, so the small pictures that
Tabler's style sheet carries as data: addresses are written out as files beside it.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import sys
import urllib.parse
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MODULES = ROOT / "node_modules"
VENDOR = ROOT / "static" / "vendor"
ICONS = ROOT / "static" / "icons.txt"

TABLER = MODULES / "@tabler" / "core" / "dist"
OUTLINE = MODULES / "@tabler" / "icons" / "icons" / "outline"
INTER = MODULES / "@fontsource-variable" / "inter"

SUBSETS = ("latin", "latin-ext")
PICTURE = re.compile(r"""url\((["'])data:image/svg\+xml,(.*?)\1\)""")
FONT_FACE = re.compile(
    r"(?s)/\* inter-(?P<subset>\S+)-wght-normal \*/\s*(?P<rule>@font-face \{.*?\})"
)
SOURCE_MAP = re.compile(r"(?m)^(/\*|//)# sourceMappingURL=.*$")


def style_sheet(to: Path) -> None:
    """Tabler's style sheet, with its pictures as files of their own."""
    pictures = to / "pictures"
    pictures.mkdir()

    def as_file(found: re.Match[str]) -> str:
        picture = urllib.parse.unquote(found[2]).replace("\\", "")
        name = hashlib.sha256(picture.encode()).hexdigest()[:12] + ".svg"
        (pictures / name).write_text(picture, encoding="utf-8")
        return f"url(pictures/{name})"

    css = (TABLER / "css" / "tabler.min.css").read_text(encoding="utf-8")
    css = SOURCE_MAP.sub("", PICTURE.sub(as_file, css))
    if "data:" in css:
        sys.exit("Tabler's style sheet still has data: addresses; the policy would refuse them.")
    (to / "tabler.min.css").write_text(css, encoding="utf-8")


def script(to: Path) -> None:
    """Tabler's script, without the pointer to a source map that is not served."""
    js = (TABLER / "js" / "tabler.min.js").read_text(encoding="utf-8")
    (to / "tabler.min.js").write_text(SOURCE_MAP.sub("", js), encoding="utf-8")


def font(to: Path) -> None:
    """Inter as one variable file for each subset, and the rules that name them."""
    css = (INTER / "index.css").read_text(encoding="utf-8")
    rules = {found["subset"]: found["rule"] for found in FONT_FACE.finditer(css)}
    wanted = [rules[subset].replace("./files/", "") for subset in SUBSETS]
    (to / "inter.css").write_text("\n\n".join(wanted) + "\n", encoding="utf-8")
    for subset in SUBSETS:
        shutil.copy(INTER / "files" / f"inter-{subset}-wght-normal.woff2", to)
    shutil.copy(INTER / "LICENSE", to / "inter.LICENSE.txt")


def icons(to: Path) -> None:
    """The icons that static/icons.txt names, one a line."""
    folder = to / "icons"
    folder.mkdir()
    names = ICONS.read_text(encoding="utf-8").split()
    unknown = [name for name in names if not (OUTLINE / f"{name}.svg").is_file()]
    if unknown:
        sys.exit(f"{ICONS.relative_to(ROOT)} names icons that Tabler has not: {', '.join(unknown)}")
    for name in names:
        shutil.copy(OUTLINE / f"{name}.svg", folder)
    shutil.copy(OUTLINE.parents[1] / "LICENSE", to / "icons.LICENSE.txt")


def main() -> None:
    # Collected beside and moved in at the end: a running server never sees half of it.
    beside = VENDOR.with_name("vendor.new")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    for part in (style_sheet, script, font, icons):
        part(beside)
    shutil.rmtree(VENDOR, ignore_errors=True)
    beside.rename(VENDOR)


if __name__ == "__main__":
    main()
