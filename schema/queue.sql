-- SPDX-License-Identifier: ISC
-- The queue in SQLite, version 1. What the columns mean is in schema/sqlite.md.

CREATE TABLE messages (
  id INTEGER PRIMARY KEY,
  checksum INTEGER NOT NULL,
  content BLOB NOT NULL
);

CREATE TABLE bodies (
  id INTEGER PRIMARY KEY,
  checksum INTEGER NOT NULL,
  content BLOB NOT NULL
);

CREATE TABLE envelopes (
  id INTEGER PRIMARY KEY,
  checksum INTEGER NOT NULL,
  content BLOB NOT NULL
);

CREATE TABLE staged (
  id INTEGER PRIMARY KEY,
  checksum INTEGER NOT NULL,
  content BLOB NOT NULL
);

CREATE TABLE settings (
  name TEXT PRIMARY KEY,
  checksum INTEGER NOT NULL,
  content BLOB NOT NULL
) WITHOUT ROWID;

CREATE TABLE quarantine (
  name TEXT PRIMARY KEY,
  reason TEXT NOT NULL,
  moved INTEGER NOT NULL,
  content BLOB NOT NULL
);

PRAGMA application_id = 1415670881;
PRAGMA user_version = 1;
