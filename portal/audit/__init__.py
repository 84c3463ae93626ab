"""Audit: who did what to whom, when and from where, chained by hash for each white label."""
