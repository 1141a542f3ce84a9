-- SPDX-License-Identifier: ISC
-- A source is 16 bytes of address with its prefix length (IPv4 mapped, 96 to 128), or a domain with its labels reversed
-- ("example.bad") and bits 254 for ".bad.example" (it and all below) or 255 for the name alone. So "what covers it" is a
-- few exact look-ups and "what lies within" one range, for both. Times are seconds since 1970.

CREATE TABLE meta (
  key TEXT NOT NULL PRIMARY KEY,
  value BIGINT NOT NULL
);
INSERT INTO meta VALUES ('serial', 0), ('incidents', 0), ('evidence', 0), ('touched', 0);

-- A sublist of a list. Rows stay when the configuration drops a sublist: old listings name them.
CREATE TABLE place (
  id INTEGER NOT NULL PRIMARY KEY,
  list TEXT NOT NULL,
  sublist TEXT NOT NULL,
  listings BIGINT NOT NULL DEFAULT 0,
  UNIQUE (list, sublist)
);

-- The criterion as it was published when a listing was made by it.
CREATE TABLE policy (
  id INTEGER NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  version BIGINT NOT NULL,
  criterion TEXT NOT NULL,
  UNIQUE (name, version)
);

-- What operators did; each row carries the hash of itself and the row before.
CREATE TABLE event (
  id INTEGER NOT NULL PRIMARY KEY,
  time_s BIGINT NOT NULL,
  author TEXT NOT NULL,
  verb TEXT NOT NULL,
  subject TEXT NOT NULL,
  reason TEXT NOT NULL,
  undoes BIGINT REFERENCES event (id),
  serial BIGINT NOT NULL,
  hash BLOB NOT NULL
);
CREATE UNIQUE INDEX event_undoes ON event (undoes) WHERE undoes IS NOT NULL;

CREATE TABLE evidence (
  id INTEGER NOT NULL PRIMARY KEY,
  message BLOB UNIQUE,
  kind TEXT NOT NULL,
  source BLOB,
  bits INTEGER,
  time_s BIGINT NOT NULL,
  sensor TEXT NOT NULL,
  weight INTEGER NOT NULL,
  note TEXT NOT NULL
);
CREATE INDEX evidence_source ON evidence (source, bits);
CREATE INDEX evidence_time ON evidence (time_s);

CREATE TABLE listing (
  id INTEGER NOT NULL PRIMARY KEY,
  place INTEGER NOT NULL REFERENCES place (id),
  source BLOB NOT NULL,
  bits INTEGER NOT NULL CHECK ((bits BETWEEN 0 AND 128 AND length(source) = 16) OR bits IN (254, 255)),
  since_s BIGINT NOT NULL,
  until_s BIGINT NOT NULL,
  policy INTEGER NOT NULL REFERENCES policy (id),
  reason TEXT NOT NULL,
  incident BIGINT NOT NULL,
  author TEXT NOT NULL,
  excluded INTEGER NOT NULL,
  added_event BIGINT NOT NULL REFERENCES event (id),
  ended_s BIGINT NOT NULL DEFAULT 0,
  ended_by TEXT NOT NULL DEFAULT '',
  ended_reason TEXT NOT NULL DEFAULT '',
  ended_event BIGINT REFERENCES event (id)
);
CREATE UNIQUE INDEX listing_in_force ON listing (source, bits, place) WHERE ended_s = 0;
CREATE INDEX listing_ended ON listing (source, bits) WHERE ended_s <> 0;
CREATE INDEX listing_ended_time ON listing (ended_s) WHERE ended_s <> 0;
CREATE INDEX listing_until ON listing (until_s) WHERE ended_s = 0 AND until_s <> 0;
CREATE INDEX listing_place ON listing (place, id) WHERE ended_s = 0;
CREATE INDEX listing_added_event ON listing (added_event);
CREATE INDEX listing_ended_event ON listing (ended_event) WHERE ended_event IS NOT NULL;

CREATE TABLE listing_evidence (
  listing BIGINT NOT NULL REFERENCES listing (id) ON DELETE CASCADE,
  evidence BIGINT NOT NULL REFERENCES evidence (id),
  PRIMARY KEY (listing, evidence)
) WITHOUT ROWID;
CREATE INDEX listing_evidence_evidence ON listing_evidence (evidence);

-- One refusal that a person can look up. checks: packed bus messages, as they came.
CREATE TABLE incident (
  number BIGINT NOT NULL PRIMARY KEY,
  source BLOB NOT NULL,
  bits INTEGER NOT NULL,
  first_s BIGINT NOT NULL,
  last_s BIGINT NOT NULL,
  count BIGINT NOT NULL,
  rule TEXT NOT NULL,
  mode TEXT NOT NULL,
  host TEXT NOT NULL,
  code INTEGER NOT NULL,
  text TEXT NOT NULL,
  helo TEXT NOT NULL,
  ptr TEXT NOT NULL,
  sender TEXT NOT NULL,
  recipient TEXT NOT NULL,
  list TEXT NOT NULL,
  checks BLOB NOT NULL
);
CREATE INDEX incident_source ON incident (source, bits);
CREATE INDEX incident_last ON incident (last_s);

-- What the published state may differ in since a serial: the ground to be painted again. An empty list name: everything.
CREATE TABLE change (
  serial BIGINT NOT NULL,
  list TEXT NOT NULL,
  source BLOB NOT NULL,
  bits INTEGER NOT NULL,
  PRIMARY KEY (serial, list, source, bits)
) WITHOUT ROWID;
