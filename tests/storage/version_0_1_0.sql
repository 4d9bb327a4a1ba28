BEGIN TRANSACTION;
CREATE TABLE deletions (
    number INTEGER PRIMARY KEY AUTOINCREMENT,  -- never used again
    place INTEGER NOT NULL,
    created REAL NOT NULL
);
INSERT INTO "deletions" VALUES(1,1,1000000000.0);
CREATE TABLE exchanges (
    number INTEGER PRIMARY KEY,
    place INTEGER NOT NULL,   -- the channel, by Discord's id, or a person (see ChatRequest)
    person INTEGER NOT NULL,  -- who has spoken, by Discord's id
    speaker TEXT NOT NULL,    -- their name
    message TEXT NOT NULL,
    answer TEXT NOT NULL,
    created REAL NOT NULL     -- in seconds since 1970
);
INSERT INTO "exchanges" VALUES(2,2,7,'alice','sword','sword',1000000000.0);
INSERT INTO "exchanges" VALUES(3,-2,7,'alice','private','private',1000000000.0);
CREATE TABLE requests (
    id TEXT PRIMARY KEY,
    person INTEGER NOT NULL,  -- whose request it is, by Discord's id
    kind TEXT NOT NULL,       -- the task's name
    content TEXT NOT NULL,    -- the request's fields, in JSON
    created REAL NOT NULL     -- in seconds since 1970
) WITHOUT ROWID;
INSERT INTO "requests" VALUES('request0',7,'sentiment','{"text":"I love to hate this course; \"ça va\" 😀"}',1000000000.0);
INSERT INTO "requests" VALUES('request1',7,'fill','{"text":"The capital of ___ is <mask>.","top_k":2}',1000000000.0);
INSERT INTO "requests" VALUES('request10',7,'attention','{"text":"a","task":"translate","view":{"part":"cross","layer":2,"heads":"one","head":3},"second":"b","target":"de","source":"fr"}',1000000000.0);
INSERT INTO "requests" VALUES('request11',7,'complete','{"code":"def a():\n\treturn ''```''","language":"py","max_new_tokens":7,"temperature":0.0,"tail":[]}',1000000000.0);
INSERT INTO "requests" VALUES('request12',7,'chat','{"message":"Why?","place":4611686018427387904,"speaker":"alice","history":[{"speaker":"bob","message":"Hi","answer":"Ho"},{"speaker":"alice","message":"😀","answer":""}],"temperature":1.5,"conversation":0}',1000000000.0);
INSERT INTO "requests" VALUES('request13',7,'tokenize','{"texts":["apples are sour.","  \t😀"],"task":"fill"}',1000000000.0);
INSERT INTO "requests" VALUES('request14',7,'work','{"task":"zeroshot","content":"{\"text\":\"A ''film''\",\"labels\":[\"sports\",\"politics\"],\"multi_label\":true}","written":[],"answered":[],"evidence":false}',1000000000.0);
INSERT INTO "requests" VALUES('request15',7,'work','{"task":"generate","content":"{\"prompt\":\"Once\",\"max_new_tokens\":60,\"num_return_sequences\":1,\"temperature\":0.8,\"top_p\":0.95,\"seed\":null,\"tail\":[]}","written":[[1,2,3],[4]],"answered":[],"evidence":false}',1000000000.0);
INSERT INTO "requests" VALUES('request16',7,'chat','{"message":"swordfish","place":2,"speaker":"alice","history":[{"speaker":"alice","message":"sword","answer":"sword"}],"temperature":0.5,"conversation":0}',1000000000.0);
INSERT INTO "requests" VALUES('request17',7,'work','{"task":"chat","content":"{\"message\":\"swordfish\",\"place\":2,\"speaker\":\"alice\",\"history\":[{\"speaker\":\"alice\",\"message\":\"sword\",\"answer\":\"sword\"}],\"temperature\":0.5,\"conversation\":0}","written":[[1,2]],"answered":[],"evidence":false}',1000000000.0);
INSERT INTO "requests" VALUES('request18',7,'chat','{"message":"private","place":-2,"speaker":"alice","history":[],"temperature":0.5,"conversation":0}',1000000000.0);
INSERT INTO "requests" VALUES('request19',7,'chat','{"message":"sword that cannot be read","place":2,"speaker":"alice","history":[],"temperature":0.5,"conversation":0}}',1000000000.0);
INSERT INTO "requests" VALUES('request2',7,'generate','{"prompt":"Once","max_new_tokens":12,"num_return_sequences":2,"temperature":1.5,"top_p":0.9,"seed":2147483647,"tail":[]}',1000000000.0);
INSERT INTO "requests" VALUES('request3',7,'generate','{"prompt":"Once","max_new_tokens":60,"num_return_sequences":1,"temperature":0.8,"top_p":0.95,"seed":null,"tail":[]}',1000000000.0);
INSERT INTO "requests" VALUES('request4',7,'translate','{"text":"apples","target":"de","source":"fr"}',1000000000.0);
INSERT INTO "requests" VALUES('request5',7,'zeroshot','{"text":"A film","labels":["sports","politics"],"multi_label":true}',1000000000.0);
INSERT INTO "requests" VALUES('request6',7,'entities','{"text":"Anna sings in Oslo. 😀"}',1000000000.0);
INSERT INTO "requests" VALUES('request7',7,'similarity','{"texts":["A cat sleeps.","It rains.","漢字"],"ranked":false}',1000000000.0);
INSERT INTO "requests" VALUES('request8',7,'answer','{"question":"Why?","context":"Because it''s \"so\".\nYes"}',1000000000.0);
INSERT INTO "requests" VALUES('request9',7,'summarize','{"text":"alice: Hi\nbob: Ho","length":"short","messages":2,"file":"a.txt"}',1000000000.0);
CREATE INDEX requests_by_age ON requests (created);
CREATE INDEX exchanges_by_place ON exchanges (place, number);
CREATE INDEX exchanges_by_age ON exchanges (created);
CREATE INDEX deletions_by_place ON deletions (place, number);
CREATE INDEX deletions_by_age ON deletions (created);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('deletions',1);
COMMIT;
