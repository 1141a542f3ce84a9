-- SPDX-License-Identifier: ISC
-- Listings that were entered together share all but their source: that is written once, as a group, and so is their end. The id of
-- a listing is that of its group times 2^24 plus a number within it: the rows of a group lie together, and whatever happens to all of
-- them happens to one row.

CREATE TABLE listing_group (
  id INTEGER NOT NULL PRIMARY KEY,
  place INTEGER NOT NULL REFERENCES place (id),
  since_s BIGINT NOT NULL,
  until_s BIGINT NOT NULL,
  policy INTEGER NOT NULL REFERENCES policy (id),
  reason TEXT NOT NULL,
  incident BIGINT NOT NULL,
  author TEXT NOT NULL,
  excluded INTEGER NOT NULL,
  added_event BIGINT NOT NULL REFERENCES event (id),
  evidence BIGINT NOT NULL REFERENCES evidence (id),
  listings BIGINT NOT NULL DEFAULT 0,
  ended_s BIGINT NOT NULL DEFAULT 0,
  ended_by TEXT NOT NULL DEFAULT '',
  ended_reason TEXT NOT NULL DEFAULT '',
  ended_event BIGINT REFERENCES event (id)
);

ALTER TABLE listing RENAME TO listing_single;

-- Rows in the order of their numbers, each as long as nothing but the source differs from the row before.
INSERT INTO listing_group (id, place, since_s, until_s, policy, reason, incident, author, excluded, added_event, evidence, ended_s,
                           ended_by, ended_reason, ended_event)
  SELECT l.id, l.place, l.since_s, l.until_s, l.policy, l.reason, l.incident, l.author, l.excluded, l.added_event,
         (SELECT min(evidence) FROM listing_evidence WHERE listing = l.id), l.ended_s, l.ended_by, l.ended_reason, l.ended_event
  FROM listing_single l LEFT JOIN listing_single p ON p.id = l.id - 1
  WHERE p.id IS NULL OR l.id % 16777216 = 0
     OR (l.place, l.since_s, l.until_s, l.policy, l.incident, l.excluded, l.added_event, l.ended_s)
        <> (p.place, p.since_s, p.until_s, p.policy, p.incident, p.excluded, p.added_event, p.ended_s)
     OR l.reason <> p.reason OR l.author <> p.author OR l.ended_by <> p.ended_by OR l.ended_reason <> p.ended_reason
     OR l.ended_event IS NOT p.ended_event
     OR (SELECT min(evidence) FROM listing_evidence WHERE listing = l.id)
        IS NOT (SELECT min(evidence) FROM listing_evidence WHERE listing = p.id)
  ORDER BY l.id;

CREATE TABLE listing_source (
  id INTEGER NOT NULL PRIMARY KEY,
  source BLOB NOT NULL,
  bits INTEGER NOT NULL
);
INSERT INTO listing_source (id, source, bits)
  SELECT (SELECT max(g.id) FROM listing_group g WHERE g.id <= l.id) * 16777215 + l.id, l.source, l.bits
  FROM listing_single l ORDER BY l.id;
UPDATE listing_group SET listings =
  (SELECT count(*) FROM listing_source l WHERE l.id BETWEEN listing_group.id * 16777216 AND listing_group.id * 16777216 + 16777215);

DROP TABLE listing_evidence;
DROP TABLE listing_single;

CREATE INDEX listing_source_source ON listing_source (source, bits);
CREATE INDEX listing_group_place ON listing_group (place) WHERE ended_s = 0;
CREATE INDEX listing_group_until ON listing_group (until_s) WHERE ended_s = 0 AND until_s <> 0;
CREATE INDEX listing_group_feed ON listing_group (author) WHERE ended_s = 0 AND substr(author, 1, 5) = 'feed:';
CREATE INDEX listing_group_ended ON listing_group (ended_s) WHERE ended_s <> 0;
CREATE INDEX listing_group_added_event ON listing_group (added_event);
CREATE INDEX listing_group_ended_event ON listing_group (ended_event) WHERE ended_event IS NOT NULL;
CREATE INDEX listing_group_evidence ON listing_group (evidence);

-- What a person wants to see who looks into the store.
CREATE VIEW listing AS
  SELECT l.id, g.place, l.source, l.bits, g.since_s, g.until_s, g.policy, g.reason, g.incident, g.author, g.excluded, g.added_event,
         g.evidence, g.ended_s, g.ended_by, g.ended_reason, g.ended_event
  FROM listing_source l JOIN listing_group g ON g.id = l.id >> 24;

-- An event gave a group another end.
CREATE TABLE renewal (
  event BIGINT NOT NULL REFERENCES event (id),
  listing_group BIGINT NOT NULL REFERENCES listing_group (id) ON DELETE CASCADE,
  before_s BIGINT NOT NULL,
  after_s BIGINT NOT NULL,
  PRIMARY KEY (event, listing_group)
) WITHOUT ROWID;
CREATE INDEX renewal_group ON renewal (listing_group);

-- Events whose steps are not all done yet; a keeper that starts goes on with them.
CREATE TABLE unfinished (
  event INTEGER NOT NULL PRIMARY KEY REFERENCES event (id)
);
