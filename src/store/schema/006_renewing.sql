-- SPDX-License-Identifier: ISC
-- What an import under way met that only ends at another time: it ends at until_s when the import is over. A bit for each of the
-- 4096 listings whose numbers divided by 4096 are `page`. A bit follows its listing into another group and goes with its end.

CREATE TABLE renewing (
  page BIGINT NOT NULL,
  event BIGINT NOT NULL REFERENCES event (id),
  until_s BIGINT NOT NULL,
  bits BLOB NOT NULL,
  PRIMARY KEY (page, event, until_s)
) WITHOUT ROWID;
CREATE INDEX renewing_event ON renewing (event, until_s, page);
