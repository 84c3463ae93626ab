"""Mail templates: what is said, in versions that never change and any number of languages."""
