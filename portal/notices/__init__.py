"""Notices: mail that the portal itself writes, in the brand and language of its reader."""
