"""A provisioning file, whole, to be changed by a line."""

from __future__ import annotations

WHOLE = """\
[platform]
name = "Northwind Apps"
origin = "http://localhost:8000"
[[platform.servers]]
name = "main"
host = "smtp.northwind.example"
port = 587
tls = "starttls"
auth = "none"
from_email = "hello@northwind.example"
from_name = "Northwind"
validate = false
[[people]]
email = "owner@northwind.example"
name = "Olive Owner"
role = "platform_owner"
password = "a long password of the owner"
[[white_labels]]
slug = "acme"
name = "Acme Apps"
hostnames = ["acme.localhost"]
colour = "#7a1fa2"
[[white_labels.people]]
email = "ada@acme.example"
name = "Ada Admin"
role = "admin"
password_env = "ADA_PASSWORD"
[[white_labels.people]]
email = "bob@acme.example"
name = "Bob Builder"
role = "admin"
[[white_labels.servers]]
name = "acme-own"
configured_by = "ada@acme.example"
host = "127.0.0.1"
port = 2526
tls = "none"
auth = "basic"
username = "acme"
password = "acme's password"
from_email = "news@acme.example"
from_name = "Acme"
default_for = ["ada@acme.example"]
weight = 1
validate = false
[[white_labels.domains]]
name = "acme.example"
state = "verified"
[[white_labels.senders]]
email = "support@acme.example"
server = "main"
[[white_labels.apps]]
name = "Shop"
owner = "ada@acme.example"
api_key = "lv_test_shop_0123456789abcdefghijkl"
[[white_labels.templates]]
slug = "welcome"
preferred_server = "acme-own"
[[white_labels.templates.versions]]
language = "en"
subject = "Welcome, {{ name }}"
text = \"\"\"
Hello {{ name }}
port = 1
\"\"\"
html = "<p>Hello {{ name }}</p>"
[[white_labels.templates.versions]]
language = "de"
subject = "Willkommen, {{ name }}"
text = "Guten Tag {{ name }}"
"""

ENVIRON = {"ADA_PASSWORD": "a long password of an admin"}


def with_line(old: str, new: str) -> str:
    """The file with one line of it changed."""
    assert WHOLE.count(f"\n{old}\n") >= 1, f"{old!r} is no line of the file"
    return WHOLE.replace(f"\n{old}\n", f"\n{new}\n", 1)


def line_number(text: str, line: str) -> int:
    """On which line it stands."""
    return text.splitlines().index(line) + 1
