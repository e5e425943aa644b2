# SPDX-License-Identifier: ISC
"""Reading maildirs."""

import os

from .case import eventually


class Maildir:
    def __init__(self, path):
        self.path = path

    def messages(self):
        """Every message in it, as bytes."""
        found = []
        new = os.path.join(self.path, "new")
        if not os.path.isdir(new):
            return []
        for name in sorted(os.listdir(new)):
            with open(os.path.join(new, name), "rb") as file:
                found.append(file.read())
        return found

    def wait(self, count=1, seconds=10):
        eventually(
            lambda: len(self.messages()) >= count,
            lambda: f"{self.path} holds {len(self.messages())} messages, wanted {count}", seconds)
        return self.messages()
