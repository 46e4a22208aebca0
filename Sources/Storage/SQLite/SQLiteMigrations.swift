import GRDB

/// The schema, step by step. A step that was released never changes; a new one is added below it.
///
/// Rows say what `Domain.Job` says, so that no program, this one included, can write a state that must not be: the columns of
/// a lease exist exactly while a job runs, an end time exactly when it has ended, and what has ended never changes.
enum SQLiteMigrations {
    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1 models, sample sets, jobs") { db in
            try db.execute(sql: models)
            try db.execute(sql: sampleSets)
            try db.execute(sql: jobs)
            try db.execute(sql: jobRules)
            try db.execute(sql: references)
        }
        migrator.registerMigration("2 reproductions") { db in
            try db.execute(
                sql: "ALTER TABLE jobs ADD COLUMN reproduces TEXT CHECK (reproduces IS NULL OR json_valid(reproduces))")
        }
        migrator.registerMigration("3 statistics") { db in
            try db.execute(sql: statistics)
            try db.execute(sql: "DROP VIEW blob_references")
            try db.execute(sql: references + statisticsReferences)
        }
        return migrator
    }

    /// Times are milliseconds since 1970; digests are 64 hexadecimal digits; `number` counts rows in the order they came.
    private static let models = """
        CREATE TABLE models (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            id TEXT NOT NULL UNIQUE CHECK (length(id) = 64),
            size INTEGER NOT NULL CHECK (size >= 0),
            stored_size INTEGER NOT NULL CHECK (stored_size >= 0),
            blob TEXT NOT NULL CHECK (length(blob) = 64),
            file TEXT NOT NULL CHECK (file <> '' AND instr(file, '/') = 0),
            summary TEXT NOT NULL CHECK (json_valid(summary)),
            created INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX models_by_age ON models (created, number);
        CREATE INDEX models_by_blob ON models (blob);

        CREATE TABLE model_files (
            model INTEGER NOT NULL REFERENCES models (number) ON DELETE CASCADE,
            position INTEGER NOT NULL,
            name TEXT NOT NULL CHECK (name <> '' AND instr(name, '/') = 0),
            digest TEXT NOT NULL CHECK (length(digest) = 64),
            size INTEGER NOT NULL CHECK (size >= 0),
            PRIMARY KEY (model, position),
            UNIQUE (model, name)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX model_files_by_digest ON model_files (digest);

        -- A name means the model with the largest `given`; the smallest `number` of a model is its first name.
        CREATE TABLE model_names (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            name TEXT NOT NULL CHECK (name <> ''),
            model INTEGER NOT NULL REFERENCES models (number) ON DELETE CASCADE,
            given INTEGER NOT NULL,
            UNIQUE (name, model)
        ) STRICT;
        CREATE INDEX model_names_by_model ON model_names (model);
        """

    private static let sampleSets = """
        -- Outlives its sets, so that no version number means two things.
        CREATE TABLE sample_set_names (
            name TEXT NOT NULL PRIMARY KEY CHECK (name <> ''),
            versions INTEGER NOT NULL CHECK (versions >= 1)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE sample_sets (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            id TEXT NOT NULL CHECK (length(id) = 64),
            name TEXT NOT NULL REFERENCES sample_set_names (name),
            version INTEGER NOT NULL CHECK (version >= 1),
            role TEXT NOT NULL CHECK (role IN ('calibration', 'evaluation')),
            blob TEXT NOT NULL CHECK (length(blob) = 64),
            size INTEGER NOT NULL CHECK (size >= 0),
            summary TEXT NOT NULL CHECK (json_valid(summary)),
            created INTEGER NOT NULL,
            UNIQUE (name, version),
            UNIQUE (name, id)
        ) STRICT;
        CREATE INDEX sample_sets_by_id ON sample_sets (id);
        CREATE INDEX sample_sets_by_age ON sample_sets (created, number);
        CREATE INDEX sample_sets_by_blob ON sample_sets (blob);
        """

    private static let jobs = """
        CREATE TABLE jobs (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            id TEXT NOT NULL UNIQUE CHECK (id <> ''),
            state TEXT NOT NULL
                CHECK (state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled', 'expired')),
            model TEXT NOT NULL CHECK (length(model) = 64),
            calibration TEXT NOT NULL CHECK (length(calibration) = 64),
            evaluation TEXT CHECK (length(evaluation) = 64),
            recipe TEXT NOT NULL CHECK (json_valid(recipe)),
            deadline_seconds REAL CHECK (deadline_seconds > 0),
            phase TEXT,
            progress REAL NOT NULL DEFAULT 0 CHECK (progress BETWEEN 0 AND 1),
            attempt INTEGER NOT NULL DEFAULT 0 CHECK (attempt BETWEEN 0 AND max_attempts),
            max_attempts INTEGER NOT NULL CHECK (max_attempts >= 1),
            created INTEGER NOT NULL,
            started INTEGER,
            finished INTEGER,
            not_before INTEGER,
            failure TEXT CHECK (failure IS NULL OR json_valid(failure)),
            verdict TEXT,
            cancel_requested INTEGER NOT NULL DEFAULT 0 CHECK (cancel_requested IN (0, 1)),
            worker TEXT,
            lease_expires INTEGER,
            token INTEGER NOT NULL DEFAULT 0 CHECK (token >= 0),
            CHECK ((state = 'running') = (lease_expires IS NOT NULL)),
            CHECK ((state = 'running') = (worker IS NOT NULL)),
            CHECK ((state IN ('queued', 'running')) = (finished IS NULL)),
            CHECK (state <> 'running' OR (attempt >= 1 AND started IS NOT NULL AND token > 0)),
            CHECK (state <> 'queued' OR (attempt < max_attempts AND cancel_requested = 0 AND phase IS NULL)),
            CHECK (state = 'queued' OR not_before IS NULL),
            CHECK (state <> 'failed' OR failure IS NOT NULL),
            CHECK (state <> 'succeeded' OR (failure IS NULL AND progress = 1)),
            CHECK (state = 'succeeded' OR verdict IS NULL)
        ) STRICT;
        CREATE INDEX jobs_by_age ON jobs (created, number);
        CREATE INDEX jobs_by_state ON jobs (state, created, number);
        CREATE INDEX jobs_by_lease ON jobs (lease_expires) WHERE state = 'running';

        CREATE TABLE artifacts (
            job INTEGER NOT NULL REFERENCES jobs (number) ON DELETE CASCADE,
            position INTEGER NOT NULL,
            kind TEXT NOT NULL,
            name TEXT NOT NULL CHECK (name <> ''),
            media_type TEXT NOT NULL CHECK (media_type <> ''),
            digest TEXT NOT NULL CHECK (length(digest) = 64),
            size INTEGER NOT NULL CHECK (size >= 0),
            PRIMARY KEY (job, position),
            UNIQUE (job, kind, name)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX artifacts_by_digest ON artifacts (digest);

        CREATE TABLE idempotency_keys (
            key TEXT NOT NULL PRIMARY KEY,
            fingerprint TEXT NOT NULL CHECK (length(fingerprint) = 64),
            job INTEGER NOT NULL REFERENCES jobs (number) ON DELETE CASCADE,
            created INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX idempotency_keys_by_job ON idempotency_keys (job);
        CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created);

        -- The last fencing token given out, in its only row.
        CREATE TABLE tokens (
            only INTEGER NOT NULL PRIMARY KEY CHECK (only = 1),
            last INTEGER NOT NULL
        ) STRICT;
        INSERT INTO tokens (only, last) VALUES (1, 0);
        """

    private static let jobRules = """
        CREATE TRIGGER jobs_begin_queued BEFORE INSERT ON jobs WHEN NEW.state <> 'queued'
        BEGIN SELECT RAISE(ABORT, 'a job begins in the queue'); END;

        CREATE TRIGGER jobs_end_once BEFORE UPDATE ON jobs WHEN OLD.state NOT IN ('queued', 'running')
        BEGIN SELECT RAISE(ABORT, 'a job that has ended never changes'); END;

        CREATE TRIGGER jobs_move BEFORE UPDATE ON jobs WHEN OLD.state = 'queued' AND NEW.state = 'succeeded'
        BEGIN SELECT RAISE(ABORT, 'a job succeeds only while it runs'); END;

        CREATE TRIGGER jobs_token BEFORE UPDATE ON jobs
        WHEN NEW.token < OLD.token OR (OLD.state = 'queued' AND NEW.state = 'running' AND NEW.token = OLD.token)
        BEGIN SELECT RAISE(ABORT, 'a claim takes a larger token'); END;

        CREATE TRIGGER jobs_leave_ended BEFORE DELETE ON jobs WHEN OLD.state IN ('queued', 'running')
        BEGIN SELECT RAISE(ABORT, 'a job that has not ended is not deleted'); END;

        CREATE TRIGGER artifacts_of_running BEFORE INSERT ON artifacts
        WHEN (SELECT state FROM jobs WHERE number = NEW.job) <> 'running'
        BEGIN SELECT RAISE(ABORT, 'artifacts come from a running job'); END;
        """

    /// Every content that a row names: asked, not counted, so that no count can go wrong.
    private static let references = """
        CREATE VIEW blob_references (digest) AS
            SELECT blob FROM models
            UNION ALL SELECT digest FROM model_files
            UNION ALL SELECT blob FROM sample_sets
            UNION ALL SELECT digest FROM artifacts
        """

    private static let statistics = """
        -- What calibration passes saw: go with the model and with the set. `id` is the key of the pass, which is the same for
        -- sets of the same samples in another order.
        CREATE TABLE statistics (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            id TEXT NOT NULL CHECK (length(id) = 64),
            model TEXT NOT NULL REFERENCES models (id) ON DELETE CASCADE,
            calibration TEXT NOT NULL CHECK (length(calibration) = 64),
            content TEXT NOT NULL CHECK (length(content) = 64),
            summary TEXT NOT NULL CHECK (length(summary) = 64),
            size INTEGER NOT NULL CHECK (size >= 0),
            samples INTEGER NOT NULL CHECK (samples >= 0),
            tensors INTEGER NOT NULL CHECK (tensors >= 0),
            created INTEGER NOT NULL,
            UNIQUE (model, calibration, id)
        ) STRICT;
        CREATE INDEX statistics_by_age ON statistics (created, number);
        CREATE INDEX statistics_by_calibration ON statistics (calibration);
        CREATE INDEX statistics_by_content ON statistics (content);
        CREATE INDEX statistics_by_summary ON statistics (summary);
        """

    private static let statisticsReferences =
        " UNION ALL SELECT content FROM statistics UNION ALL SELECT summary FROM statistics"
}
