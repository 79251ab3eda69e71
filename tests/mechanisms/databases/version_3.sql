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
	"key" TEXT, as_of TEXT, signature TEXT, 
	PRIMARY KEY (seq), 
	CONSTRAINT ledger_key UNIQUE (kind, product, sprint, "key"), 
	UNIQUE (prev), 
	UNIQUE (hash)
);
INSERT INTO "ledger" VALUES(1,'2026-11-29T11:03:53.425657Z','closed','flights','2013-S01','test','{"done":false,"files":{},"metrics":null,"missing":[],"needs":[],"rests_on":{"digest":"af7cdcd21c7e8e32e95c872c508cdffbf44b1e6d67e4788105e24aaa01ef179e","measurements":2,"seal":8,"seal_hash":"9e7f335ff2bec6f0563d8aa1fcf4bea407f14cda42269243749d4c59fdfa7b53","verdicts":6},"rules":{},"tables":{},"version":""}','0000000000000000000000000000000000000000000000000000000000000000','97cc71ff5dea9ac565b91a9e41b77d9112605d29a88c6cc07d29b4ab8918ccbb','first','2026-11-29T11:03:53.425657Z',NULL);
INSERT INTO "ledger" VALUES(2,'2026-11-29T11:03:53.547505Z','closed','flights','2013-S02','test','{"done":false,"files":{},"metrics":null,"missing":[],"needs":[],"rests_on":{"digest":"60083a11063c6e57d0ade4db7bd3dc03905a10ccab21829d79e442ffe282cca4","measurements":2,"seal":16,"seal_hash":"9442db41eebcccdabb36974ce68e22675a9eb2c06da2d4e7e23f22b5a009677c","verdicts":6},"rules":{},"tables":{},"version":""}','97cc71ff5dea9ac565b91a9e41b77d9112605d29a88c6cc07d29b4ab8918ccbb','2c065f31b8c216c8198811e3a61cd359eb593df51ff57ae3d8c69d6cee23694e','first','2026-11-29T11:03:53.547505Z',NULL);
INSERT INTO "ledger" VALUES(3,'2026-11-29T11:03:53.678293Z','closed','flights','2013-S03','test','{"done":false,"files":{},"metrics":null,"missing":[],"needs":[],"rests_on":{"digest":"63c62cadd7cb3b7fa28d0b22437e5491714b73d61eaa89671600a819ce0a7bd1","measurements":2,"seal":24,"seal_hash":"bd3688ff675f40997b572e3a65378cbbf404bdc616de60c99266ae2e7ea4b2cb","verdicts":6},"rules":{},"tables":{},"version":""}','2c065f31b8c216c8198811e3a61cd359eb593df51ff57ae3d8c69d6cee23694e','6317c486cd3578be09533e2b4d16b0cd7b5b252b7b6418b31472ad5cba794202','first','2026-11-29T11:03:53.678293Z',NULL);
INSERT INTO "ledger" VALUES(4,'2026-11-29T11:03:53.763136Z','closed','flights','2013-S01','test','{"done":false,"files":{},"metrics":null,"missing":[],"needs":[],"rests_on":{"digest":"913821931358d94908256ba4587dcbb0a4c2c74dceb30955eb4d0fa9ad774d08","measurements":2,"seal":28,"seal_hash":"a62c67ce871c7a3d5c667f7855167e641b43187700d53f0bbb95c944c8ebed40","verdicts":6},"rules":{},"tables":{},"version":""}','6317c486cd3578be09533e2b4d16b0cd7b5b252b7b6418b31472ad5cba794202','76f9d1d255127fc02d5664d7382759c9e13420c25a31ec3673ab9d1f24cb2614','second','2026-11-29T11:03:53.763136Z',NULL);
INSERT INTO "ledger" VALUES(5,'2026-11-29T11:03:53.845612Z','recovered','','','platform','{"item":"0"}','76f9d1d255127fc02d5664d7382759c9e13420c25a31ec3673ab9d1f24cb2614','8f98ca1c64af19ea27268b6eb5bcc9ada2727863b99cbcbf5d9c452bce478b31',NULL,'2026-11-29T11:03:53.845612Z',NULL);
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
INSERT INTO "measurements" VALUES('flights','sprint','2013-S01','departures','v1','{"late":0.25,"rows":10}','2026-11-29T11:03:53.302355Z');
INSERT INTO "measurements" VALUES('flights','sprint','2013-S01','weather','v2','{"late":0.5,"rows":11}','2026-11-29T11:03:53.709778Z');
INSERT INTO "measurements" VALUES('flights','sprint','2013-S02','departures','v1','{"late":0.25,"rows":10}','2026-11-29T11:03:53.442054Z');
INSERT INTO "measurements" VALUES('flights','sprint','2013-S02','weather','v1','{"late":0.25,"rows":10}','2026-11-29T11:03:53.493655Z');
INSERT INTO "measurements" VALUES('flights','sprint','2013-S03','departures','v3','{"late":0.1,"rows":12}','2026-11-29T11:03:53.820880Z');
INSERT INTO "measurements" VALUES('flights','sprint','2013-S03','weather','v1','{"late":0.25,"rows":10}','2026-11-29T11:03:53.621468Z');
CREATE TABLE schema_version (
	version INTEGER NOT NULL, 
	PRIMARY KEY (version)
);
INSERT INTO "schema_version" VALUES(3);
CREATE TABLE seals (
	seq INTEGER NOT NULL, 
	product TEXT NOT NULL, 
	scope_kind TEXT NOT NULL, 
	scope_key TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	"row" TEXT NOT NULL, 
	"of" TEXT NOT NULL, 
	digest TEXT NOT NULL, 
	said TEXT NOT NULL, 
	prev TEXT NOT NULL, 
	hash TEXT NOT NULL, 
	signature TEXT, 
	PRIMARY KEY (seq), 
	UNIQUE (prev), 
	UNIQUE (hash)
);
INSERT INTO "seals" VALUES(1,'flights','sprint','2013-S01','measurement','departures','departures','6dd03db36420bf6c0f2e21492b5ce6fcd2099e4abbb2676294fe6b353b800ebc','written','0000000000000000000000000000000000000000000000000000000000000000','085f15599144360487da48458da2393ea108d82cc670d1b3f5cdf72d8eb43b5d',NULL);
INSERT INTO "seals" VALUES(2,'flights','sprint','2013-S01','verdict','1','DQ101 on departures','17cd0fc05ffbbfa680bd5b95a2e5aa804331ed0bf69ac65d1e28ec84484f8e8b','written','085f15599144360487da48458da2393ea108d82cc670d1b3f5cdf72d8eb43b5d','2fd5e2c37eb676ef05c200b2e12182642de3f3df1c25061c40deb1e15eeb6818',NULL);
INSERT INTO "seals" VALUES(3,'flights','sprint','2013-S01','verdict','2','DQ102 on departures','0966b8bfdaf506acfa538954b03ef5d464192bbac87b3c7782d09c8996dd3173','written','2fd5e2c37eb676ef05c200b2e12182642de3f3df1c25061c40deb1e15eeb6818','66822b5d520836f1dfe9e286bdc64a96df66bf818d67f0eaba48da371a8e0235',NULL);
INSERT INTO "seals" VALUES(4,'flights','sprint','2013-S01','verdict','3','DQ103 on departures','0ab18871b00098d8207cd3afeff478a5b8ca15b02bfd21d8e86850ebef819c0d','written','66822b5d520836f1dfe9e286bdc64a96df66bf818d67f0eaba48da371a8e0235','840cc368f3e4b8ad9671bae361226e07bc2414c32b4d8df24309ef6c060af3ff',NULL);
INSERT INTO "seals" VALUES(5,'flights','sprint','2013-S01','measurement','weather','weather','673a95e4b0f34821f43534d9bdd6f39eb9972d4d4994f029b3a1aad45c647005','written','840cc368f3e4b8ad9671bae361226e07bc2414c32b4d8df24309ef6c060af3ff','c9595c9aa9623fb29aa2e598a99fa473a40a2f5232d1ec2b167be95865777815',NULL);
INSERT INTO "seals" VALUES(6,'flights','sprint','2013-S01','verdict','4','DQ101 on weather','02c1a525b7d35721b2e3f3f6f7de674e6e539c8fd99c84cc0db59b03cf305a4e','written','c9595c9aa9623fb29aa2e598a99fa473a40a2f5232d1ec2b167be95865777815','d6320e91b2037190193c50ecd67eeb95c0060bb05256c7b10624097f32769b63',NULL);
INSERT INTO "seals" VALUES(7,'flights','sprint','2013-S01','verdict','5','DQ102 on weather','aae6222dac1434c73c11343a768f6fa57a68edcdd24e7558ed42a6bb0d9e1f3c','written','d6320e91b2037190193c50ecd67eeb95c0060bb05256c7b10624097f32769b63','7c28a8f88c878478a2bd8b3cfbebfbd7b8e1e93a351c7361bfcd46c2122a8ea8',NULL);
INSERT INTO "seals" VALUES(8,'flights','sprint','2013-S01','verdict','6','DQ103 on weather','13c16b4f8f01f83927712155251511390706c1027a86cfce3afea1a0bde4d858','written','7c28a8f88c878478a2bd8b3cfbebfbd7b8e1e93a351c7361bfcd46c2122a8ea8','9e7f335ff2bec6f0563d8aa1fcf4bea407f14cda42269243749d4c59fdfa7b53',NULL);
INSERT INTO "seals" VALUES(9,'flights','sprint','2013-S02','measurement','departures','departures','dc49a7f4d66b219699a31ba31a394b104532bd8304512c0c8ddee08e3d1c14aa','written','9e7f335ff2bec6f0563d8aa1fcf4bea407f14cda42269243749d4c59fdfa7b53','c2b3d432f36b4af9f7ee3d1c68d27fca0584173a5dc1c318e64acdbefb53490b',NULL);
INSERT INTO "seals" VALUES(10,'flights','sprint','2013-S02','verdict','7','DQ101 on departures','cb29b2b260d0fcd2482695e9a7126bc0d3323f209c5b6e9c09760823ba6dd937','written','c2b3d432f36b4af9f7ee3d1c68d27fca0584173a5dc1c318e64acdbefb53490b','c95579632e7f7b00a7dbcdd563d6b50fbbf2e9506e670a74df539f8478203567',NULL);
INSERT INTO "seals" VALUES(11,'flights','sprint','2013-S02','verdict','8','DQ102 on departures','065a358127748f7b9c499077b9b21cfa7aa487e2049ed392402b75deff7238ad','written','c95579632e7f7b00a7dbcdd563d6b50fbbf2e9506e670a74df539f8478203567','4ae364923f319eb372c265cc0e35c2baae1b7c1522792b800e0326bab175e3b9',NULL);
INSERT INTO "seals" VALUES(12,'flights','sprint','2013-S02','verdict','9','DQ103 on departures','9e8a2afd101cda1270e278dd64aec0d439de26be26decbb7a5f5531d5ff61cb6','written','4ae364923f319eb372c265cc0e35c2baae1b7c1522792b800e0326bab175e3b9','42290da6f1ba33c9f4cf7b1caed7676a737d1c094009530a4d1db354cafd4921',NULL);
INSERT INTO "seals" VALUES(13,'flights','sprint','2013-S02','measurement','weather','weather','ed96e43d0bbd19d0c579636139414709b9ed3df9ddb453d2f39600b4fa29033e','written','42290da6f1ba33c9f4cf7b1caed7676a737d1c094009530a4d1db354cafd4921','7aa2f6768545082edfa7948c46f790a107f9886f46c262d8fe11d1c2a16481be',NULL);
INSERT INTO "seals" VALUES(14,'flights','sprint','2013-S02','verdict','10','DQ101 on weather','1f9bfb14f1601f43316eda9c3a984e394acfaae9e4e57820ee67e9ff819dc458','written','7aa2f6768545082edfa7948c46f790a107f9886f46c262d8fe11d1c2a16481be','708d6444721db18d24b7e783a70656b9e10490428d7bc6a2afa51133cb99764f',NULL);
INSERT INTO "seals" VALUES(15,'flights','sprint','2013-S02','verdict','11','DQ102 on weather','e62e81802cb533b1b34338811a6d3aeff182b2cabf95e6e4690b3248071053d1','written','708d6444721db18d24b7e783a70656b9e10490428d7bc6a2afa51133cb99764f','df6f8cf58b19ef086da64aaeccbe438bfcf73d92b4e54f8e140e5413f3c65d1b',NULL);
INSERT INTO "seals" VALUES(16,'flights','sprint','2013-S02','verdict','12','DQ103 on weather','542f090884baee46ae7cbeda53a1a7cb1fc9f0e6ec6b7536aa1a261048779de7','written','df6f8cf58b19ef086da64aaeccbe438bfcf73d92b4e54f8e140e5413f3c65d1b','9442db41eebcccdabb36974ce68e22675a9eb2c06da2d4e7e23f22b5a009677c',NULL);
INSERT INTO "seals" VALUES(17,'flights','sprint','2013-S03','measurement','departures','departures','6590bea78e0a406caefc01f431dba657815244df7a18279034bf3a29aaec5b3e','written','9442db41eebcccdabb36974ce68e22675a9eb2c06da2d4e7e23f22b5a009677c','3d27e748e0237bb54b24edb41478e1c08362360cd450c297b086627931f78867',NULL);
INSERT INTO "seals" VALUES(18,'flights','sprint','2013-S03','verdict','13','DQ101 on departures','c069ac41cff6e043fdf950989744f268d2f9d0e12c9b10a665ab4819accf21d2','written','3d27e748e0237bb54b24edb41478e1c08362360cd450c297b086627931f78867','a01a7efc85823c2d5c73d67232a4c6636455bcbfe0f6c4b4e38f3e18be7dc4b6',NULL);
INSERT INTO "seals" VALUES(19,'flights','sprint','2013-S03','verdict','14','DQ102 on departures','b54ae5b45bbfc199d5e0351e31f3189c27bb05ddb08c80bcc102ea4215eebeb6','written','a01a7efc85823c2d5c73d67232a4c6636455bcbfe0f6c4b4e38f3e18be7dc4b6','8f51cb119fa11598e56c9af4830f64c7bd8925312677428200499e9c48e7d10b',NULL);
INSERT INTO "seals" VALUES(20,'flights','sprint','2013-S03','verdict','15','DQ103 on departures','4edb2144e0c4a470c48d3c6dd58c83964c367ee545f7860650abb1837705356a','written','8f51cb119fa11598e56c9af4830f64c7bd8925312677428200499e9c48e7d10b','ea44a808128f2e03f018165e678c98042dd2b2e6dfdcedc6a807d34441a10b59',NULL);
INSERT INTO "seals" VALUES(21,'flights','sprint','2013-S03','measurement','weather','weather','310d05f5467141e1aeded8c224b34187eee18787496d4d041e570e864ba77928','written','ea44a808128f2e03f018165e678c98042dd2b2e6dfdcedc6a807d34441a10b59','7e9fb90d0786367aec97ea816468eff1699c55d395bfa31753534deadfd1fc7d',NULL);
INSERT INTO "seals" VALUES(22,'flights','sprint','2013-S03','verdict','16','DQ101 on weather','f684ae13d84ef9d29d5e4eb66aab16d4d88afe6d6a052df9f1b0c3d3ace5f949','written','7e9fb90d0786367aec97ea816468eff1699c55d395bfa31753534deadfd1fc7d','493734e8294987a646a8e4b38b7106a0c569d9e9801d495f34e7a4ef724792ff',NULL);
INSERT INTO "seals" VALUES(23,'flights','sprint','2013-S03','verdict','17','DQ102 on weather','78c9a2c7a25a80ff8fa450680b002b9d178523b47adc82f1a01c9862db505486','written','493734e8294987a646a8e4b38b7106a0c569d9e9801d495f34e7a4ef724792ff','891d650613272d4960b576fcde975e62f5dae7680e131f8bf53535d737cf0534',NULL);
INSERT INTO "seals" VALUES(24,'flights','sprint','2013-S03','verdict','18','DQ103 on weather','142d43d9963ad5538412795f45cdac6628fc3b8b4199767161d45330bb16e05d','written','891d650613272d4960b576fcde975e62f5dae7680e131f8bf53535d737cf0534','bd3688ff675f40997b572e3a65378cbbf404bdc616de60c99266ae2e7ea4b2cb',NULL);
INSERT INTO "seals" VALUES(25,'flights','sprint','2013-S01','measurement','weather','weather','15823ba7523471abc53e83ca956c5a1c139756d2b358cc7a1494c0249f0d84b6','written','bd3688ff675f40997b572e3a65378cbbf404bdc616de60c99266ae2e7ea4b2cb','a19e8d070fec16735137345b88db97eeebaf4777b1878876798ce61b8fb57e31',NULL);
INSERT INTO "seals" VALUES(26,'flights','sprint','2013-S01','verdict','19','DQ101 on weather','293a133c7d4544bd8082a076d3b035f203232368220e13bd9a41904055c3adc7','written','a19e8d070fec16735137345b88db97eeebaf4777b1878876798ce61b8fb57e31','034da672fc973589413c3f2edf1bf3f6f0f143fe6bdffd4785073799b45a55a4',NULL);
INSERT INTO "seals" VALUES(27,'flights','sprint','2013-S01','verdict','20','DQ102 on weather','b6fa95cdaad7794f00521798b4ab78534d730324ddef9e80fc7cc7a5696348e9','written','034da672fc973589413c3f2edf1bf3f6f0f143fe6bdffd4785073799b45a55a4','32a512e8095d5abf8c0ae2ad6aa5b222ac4f8c8b9b1768afe4e23af6545d5c17',NULL);
INSERT INTO "seals" VALUES(28,'flights','sprint','2013-S01','verdict','21','DQ103 on weather','afacb389d445e8e3ad21b886037107f170fa9398b99ca9b2a93a47e6a57b517d','written','32a512e8095d5abf8c0ae2ad6aa5b222ac4f8c8b9b1768afe4e23af6545d5c17','a62c67ce871c7a3d5c667f7855167e641b43187700d53f0bbb95c944c8ebed40',NULL);
INSERT INTO "seals" VALUES(29,'flights','sprint','2013-S03','verdict','22','DQ101 on weather','15bc844441e891fb6eb3491ca21d27f45c1477fcfa2f9315a3baaa623d804214','written','a62c67ce871c7a3d5c667f7855167e641b43187700d53f0bbb95c944c8ebed40','d7c5f93155addf7f596fb0324d3b86ea01abfae0ecd10104c7332f0c653a0530',NULL);
INSERT INTO "seals" VALUES(30,'flights','sprint','2013-S03','measurement','departures','departures','8bd61c5d2fcb3e93860c3525a0d4875c7d87638d19d2669f5667910b1a1fb386','written','d7c5f93155addf7f596fb0324d3b86ea01abfae0ecd10104c7332f0c653a0530','c330cb78e22f82766ae983094b7714d9c97c0cf4d736cf0b363beb03c879b938',NULL);
CREATE TABLE sprintline_alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT sprintline_alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "sprintline_alembic_version" VALUES('0003');
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
INSERT INTO "verdicts" VALUES(1,'flights','2013-S01','DQ101','departures','','pass','error','null','null','DQ101 says pass of v1','v1','2026-11-29T11:03:53.324388Z','sprint');
INSERT INTO "verdicts" VALUES(2,'flights','2013-S01','DQ102','departures','','pass','error','null','null','DQ102 says pass of v1','v1','2026-11-29T11:03:53.324388Z','sprint');
INSERT INTO "verdicts" VALUES(3,'flights','2013-S01','DQ103','departures','','pass','error','null','null','DQ103 says pass of v1','v1','2026-11-29T11:03:53.324388Z','sprint');
INSERT INTO "verdicts" VALUES(4,'flights','2013-S01','DQ101','weather','','pass','error','null','null','DQ101 says pass of v1','v1','2026-11-29T11:03:53.376397Z','sprint');
INSERT INTO "verdicts" VALUES(5,'flights','2013-S01','DQ102','weather','','pass','error','null','null','DQ102 says pass of v1','v1','2026-11-29T11:03:53.376397Z','sprint');
INSERT INTO "verdicts" VALUES(6,'flights','2013-S01','DQ103','weather','','pass','error','null','null','DQ103 says pass of v1','v1','2026-11-29T11:03:53.376397Z','sprint');
INSERT INTO "verdicts" VALUES(7,'flights','2013-S02','DQ101','departures','','fail','error','null','null','DQ101 says fail of v1','v1','2026-11-29T11:03:53.468479Z','sprint');
INSERT INTO "verdicts" VALUES(8,'flights','2013-S02','DQ102','departures','','fail','error','null','null','DQ102 says fail of v1','v1','2026-11-29T11:03:53.468479Z','sprint');
INSERT INTO "verdicts" VALUES(9,'flights','2013-S02','DQ103','departures','','fail','error','null','null','DQ103 says fail of v1','v1','2026-11-29T11:03:53.468479Z','sprint');
INSERT INTO "verdicts" VALUES(10,'flights','2013-S02','DQ101','weather','','fail','error','null','null','DQ101 says fail of v1','v1','2026-11-29T11:03:53.516481Z','sprint');
INSERT INTO "verdicts" VALUES(11,'flights','2013-S02','DQ102','weather','','fail','error','null','null','DQ102 says fail of v1','v1','2026-11-29T11:03:53.516481Z','sprint');
INSERT INTO "verdicts" VALUES(12,'flights','2013-S02','DQ103','weather','','fail','error','null','null','DQ103 says fail of v1','v1','2026-11-29T11:03:53.516481Z','sprint');
INSERT INTO "verdicts" VALUES(13,'flights','2013-S03','DQ101','departures','','pass','error','null','null','DQ101 says pass of v1','v1','2026-11-29T11:03:53.592392Z','sprint');
INSERT INTO "verdicts" VALUES(14,'flights','2013-S03','DQ102','departures','','pass','error','null','null','DQ102 says pass of v1','v1','2026-11-29T11:03:53.592392Z','sprint');
INSERT INTO "verdicts" VALUES(15,'flights','2013-S03','DQ103','departures','','pass','error','null','null','DQ103 says pass of v1','v1','2026-11-29T11:03:53.592392Z','sprint');
INSERT INTO "verdicts" VALUES(16,'flights','2013-S03','DQ101','weather','','pass','error','null','null','DQ101 says pass of v1','v1','2026-11-29T11:03:53.638717Z','sprint');
INSERT INTO "verdicts" VALUES(17,'flights','2013-S03','DQ102','weather','','pass','error','null','null','DQ102 says pass of v1','v1','2026-11-29T11:03:53.638717Z','sprint');
INSERT INTO "verdicts" VALUES(18,'flights','2013-S03','DQ103','weather','','pass','error','null','null','DQ103 says pass of v1','v1','2026-11-29T11:03:53.638717Z','sprint');
INSERT INTO "verdicts" VALUES(19,'flights','2013-S01','DQ101','weather','','pass','error','null','null','DQ101 says pass of v2','v2','2026-11-29T11:03:53.736435Z','sprint');
INSERT INTO "verdicts" VALUES(20,'flights','2013-S01','DQ102','weather','','pass','error','null','null','DQ102 says pass of v2','v2','2026-11-29T11:03:53.736435Z','sprint');
INSERT INTO "verdicts" VALUES(21,'flights','2013-S01','DQ103','weather','','pass','error','null','null','DQ103 says pass of v2','v2','2026-11-29T11:03:53.736435Z','sprint');
INSERT INTO "verdicts" VALUES(22,'flights','2013-S03','DQ101','weather','','fail','error','null','null','DQ101 says fail of v3','v3','2026-11-29T11:03:53.792423Z','sprint');
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
CREATE INDEX seals_place ON seals (product, scope_kind, scope_key, kind, "of", seq);
CREATE TRIGGER seals_no_update BEFORE UPDATE ON seals
        BEGIN SELECT RAISE(ABORT, 'seals is append-only: UPDATE refused'); END;
CREATE TRIGGER seals_no_delete BEFORE DELETE ON seals
        BEGIN SELECT RAISE(ABORT, 'seals is append-only: DELETE refused'); END;
CREATE TRIGGER seals_in_order BEFORE INSERT ON seals
        WHEN NEW.seq IS NOT (SELECT coalesce(max(seq), 0) + 1 FROM seals)
        BEGIN SELECT RAISE(ABORT, 'seals is append-only: a seal may only follow the last one'); END;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('verdicts',22);
COMMIT;
