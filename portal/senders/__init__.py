"""Senders: names and addresses to send from, and whose default they are."""
