BEGIN TRANSACTION;
CREATE TABLE deletions (
        number INTEGER PRIMARY KEY AUTOINCREMENT,  -- never used again
        channel_id INTEGER NOT NULL,
        created REAL NOT NULL
    );
INSERT INTO "deletions" VALUES(1,2,1000000000.0);
CREATE TABLE exchanges (
        number INTEGER PRIMARY KEY,
        channel_id INTEGER NOT NULL,  -- by Discord, or of a person (see ChatRequest)
        person INTEGER NOT NULL,      -- the one who spoke, by Discord's id
        speaker TEXT NOT NULL,        -- their name
        message TEXT NOT NULL,
        answer TEXT NOT NULL,
        created REAL NOT NULL         -- in seconds since 1970
    );
INSERT INTO "exchanges" VALUES(1,2,7,'alice','sword','sword',1000000000.0);
INSERT INTO "exchanges" VALUES(2,-2,7,'alice','private','private',1000000000.0);
CREATE TABLE requests (
        id TEXT PRIMARY KEY,
        person INTEGER NOT NULL,  -- whose request it is, by Discord's id
        kind TEXT NOT NULL,       -- the task's name
        content TEXT NOT NULL,    -- the request's fields, in JSON
        created REAL NOT NULL,    -- in seconds since 1970
        channel_id INTEGER        -- of the conversation that it repeats something of (see ChatRequest), or NULL
    ) WITHOUT ROWID
    ;
INSERT INTO "requests" VALUES('request16',7,'chat','{"message":"swordfish","channel_id":2,"speaker":"alice","history":[{"speaker":"alice","message":"sword","answer":"sword"}],"temperature":0.5,"conversation":1}',1000000000.0,2);
INSERT INTO "requests" VALUES('request17',7,'work','{"task":"chat","content":"{\"message\":\"swordfish\",\"channel_id\":2,\"speaker\":\"alice\",\"history\":[{\"speaker\":\"alice\",\"message\":\"sword\",\"answer\":\"sword\"}],\"temperature\":0.5,\"conversation\":1}","written":[[1,2]],"answered":[],"evidence":false}',1000000000.0,2);
INSERT INTO "requests" VALUES('request18',7,'chat','{"message":"private","channel_id":-2,"speaker":"alice","history":[],"temperature":0.5,"conversation":0}',1000000000.0,-2);
CREATE INDEX requests_by_age ON requests (created);
CREATE INDEX requests_by_channel ON requests (channel_id) WHERE channel_id IS NOT NULL;
CREATE INDEX exchanges_by_channel ON exchanges (channel_id, number);
CREATE INDEX exchanges_by_age ON exchanges (created);
CREATE INDEX deletions_by_channel ON deletions (channel_id, number);
CREATE INDEX deletions_by_age ON deletions (created);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('deletions',7);
PRAGMA user_version=1;
COMMIT;
