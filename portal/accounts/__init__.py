"""Accounts: people, passwords, sign-in, second factor, invitations."""
