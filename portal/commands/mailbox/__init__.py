"""The demo's mailbox: takes every mail, delivers none, and shows by which server each one came."""
