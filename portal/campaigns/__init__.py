"""Campaigns: to whom, what, when and how fast; how that is going, and how it went."""
