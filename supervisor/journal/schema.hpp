// The tables, as SQL. A change of them is a new step at the end: each makes the next version of the former.
#pragma once

#include <array>

namespace cordon {

inline constexpr const char* schema_of_jobs = R"(
CREATE TABLE jobs (
  n INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  actor TEXT NOT NULL,
  tenant TEXT NOT NULL,
  key TEXT,
  request BLOB,
  state TEXT NOT NULL CHECK (state IN ('received', 'admitted', 'started', 'killing', 'finished', 'lost', 'forgotten')),
  received_at INTEGER NOT NULL,
  admitted_at INTEGER,
  started_at INTEGER,
  killing_at INTEGER,
  ended_at INTEGER,
  collected_at INTEGER,
  ended_age INTEGER,
  bytes INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE UNIQUE INDEX jobs_by_key ON jobs (actor, key) WHERE key IS NOT NULL;
CREATE INDEX jobs_unfinished ON jobs (state) WHERE state IN ('received', 'admitted', 'started', 'killing');
CREATE INDEX jobs_ended ON jobs (ended_age) WHERE state IN ('finished', 'lost');
CREATE INDEX jobs_of_actor ON jobs (actor, id) WHERE state IN ('finished', 'lost');
CREATE INDEX jobs_forgotten ON jobs (n) WHERE state = 'forgotten';
CREATE TABLE reports (
  n INTEGER PRIMARY KEY REFERENCES jobs,
  report TEXT NOT NULL,
  events TEXT NOT NULL DEFAULT '[]',
  stdout BLOB NOT NULL DEFAULT x'',
  stderr BLOB NOT NULL DEFAULT x''
) STRICT;
CREATE TABLE requests (n INTEGER PRIMARY KEY REFERENCES jobs, body BLOB NOT NULL) STRICT;
CREATE TABLE artifacts (
  n INTEGER NOT NULL REFERENCES jobs,
  sha256 BLOB NOT NULL,
  PRIMARY KEY (n, sha256)
) STRICT, WITHOUT ROWID;
CREATE INDEX artifacts_by_content ON artifacts (sha256);
CREATE TABLE held (actor TEXT PRIMARY KEY, jobs INTEGER NOT NULL, bytes INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE budgets (
  kind INTEGER NOT NULL,
  name TEXT NOT NULL,
  resource INTEGER NOT NULL,
  period INTEGER NOT NULL,
  used INTEGER NOT NULL,
  remaining_ms INTEGER NOT NULL,
  saved_age INTEGER NOT NULL,
  PRIMARY KEY (kind, name, resource, period)
) STRICT, WITHOUT ROWID;
CREATE TABLE clock (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  boot TEXT NOT NULL,
  boottime_s INTEGER NOT NULL,
  wall_s INTEGER NOT NULL,
  age_s INTEGER NOT NULL
) STRICT;
)";

// What version 2 added to version 1: calls that may have happened, and what was found out about them. They outlive the
// reports of their jobs.
inline constexpr const char* schema_of_ambiguous_calls = R"(
CREATE TABLE ambiguous (
  id TEXT PRIMARY KEY,
  actor TEXT NOT NULL,
  tool TEXT NOT NULL,
  input BLOB NOT NULL,
  at INTEGER NOT NULL,
  settled_as TEXT CHECK (settled_as IN ('happened', 'did_not_happen')),
  settled_by TEXT,
  settled_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX ambiguous_unsettled ON ambiguous (actor, tool) WHERE settled_as IS NULL;
)";

// Under what jobs act (authority/): mandates of jobs that have not ended; grants, of whose secrets there are digests
// only; what each actor may have read, by task.
inline constexpr const char* schema_of_authority = R"(
CREATE TABLE mandates (
  n INTEGER PRIMARY KEY REFERENCES jobs,
  mandate TEXT NOT NULL,
  approval TEXT CHECK (approval IN ('waiting', 'granted', 'refused', 'consumed'))
) STRICT;
CREATE TABLE grants (
  name TEXT PRIMARY KEY,
  terms TEXT NOT NULL,
  used INTEGER NOT NULL,
  revoked TEXT
) STRICT, WITHOUT ROWID;
CREATE TABLE contexts (
  actor TEXT NOT NULL,
  task TEXT NOT NULL,
  data TEXT NOT NULL,
  PRIMARY KEY (actor, task)
) STRICT, WITHOUT ROWID;
)";

inline constexpr std::array schema_steps{schema_of_jobs, schema_of_ambiguous_calls, schema_of_authority};
inline constexpr int schema_version = schema_steps.size();

}  // namespace cordon
