/**
 * The catalog's schema, as a list of steps that is only ever added to: step n takes a catalog from version n−1 to n. Each
 * dialect writes the same step in its own words, side by side, so that the two cannot drift apart.
 *
 * A surprise worth knowing: the list order of objects is the order of their UTF-8 bytes, which is what SQLite's BINARY
 * collation (memcmp) gives for free.
 */

export interface Migration {
  /** What it brings. */
  readonly name: string
  readonly sqlite: string
}

export const MIGRATIONS: readonly Migration[] = [
  {
    name: 'sessions, objects and the blobs they refer to',
    sqlite: `
      CREATE TABLE buckets (
        name           TEXT    NOT NULL PRIMARY KEY,
        created_at     INTEGER NOT NULL,
        updated_at     INTEGER NOT NULL,
        metageneration INTEGER NOT NULL,
        settings       TEXT    NOT NULL -- JSON
      ) STRICT, WITHOUT ROWID;

      CREATE TABLE sessions (
        key        TEXT    NOT NULL PRIMARY KEY,
        door       TEXT    NOT NULL,
        state      TEXT    NOT NULL,
        total      INTEGER,
        created_at INTEGER NOT NULL,
        active_at  INTEGER NOT NULL,
        due_at     INTEGER NOT NULL,
        intent     TEXT    NOT NULL, -- JSON
        outcome    TEXT              -- JSON
      ) STRICT;
      CREATE INDEX sessions_expiring  ON sessions (due_at) WHERE state = 'open';
      CREATE INDEX sessions_vanishing ON sessions (due_at) WHERE state <> 'open';

      -- A session's segments lie side by side, so that ten thousand of them go in one sweep over a few pages.
      CREATE TABLE segments (
        session   TEXT    NOT NULL,
        number    INTEGER NOT NULL,
        epoch     INTEGER NOT NULL,
        persisted INTEGER NOT NULL,
        extents   TEXT    NOT NULL, -- JSON, see rows.ts
        PRIMARY KEY (session, number)
      ) STRICT, WITHOUT ROWID;

      -- Extents come last: a list page never reads them, however long they are.
      CREATE TABLE objects (
        bucket          TEXT    NOT NULL,
        name            TEXT    NOT NULL,
        generation      INTEGER NOT NULL,
        metageneration  INTEGER NOT NULL,
        size            INTEGER NOT NULL,
        crc32c          INTEGER NOT NULL,
        md5             TEXT,
        component_count INTEGER,
        created_at      INTEGER NOT NULL,
        updated_at      INTEGER NOT NULL,
        metadata        TEXT    NOT NULL, -- JSON
        extents         TEXT    NOT NULL, -- JSON
        PRIMARY KEY (bucket, name)
      ) STRICT;

      -- How many segments and objects refer to each blob. 0: nothing does any more, and nothing ever will again.
      CREATE TABLE blobs (
        name TEXT    NOT NULL PRIMARY KEY,
        refs INTEGER NOT NULL CHECK (refs >= 0)
      ) STRICT, WITHOUT ROWID;
      CREATE INDEX blobs_garbage ON blobs (name) WHERE refs = 0;

      -- What happened to names, for whoever wants to be told.
      CREATE TABLE events (
        id         INTEGER PRIMARY KEY AUTOINCREMENT,
        at         INTEGER NOT NULL,
        kind       TEXT    NOT NULL CHECK (kind IN ('published', 'updated', 'deleted')),
        bucket     TEXT    NOT NULL,
        name       TEXT    NOT NULL,
        generation INTEGER NOT NULL,
        session    TEXT
      ) STRICT;
      CREATE INDEX events_at ON events (at);

      -- The last generation given to any name: none is given twice, whatever is deleted and wherever the clock goes.
      CREATE TABLE high_water (generation INTEGER NOT NULL) STRICT;
      INSERT INTO high_water VALUES (0);
    `,
  },
  {
    name: 'chunks that a protocol numbers are counted',
    sqlite: 'ALTER TABLE segments ADD COLUMN chunks INTEGER NOT NULL DEFAULT 0',
  },
  {
    name: 'how many sessions are open',
    sqlite: `
      -- Kept by triggers, in whatever transaction opens or ends one: counting them would read them all.
      CREATE TABLE open_sessions (count INTEGER NOT NULL CHECK (count >= 0)) STRICT;
      INSERT INTO open_sessions SELECT count(*) FROM sessions WHERE state = 'open';

      CREATE TRIGGER session_opened AFTER INSERT ON sessions WHEN new.state = 'open' BEGIN
        UPDATE open_sessions SET count = count + 1;
      END;
      CREATE TRIGGER session_changed AFTER UPDATE OF state ON sessions
      WHEN (old.state = 'open') <> (new.state = 'open') BEGIN
        UPDATE open_sessions SET count = count + (new.state = 'open') - (old.state = 'open');
      END;
    `,
  },
  {
    name: 'open sessions that claim a name or show what they hold; secrets',
    sqlite: `
      -- The name, as bucket/name, that no other session may claim.
      ALTER TABLE sessions ADD COLUMN claim TEXT;
      CREATE UNIQUE INDEX sessions_claims ON sessions (claim) WHERE state = 'open' AND claim IS NOT NULL;
      -- The generation of the object that shows the session's content.
      ALTER TABLE sessions ADD COLUMN shown INTEGER;

      CREATE TABLE secrets (
        name  TEXT NOT NULL PRIMARY KEY,
        bytes BLOB NOT NULL
      ) STRICT, WITHOUT ROWID;
    `,
  },
  {
    name: 'open sessions by door and age',
    sqlite: "CREATE INDEX sessions_open ON sessions (door, created_at) WHERE state = 'open'",
  },
  {
    name: 'how many sessions are open, by door',
    sqlite: `
      DROP TRIGGER session_opened;
      DROP TRIGGER session_changed;
      DROP TABLE open_sessions;

      -- Kept by triggers, as before: counting them would read them all.
      CREATE TABLE open_sessions (
        door  TEXT    NOT NULL PRIMARY KEY,
        count INTEGER NOT NULL CHECK (count >= 0)
      ) STRICT, WITHOUT ROWID;
      INSERT INTO open_sessions SELECT door, sum(state = 'open') FROM sessions GROUP BY door;

      CREATE TRIGGER session_opened AFTER INSERT ON sessions WHEN new.state = 'open' BEGIN
        INSERT INTO open_sessions SELECT new.door, 0
        WHERE NOT EXISTS (SELECT 1 FROM open_sessions WHERE door = new.door);
        UPDATE open_sessions SET count = count + 1 WHERE door = new.door;
      END;
      CREATE TRIGGER session_changed AFTER UPDATE OF state ON sessions
      WHEN (old.state = 'open') <> (new.state = 'open') BEGIN
        UPDATE open_sessions SET count = count + (new.state = 'open') - (old.state = 'open')
        WHERE door = new.door;
      END;
    `,
  },
  {
    name: 'what a session of many segments holds, and what each of them was',
    sqlite: `
      -- Kept with the session: asking its segments after each of ten thousand chunks would be fifty million looks.
      ALTER TABLE sessions ADD COLUMN persisted INTEGER NOT NULL DEFAULT 0;
      ALTER TABLE sessions ADD COLUMN segments INTEGER NOT NULL DEFAULT 0;
      ALTER TABLE sessions ADD COLUMN segment_count INTEGER; -- as declared
      UPDATE sessions SET
        persisted = (SELECT coalesce(sum(s.persisted), 0) FROM segments AS s WHERE s.session = sessions.key),
        segments = (SELECT count(*) FROM segments AS s WHERE s.session = sessions.key);

      -- Few at any time: they wait to be published.
      CREATE INDEX sessions_complete ON sessions (key)
        WHERE state = 'open' AND segments = segment_count AND persisted = total;

      -- They outlive the segments of a session that is done, and go with its tombstone.
      CREATE TABLE segment_digests (
        session TEXT    NOT NULL,
        number  INTEGER NOT NULL,
        sha256  TEXT    NOT NULL,
        PRIMARY KEY (session, number)
      ) STRICT, WITHOUT ROWID;
    `,
  },
]
