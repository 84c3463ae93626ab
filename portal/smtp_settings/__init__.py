"""SMTP settings: whose server, what kind, and whether it works."""
