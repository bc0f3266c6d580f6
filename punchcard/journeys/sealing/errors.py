"""Why there is no seal, or it is not believed."""


class SealRefused(Exception):
    """A seal or its key is none, was changed, or cannot be read or written.

    Says which, and what is wrong with it, in a sentence.
    """

    code = "seal_refused"
