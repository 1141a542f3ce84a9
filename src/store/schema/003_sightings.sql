-- SPDX-License-Identifier: ISC
-- The last mails of an incident, packed bus messages like its checks. Empty in rows from before: their one mail is the row's own.

ALTER TABLE incident ADD COLUMN sightings BLOB NOT NULL DEFAULT x'';
