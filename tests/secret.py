"""The secret key of installations that tests make; long enough to be let in."""

SECRET_KEY = "only for tests, and known to everybody who reads them"
