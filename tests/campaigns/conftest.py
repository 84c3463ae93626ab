"""The people and things that campaigns are tested with."""
