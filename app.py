"""Where `flask` and gunicorn find the application."""

from portal import create_app

app = create_app()
