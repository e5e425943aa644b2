# SPDX-License-Identifier: ISC
"""What the end-to-end cases stand on: a daemon of their own, peers, and a client."""
