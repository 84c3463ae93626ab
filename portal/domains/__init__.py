"""Domains: which names a white label may send from through the platform's servers."""
