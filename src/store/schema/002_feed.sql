-- SPDX-License-Identifier: ISC
-- Lists of other operators: how far each feed was taken over. Its listings are those whose author is 'feed:NAME'.

CREATE TABLE feed (
  name TEXT NOT NULL PRIMARY KEY,
  serial BIGINT NOT NULL,
  rules BIGINT NOT NULL,
  state INTEGER NOT NULL,
  accepts INTEGER NOT NULL,
  refused_serial BIGINT NOT NULL,
  success_s BIGINT NOT NULL,
  changed_s BIGINT NOT NULL,
  error TEXT NOT NULL,
  error_s BIGINT NOT NULL
);

CREATE INDEX listing_feed ON listing (author) WHERE ended_s = 0 AND substr(author, 1, 5) = 'feed:';
