-- SPDX-License-Identifier: ISC
-- `stockade status` counts what nobody has looked at for long: without a walk through all that is in force.

CREATE INDEX listing_group_review ON listing_group (place, since_s, until_s, ended_s, listings)
  WHERE ended_s = 0 AND until_s = 0;
