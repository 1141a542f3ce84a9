-- SPDX-License-Identifier: ISC
-- The chain of the audit trail outlives what is too old to keep: an event whose predecessor was dropped holds the hash of that one.
-- NULL: the event before is there. One octet: older programs dropped what was before, and kept no hash.

ALTER TABLE event ADD COLUMN before BLOB;
UPDATE event SET before = x'00' WHERE id > 1 AND id - 1 NOT IN (SELECT id FROM event);

CREATE INDEX event_time ON event (time_s);
