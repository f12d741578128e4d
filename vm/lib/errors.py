# SPDX-License-Identifier: GPL-2.0-or-later
"""The one exception whose text is shown to the user as it is."""


class Skip(Exception):
    """What the test needs cannot be had here; the text says what and why."""


class Failure(Exception):
    """Something the user can read and act on: one sentence, no traceback."""
