"""Configuration as code: a TOML file, read strictly and made true through the acts of the rooms."""
