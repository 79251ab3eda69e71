BEGIN TRANSACTION;
CREATE TABLE ledger (
	seq INTEGER NOT NULL, 
	at TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	product TEXT NOT NULL, 
	sprint TEXT NOT NULL, 
	actor TEXT NOT NULL, 
	body TEXT NOT NULL, 
	prev TEXT NOT NULL, 
	hash TEXT NOT NULL, 
	"key" TEXT, as_of TEXT, 
	PRIMARY KEY (seq), 
	CONSTRAINT ledger_key UNIQUE (kind, product, sprint, "key"), 
	UNIQUE (prev), 
	UNIQUE (hash)
);
INSERT INTO "ledger" VALUES(1,'2013-01-15T12:00:00.000000Z','closed','parcels','2026-S01','platform','{"done":false,"files":{"orders":"a1"},"missing":["DQ101"]}','0000000000000000000000000000000000000000000000000000000000000000','fd3ad881433ab885cc9047766869c2fd57547f3cd2bee7c92135f29e40f92d95',NULL,NULL);
INSERT INTO "ledger" VALUES(2,'2013-01-15T12:01:00.000000Z','decision','parcels','2026-S01','platform','{"champion_after":null,"decision":"keep","why":"no candidate § 1"}','fd3ad881433ab885cc9047766869c2fd57547f3cd2bee7c92135f29e40f92d95','385a356f56413b1f0d8b50d1671e6c421025597032158db849b1059892367e44','2026-S01',NULL);
INSERT INTO "ledger" VALUES(3,'2013-01-15T12:02:00.000000Z','waiver','parcels','','a person','{"code":"DQ101","reason":"the provider''s \"holiday\"; \nsee its note","until":"2026-03-01"}','385a356f56413b1f0d8b50d1671e6c421025597032158db849b1059892367e44','ebdb8920828e7dc4eafc2e29e3df4a924b337d9bbd9dc8bc9a0e37c8e3015a3c',NULL,NULL);
INSERT INTO "ledger" VALUES(4,'2013-01-15T12:03:00.000000Z','decision','parcels','2026-S02','platform','{"auc":0.75,"champion_after":"m1","decision":"promote","why":"better"}','ebdb8920828e7dc4eafc2e29e3df4a924b337d9bbd9dc8bc9a0e37c8e3015a3c','dcd079ac166d6bb88570995dff3a895fcdbce1c4ba8af5208bbcf68b3961f04f','2026-S02',NULL);
INSERT INTO "ledger" VALUES(5,'2013-01-15T12:04:00.000000Z','note','','','platform','{}','dcd079ac166d6bb88570995dff3a895fcdbce1c4ba8af5208bbcf68b3961f04f','d6b04ebfc365e9e343003372b3728fc4fad49a3bcf27588da6de6cb760fc6e0d',NULL,NULL);
INSERT INTO "ledger" VALUES(6,'2013-01-15T13:00:00.000000Z','closed','parcels','2026-S02','platform','{"done":true,"files":{"orders":"b1"},"missing":[]}','d6b04ebfc365e9e343003372b3728fc4fad49a3bcf27588da6de6cb760fc6e0d','e60382acc82d2dd684739f14f1369b33a3534176723bf79e4dd75c2dbc952203',NULL,'2012-03-21T13:00:00.000000Z');
INSERT INTO "ledger" VALUES(7,'2013-01-15T13:00:00.000000Z','note','','','a person','{"why":"§ 2"}','e60382acc82d2dd684739f14f1369b33a3534176723bf79e4dd75c2dbc952203','f44d87c4b64d904e6462b7b09a1a225fb016a4ec756c71ed3cb6d69e01d6d738',NULL,'2012-03-21T13:00:00.000000Z');
CREATE TABLE measurements (
	product TEXT NOT NULL, 
	scope_kind TEXT NOT NULL, 
	scope_key TEXT NOT NULL, 
	asset TEXT NOT NULL, 
	data_version TEXT NOT NULL, 
	facts TEXT NOT NULL, 
	at TEXT NOT NULL, 
	CONSTRAINT measurements_place PRIMARY KEY (product, scope_kind, scope_key, asset)
);
INSERT INTO "measurements" VALUES('parcels','sprint','2026-S01','orders','v2','{"late":0.25,"rows":5}','2013-01-15T12:07:00.000000Z');
INSERT INTO "measurements" VALUES('parcels','grant','g-1','orders','v3','{"rows":7}','2013-01-15T13:00:00.000000Z');
CREATE TABLE schema_version (
	version INTEGER NOT NULL, 
	PRIMARY KEY (version)
);
INSERT INTO "schema_version" VALUES(2);
CREATE TABLE sprintline_alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT sprintline_alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "sprintline_alembic_version" VALUES('0002');
CREATE TABLE verdicts (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	product TEXT NOT NULL, 
	scope_key TEXT NOT NULL, 
	code TEXT NOT NULL, 
	asset TEXT NOT NULL, 
	subject TEXT NOT NULL, 
	outcome TEXT NOT NULL, 
	severity TEXT NOT NULL, 
	observed TEXT NOT NULL, 
	threshold TEXT NOT NULL, 
	sentence TEXT NOT NULL, 
	data_version TEXT NOT NULL, 
	at TEXT NOT NULL
, scope_kind TEXT DEFAULT 'sprint' NOT NULL);
INSERT INTO "verdicts" VALUES(1,'parcels','2026-S01','DQ101','orders','','fail','error','{"rows":3}','5','3 rows of 5','v1','2013-01-15T12:05:00.000000Z','sprint');
INSERT INTO "verdicts" VALUES(2,'parcels','2026-S01','DQ102','orders','','pass','error','null','null','said so','v1','2013-01-15T12:05:00.000000Z','sprint');
INSERT INTO "verdicts" VALUES(3,'parcels','2026-S01','DQ101','orders','','pass','error','{"rows":5}','5','5 rows','v2','2013-01-15T12:06:00.000000Z','sprint');
INSERT INTO "verdicts" VALUES(4,'parcels','2026-S02','ML401','orders','JFK','insufficient','error','null','null','said so','v1','2013-01-15T12:06:00.000000Z','sprint');
INSERT INTO "verdicts" VALUES(5,'parcels','g-1','DQ101','orders','','fail','warn','null','1','2 rows § broken','v3','2013-01-15T13:00:00.000000Z','grant');
CREATE INDEX ledger_place ON ledger (product, kind, sprint, seq);
CREATE TRIGGER ledger_no_update BEFORE UPDATE ON ledger
        BEGIN SELECT RAISE(ABORT, 'ledger is append-only: UPDATE refused'); END;
CREATE TRIGGER ledger_no_delete BEFORE DELETE ON ledger
        BEGIN SELECT RAISE(ABORT, 'ledger is append-only: DELETE refused'); END;
CREATE TRIGGER verdicts_no_update BEFORE UPDATE ON verdicts
        BEGIN SELECT RAISE(ABORT, 'verdicts is append-only: UPDATE refused'); END;
CREATE TRIGGER verdicts_no_delete BEFORE DELETE ON verdicts
        BEGIN SELECT RAISE(ABORT, 'verdicts is append-only: DELETE refused'); END;
CREATE TRIGGER ledger_in_order BEFORE INSERT ON ledger
        WHEN NEW.seq IS NOT (SELECT coalesce(max(seq), 0) + 1 FROM ledger)
        BEGIN SELECT RAISE(ABORT, 'ledger is append-only: an event may only follow the last one'); END;
CREATE TRIGGER verdicts_in_order BEFORE INSERT ON verdicts
        WHEN EXISTS (SELECT 1 FROM verdicts WHERE id = NEW.id)
        BEGIN SELECT RAISE(ABORT, 'verdicts is append-only: this id is taken'); END;
CREATE INDEX verdicts_place ON verdicts (product, scope_kind, scope_key, code, asset, subject, id);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('verdicts',5);
COMMIT;
