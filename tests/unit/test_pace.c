// SPDX-License-Identifier: BSD-2-Clause
/*
 * PACE: the worked examples of ICAO 9303-11, appendices G (generic mapping), H (integrated mapping)
 * and I (chip authentication mapping), over ECDH and DH, byte for byte; and cards that break the
 * protocol.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <openssl/bn.h>
#include "eid/kdf.h"
#include "eid/pace.h"
#include "eid/secret.h"
#include "hex.h"

static const struct cr_secret mrz = { .type = CR_SECRET_MRZ, .document_number = "T22000129",
				      .date_of_birth = "640812", .date_of_expiry = "101031" };

struct example {
	const char *name;
	struct cr_secret secret;
	enum cr_mapping mapping;
	bool ecdh;
	int domain;
	const char *nonce;		/* s; where z is NULL, the test encrypts it under the secret above */
	const char *draws[2];		/* what the terminal draws at random, in this order */
	const char *commands[5], *answers[5];
	const char *k_enc, *k_mac;
};

/* RFC 5114, 2.1: the order of the subgroup. */
#define MODP_Q	"F518AA8781A8DF278ABA4E7D64B7CB9D49462353"

struct draws {
	const char *const *keys;
	int drawn;
};

/* A private key that is longer than the order is as good as what is left of it modulo that. */
static int fixed(void *arg, uint8_t *out, size_t len)
{
	struct draws *d = arg;
	const char *key;
	BIGNUM *k = NULL, *q = NULL;
	BN_CTX *ctx;

	if (d->drawn > 1 || !d->keys[d->drawn])
		return CR_E_INTERNAL;
	key = d->keys[d->drawn++];
	if (strlen(key) == 2 * len) {
		hex(out, key);
		return 0;
	}
	ctx = BN_CTX_new();
	assert_int_not_equal(BN_hex2bn(&k, key), 0);
	assert_int_not_equal(BN_hex2bn(&q, MODP_Q), 0);
	assert_int_equal(len, BN_num_bytes(q));
	assert_int_equal(BN_nnmod(k, k, q, ctx), 1);
	assert_int_equal(BN_bn2binpad(k, out, (int)len), len);
	BN_free(k);
	BN_free(q);
	BN_CTX_free(ctx);
	return 0;
}

#define MAP_IFD	"047ACF3EFC982EC45565A4B155129EFBC74650DCBFA6362D896FC70262E0C2CC5E" \
		"544552DCB6725218799115B55C9BAA6D9F6BC3A9618E70C25AF71777A9C4922D"
#define MAP_IC	"04824FBA91C9CBE26BEF53A0EBE7342A3BF178CEA9F45DE0B70AA601651FBA3F57" \
		"30D8C879AAA9C9F73991E61B58F4D52EB87A0A0C709A49DC63719363CCD13C54"
#define DH_IFD	"042DB7A64C0355044EC9DF190514C625CBA2CEA48754887122F3A5EF0D5EDD301C" \
		"3556F3B3B186DF10B857B58F6A7EB80F20BA5DC7BE1D43D9BF850149FBB36462"
#define DH_IC	"049E880F842905B8B3181F7AF7CAA9F0EFB743847F44A306D2D28C1D9EC65DF6DB" \
		"7764B22277A2EDDC3C265A9F018F9CB852E111B768B326904B59A0193776F094"

/* Appendix I */
#define CAM_MAP_IC	"04A234236AA9B9621E8EFB73B5245C0E09D2576E5277183C1208BDD55280CAE8B3" \
			"04F365713A356E65A451E165ECC9AC0AC46E3771342C8FE5AEDD092685338E23"
#define CAM_ECAD	"1EEA964DAAE372AC990E3EFDE6333353BFC89A6704D93DA8798CF77F5B7A54BD" \
			"10CBA372B42BE0B9B5F28AA8DE2F4F92"
#define CAM_CA_IC	"85DC3FA93D0952BFA82F5FD189EE75BD82F11D1F0B8ED4BF5319AC9B53C426B3"
#define CAM_STATIC_KEY	"041872709494399E7470A6431BE25E83EEE24FEA568C2ED28DB48E05DB3A610DC8" \
			"84D256A40E35EFCB59BF6753D3A489D28C7A4D973C2DA138A6E7A4A08F68E16F"

static const struct example examples[] = {
	{ .name = "G.1, generic mapping, ECDH", .mapping = CR_GM, .ecdh = true, .domain = 13,
	  .nonce = "3F00C4D39D153F2B2A214A078D899B22",
	  .draws = { "7F4EF07B9EA82FD78AD689B38D0BC78CF21F249D953BC46F4C6E19259C010F99",
		     "A73FB703AC1436A18E0CFA5ABB3F7BEC7A070E7A6788486BEE230C4A22762595" },
	  .commands = { "0022C1A40F800A04007F00070202040202830101", "10860000027C0000",
			"10860000457C438141" MAP_IFD "00", "10860000457C438341" DH_IFD "00",
			"008600000C7C0A8508C2B0BD78D94BA86600" },
	  .answers = { "", "7C12801095A3A016522EE98D01E76CB6B98B42C3", "7C438241" MAP_IC, "7C438441" DH_IC,
		       "7C0A86083ABB9674BCE93C08" },
	  .k_enc = "F5F0E35C0D7161EE6724EE513A0D9A7F", .k_mac = "FE251C7858B356B24514B3BD5F4297D1" },

	{ .name = "G.2, generic mapping, DH", .mapping = CR_GM, .domain = 0,
	  .nonce = "FA5B7E3E49753A0DB9178B7B9BD898C8",
	  .draws = { "5265030F751F4AD18B08AC565FC7AC952E41618D", "89CCD99B0E8D3B1F11E1296DCA68EC53411CF2CA" },
	  .commands = { "0022C1A40F800A04007F00070202040102830101", "10860000027C0000",
			"10860000867C8183818180"
			"23FB3749EA030D2A25B278D2A562047ADE3F01B74F17A15402CB7352CA7D2B3EB71C343DB13D1DEBCE9A3666DBCFC9"
			"20B49174A602CB47965CAA73DC702489A44D41DB914DE9613DC5E98C94160551C0DF86274B9359BC0490D01B03AD5402"
			"2DCB4F57FAD6322497D7A1E28D46710F461AFE710FBBBC5F8BA166F4311975EC6C00",
			"10860000867C8183838180"
			"907D89E2D425A178AA81AF4A7774EC8E388C115CAE67031E85EECE520BD911551B9AE4D04369F29A02626C86FBC674"
			"7CC7BC352645B6161A2A42D44EDA80A08FA8D61B76D3A154AD8A5A51786B0BC07147057871A922212C5F67F431731722"
			"36B7747D1671E6D692A3C7D40A0C3C5CE397545D015C175EB5130551EDBC2EE5D400",
			"008600000C7C0A8508B46DD9BD4D98381F00" },
	  .answers = { "", "7C128010854D8DF5827FA6852D1A4FA701CDDDCA",
		       "7C818382818078879F57225AA8080D52ED0FC890A4B25336F699AA89A2D3A189654AF70729E623EA5738B26381E4DA19"
		       "E004706FACE7B235C2DBF2F38748312F3C98C2DD4882A41947B324AA1259AC22579DB93F7085655AF30889DBB845D9E6"
		       "783FE42C9F2449400306254C8AE8EE9DD812A804C0B66E8CAFC14F84D8258950A91B44126EE6",
		       "7C8183848180075693D9AE941877573E634B6E644F8E60AF17A0076B8B123D9201074D36152BD8B3A213F53820C42ADC"
		       "79AB5D0AEEC3AEFB91394DA476BD97B9B14D0A65C1FC71A0E019CB08AF55E1F729005FBA7E3FA5DC41899238A250767A"
		       "6D46DB974064386CD456743585F8E5D90CC8B4004B1F6D866C79CE0584E49687FF61BC29AEA1",
		       "7C0A8608917F37B5C0E6D8D1" },
	  .k_enc = "2F7F46ADCC9E7E521B45D192FAFA9126", .k_mac = "805A1D27D45A5116F73C54469462B7D8" },

	/* the secret that these two were made with is not told: only its key, 591468CD... */
	{ .name = "H.1, integrated mapping, ECDH", .mapping = CR_IM, .ecdh = true, .domain = 13,
	  .nonce = "2923BE84E16CD6AE529049F1F1BBE9EB",
	  .draws = { "5DD4CBFC96F5453B130D890A1CDBAE32",
		     "A73FB703AC1436A18E0CFA5ABB3F7BEC7A070E7A6788486BEE230C4A22762595" },
	  .commands = { "0022C1A40F800A04007F00070202040402830101", "10860000027C0000",
			"10860000147C1281105DD4CBFC96F5453B130D890A1CDBAE3200",
			"10860000457C4383410489CBA23FFE96AA18D824627C3E934E54A9FD0B87A95D1471DC1C0ABFDCD640D4"
			"6755DE9B7B778280B6BEBD57439ADFEB0E21FD4ED6DF42578C13418A59B34C3700",
			"008600000C7C0A8508450F02B86F6A090900" },
	  .answers = { "", NULL, "7C028200",
		       "7C4384410467F78E5F7F7686082B293E8D087E056916D0F74BC01A5F8957D0DE45691E51E8"
		       "932B69A962B52A0985AD2C0A271EE6A13A8ADDDCD1A3A994B9DED257F4D22753",
		       "7C0A860875D4D96E8D5B0308" },
	  .k_enc = "0D3FEB33251A6370893D62AE8DAAF51B", .k_mac = "B01E89E3D9E8719E586B50B4A7506E0B" },

	{ .name = "H.2, integrated mapping, DH", .mapping = CR_IM, .domain = 0,
	  .nonce = "FA5B7E3E49753A0DB9178B7B9BD898C8",
	  .draws = { "B3A6DB3C870C3E99245E0D1C06B747DE",
		     "4BD0E54740F9A028E6A515BFDAF967848C4F5F5FFF65AA0915947FFD1A0DF2FA6981271BC905F3551457B7E03AC3B806"
		     "6DE4AA406C1171FB43DD939C4BA16175103BA3DEE16419AA248118F90CC36A3D6F4C373652E0C3CCE7F0F1D0C5425B36"
		     "00F0F0D6A67F004C8BBA33F2B4733C7252445C1DFC4F1107203F71D2EFB28161" },
	  .commands = { "0022C1A40F800A04007F00070202040302830101", "10860000027C0000",
			"10860000147C128110B3A6DB3C870C3E99245E0D1C06B747DE00",
			"10860000867C8183838180"
			"0F0CC62945A8029251FB7EF3C094E12EC68E4EF07F27CB9D9CD04C5C4250FAE0E4F8A951557E929AEB48E5C6DD47F2"
			"F5CD7C351A9BD2CD722C07EDE166770F08FFCB370262CF308DD7B07F2E0DA9CAAA1492344C852906919538C98A4BA418"
			"7E76CE9D87832386D319CE2E043C3343AEAE6EDBA1A9894DC5094D22F7FE1351D500",
			"008600000C7C0A850855D61977CBF5307E00" },
	  .answers = { "", NULL, "7C028200",
		       "7C8183848180928D9A0F9DBA450F13FC859C6F290D1D36E42431138A4378500BEB4E0401854CFF111F71CB6DC1D03358"
		       "07A11388CC8EAA87B07907AAD9FBA6B169AF6D8C26AF8DDDC39ADC3AD2E3FF882B84D23E9768E95A80E4746FB07A9767"
		       "679FE92133B4D379935C771BD7FBED6C7BB4B1708B275EA75679524CDC9C6A91370CC662A2F3",
		       "7C0A8608C2F04230187E1525" },
	  .k_enc = "01AFC10CF87BE36D8179E87370171F07", .k_mac = "23F0FBD05FD6C7B8B88F4C8309669061" },

	{ .name = "I, chip authentication mapping", .mapping = CR_CAM, .ecdh = true, .domain = 13,
	  .secret = { .type = CR_SECRET_MRZ, .document_number = "C11T002JM", .date_of_birth = "960812",
		      .date_of_expiry = "231031" },
	  .nonce = "658B860BC94DF6F044FCE6D5C82CF8E5",
	  .draws = { "5D8BB87BD74D985A4B7D4325B9F7B976FE835122773400798914AA22738135CC",
		     "76ECFDAA9841C323A3F5FC5E88B88DB3EFF7E35EBF57A7E6946CB630006C2120" },
	  .commands = { "0022C1A40F800A04007F00070202040602830101", "10860000027C0000",
			"10860000457C438141047F1D410ADB7DDB3B84BF1030800981A9105D7457B4A3ADE002384F3086C67EDE"
			"1AB889104A27DB6D842B019020FBF3CEACB0DC627F7BDCAC29969E19D0E553C100",
			"10860000457C43834104446C934084D9DAB863944F219520076C29EE3F7AE6722B11FF319EC1C7728F95"
			"5483400BFF60BF0C5929270009277DC2A515E12575010AD9BA916CF1BF86FEFC00",
			"008600000C7C0A8508E86BD06018A1CD3B00" },
	  .answers = { "", "7C128010CB60E8E0D85B76A9BD304747C2AD42E2", "7C438241" CAM_MAP_IC,
		       "7C4384410402AD566F3C6EC7F9324509AD50A51FA52030782A4968FCFEDF737DAEA9933331"
		       "11C3B9B4C2287789BD137E7F8AA882E2A3C633CCD6ECC2C63C57AD401A09C2E1",
		       "7C3C86088596CF055C67C1A38A30" CAM_ECAD },
	  .k_enc = "0A9DA4DB03BDDE39FC5202BC44B2E89E", .k_mac = "4B1C06491ED5140CA2B537D344C6C0B1" },
};
#define N_EXAMPLES	(sizeof(examples) / sizeof(*examples))
enum { G1, G2, H1, H2, I };	/* of them */

static const struct cr_secret *secret_of(const struct example *e)
{
	return e->secret.type ? &e->secret : &mrz;
}

static struct cr_pace_info info_of(const struct example *e)
{
	static const uint8_t arcs[][2] = { [CR_GM] = { 1, 2 }, [CR_IM] = { 3, 4 }, [CR_CAM] = { 0, 6 } };
	struct cr_pace_info info = {
		.protocol = { .oid = { 0x04, 0x00, 0x7f, 0x00, 0x07, 0x02, 0x02, 0x04, 0, 0x02 },
			      .ecdh = e->ecdh, .cipher = CR_AES128 },
		.mapping = e->mapping, .version = 2, .parameter_id = e->domain, .usable = true,
	};

	info.protocol.oid[8] = arcs[e->mapping][e->ecdh];
	assert_true(cr_domain_by_id(e->domain, &info.domain));
	return info;
}

static void key_of(const struct cr_secret *secret, uint8_t k_pi[CR_KEY_MAX])
{
	uint8_t pi[CR_PACE_SECRET_MAX];
	size_t n;

	assert_int_equal(cr_secret_pace(secret, pi, &n), 0);
	assert_int_equal(cr_kdf(CR_AES128, CR_KDF_PI, pi, n, k_pi), 0);
}

static size_t answer_of(const struct example *e, int i, uint8_t *out)
{
	uint8_t k_pi[CR_KEY_MAX], s[16];

	if (e->answers[i])
		return hex(out, e->answers[i]);
	hex(out, "7C128010");
	hex(s, e->nonce);
	key_of(secret_of(e), k_pi);
	assert_int_equal(cr_cbc_encrypt(CR_AES128, k_pi, NULL, s, 16, out + 4), 0);
	return 20;
}

/* Runs to where answer number `to` is due; gives the command. */
static struct cr_pace *run_to(const struct example *e, int to, const struct cr_rng *rng, struct cr_capdu *cmd)
{
	const struct cr_pace_info info = info_of(e);
	struct cr_pace *p;
	uint8_t rsp[300];
	size_t len = 0;

	assert_int_equal(cr_pace_new(&info, false, secret_of(e), rng, &p), 0);
	for (int i = 0; i <= to; i++) {
		assert_int_equal(cr_pace_step(p, rsp, len, 0x9000, cmd), 1);
		len = answer_of(e, i, rsp);
	}
	return p;
}

static void the_examples_of_appendices_g_h_and_i(void **state)
{
	for (size_t k = 0; k < N_EXAMPLES; k++) {
		const struct example *e = &examples[k];
		const struct cr_pace_info info = info_of(e);
		struct draws draws = { e->draws, 0 };
		const struct cr_rng rng = { fixed, &draws };
		uint8_t buf[300], rsp[300];
		struct cr_capdu cmd;
		struct cr_pace *p;
		struct cr_sm sm;
		size_t len = 0;

		assert_int_equal(cr_pace_new(&info, false, secret_of(e), &rng, &p), 0);
		for (int i = 0; i < 5; i++) {
			assert_int_equal(cr_pace_step(p, rsp, len, 0x9000, &cmd), 1);
			len = sizeof(buf);
			assert_int_equal(cr_capdu_build(&cmd, buf, &len), 0);
			assert_hex(buf, len, e->commands[i]);
			assert_int_equal(cr_pace_session(p, &sm), CR_E_INVALID);
			len = answer_of(e, i, rsp);
		}
		assert_int_equal(cr_pace_step(p, rsp, len, 0x9000, &cmd), 0);
		assert_int_equal(cr_pace_session(p, &sm), 0);
		assert_hex(sm.k_enc, 16, e->k_enc);
		assert_hex(sm.k_mac, 16, e->k_mac);
		assert_hex(sm.ssc, 16, "00000000000000000000000000000000");
		cr_pace_free(p);
	}
}

static void the_nonces_of_the_examples_come_out_of_their_keys(void **state)
{
	static const struct { const char *key, *z; int example; } rows[] = {
		{ "89DED1B26624EC1E634C1989302849DD", "95A3A016522EE98D01E76CB6B98B42C3", G1 },
		{ "89DED1B26624EC1E634C1989302849DD", "854D8DF5827FA6852D1A4FA701CDDDCA", G2 },
		{ "591468CDA83D65219CCCB8560233600F", "143DC40C08C8E891FBED7DEDB92B64AD", H1 },
		{ "591468CDA83D65219CCCB8560233600F", "9ABB8864CA0FF1551E620D1EF4E13510", H2 },
		{ NULL, "CB60E8E0D85B76A9BD304747C2AD42E2", I },
	};
	uint8_t key[CR_KEY_MAX], s[16];

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (rows[i].key)
			hex(key, rows[i].key);
		else
			key_of(secret_of(&examples[rows[i].example]), key);
		hex(s, rows[i].z);
		assert_int_equal(cr_cbc_decrypt(CR_AES128, key, NULL, s, 16, s), 0);
		assert_hex(s, 16, examples[rows[i].example].nonce);
	}
	key_of(&mrz, key);
	assert_hex(key, 16, rows[0].key);
}

/* One number again and again; 1 shows the generator as the public key. */
static int number(void *arg, uint8_t *out, size_t len)
{
	uint8_t n[64];
	size_t have = hex(n, arg);

	memset(out, 0, len);
	if (have > len)
		return CR_E_INTERNAL;
	memcpy(out + len - have, n, have);
	return 0;
}

static void assert_public(struct cr_group *g, const char *key, const char *want)
{
	const struct cr_rng rng = { number, (void *)key };
	uint8_t element[CR_ELEMENT_MAX];
	size_t len;

	assert_int_equal(cr_group_generate(g, &rng), 0);
	assert_int_equal(cr_group_public(g, element, &len), 0);
	assert_hex(element, len, want);
}

/* H: R(s, t), and the generators that it makes, shown as public keys of the private key 1. */
static void the_values_between_of_appendix_h(void **state)
{
	static const struct { int example; const char *t, *r, *generator; } rows[] = {
		{ H1, "5DD4CBFC96F5453B130D890A1CDBAE32",
		  "E4447E2DFB3586BAC05DDB00156B57FBB2179A3949294C97254189800C517BAA8DA0FF397ED8C445D3E421E4FEB57322",
		  "048E82D31559ED0FDE92A4D0498ADD3C23BABA94FB77691E31E90AEA77FB17D427"
		  "4C1AE14BD0C3DBAC0C871B7F3608169364437CA30AC243A089D3F266C1E60FAD" },
		{ H2, "B3A6DB3C870C3E99245E0D1C06B747DE",
		  "EAB98D13E09052952AA729907C3C946184DEA0FE74AD2B3AF506F0A83018459C38099CD1F7FF4EA0A078DB1FAC136550"
		  "5E3DC85500EF95E20B4EEF2E88489233BEE0546B472F994B618D168702406791DEEF3CB4810932EC278F3533FDB860EB"
		  "4835C36FA4F1BF3FA0B828A718C96BDE88FBA38A3E6C35AAA10959251EB5FC710FC187258995944C0F926E249373F485",
		  "1D7D767F11E333BCD6DBAEF40E799E7A926B96973550656FF3C830726D118D61C276CDCC61D475CF03A98E0C0E79CAEB"
		  "A5BE25578BD4551D0B10903236F0B0F976852FA78EEA14EA0ACA87D1E91F688FE0DFF897BBE35A472621D343564B262F"
		  "34223AE8FC59B664BFEDFA2BFE7516CA5510A6BBB633D517EC25D4E0BBAA16C2" },
	};

	for (int i = 0; i < 2; i++) {
		const struct cr_pace_info info = info_of(&examples[rows[i].example]);
		uint8_t s[16], t[16], r[CR_PACE_RANDOM_MAX];
		struct cr_group *g;
		size_t n;

		hex(s, examples[rows[i].example].nonce);
		hex(t, rows[i].t);
		assert_int_equal(cr_group_new(&info.domain, &g), 0);
		assert_int_equal(cr_pace_random(CR_AES128, s, 16, t, cr_group_bits(g), r, &n), 0);
		assert_hex(r, n, rows[i].r);
		assert_int_equal(cr_group_map_integrated(g, r, n), 0);
		assert_public(g, "01", rows[i].generator);
		cr_group_free(g);
	}
	assert_int_equal(cr_pace_random(CR_AES256, NULL, 16, NULL, 256, NULL, NULL), CR_E_INVALID);
}

#define SHARED	"28768D20701247DAE81804C9E780EDE582A9996DB4A315020B2733197DB84925"

/* What the appendix lists between the commands, from the side of the terminal and of the chip. */
static void the_values_between_of_appendix_g(void **state)
{
	static const struct {
		const char *map_key, *map, *peer_map, *key, *public, *peer;
	} sides[] = {
		{ "7F4EF07B9EA82FD78AD689B38D0BC78CF21F249D953BC46F4C6E19259C010F99", MAP_IFD, MAP_IC,
		  "A73FB703AC1436A18E0CFA5ABB3F7BEC7A070E7A6788486BEE230C4A22762595", DH_IFD, DH_IC },
		{ "498FF49756F2DC1587840041839A85982BE7761D14715FB091EFA7BCE9058560", MAP_IC, MAP_IFD,
		  "107CF58696EF6155053340FD633392BA81909DF7B9706F226F32086C7AFF974A", DH_IC, DH_IFD },
	};
	static const uint8_t zero[16];
	uint8_t k_pi[CR_KEY_MAX], s[32], peer[CR_ELEMENT_MAX], z[CR_FIELD_MAX], token[CR_MAC_LEN], pi[32];
	struct cr_domain domain;
	struct cr_group *e;
	struct cr_sm sm;
	size_t n, z_len;

	const struct cr_pace_info info = info_of(&examples[G1]);

	assert_true(cr_domain_by_id(13, &domain));
	assert_int_equal(cr_secret_pace(&mrz, pi, &n), 0);
	assert_hex(pi, n, "7E2D2A41C74EA0B38CD36F863939BFA8E9032AAD");
	assert_int_equal(cr_kdf(CR_AES128, CR_KDF_PI, pi, n, k_pi), 0);
	assert_hex(k_pi, 16, "89DED1B26624EC1E634C1989302849DD");
	hex(s, "95A3A016522EE98D01E76CB6B98B42C3");
	assert_int_equal(cr_cbc_decrypt(CR_AES128, k_pi, NULL, s, 16, s), 0);
	assert_hex(s, 16, "3F00C4D39D153F2B2A214A078D899B22");
	for (int i = 0; i < 2; i++) {
		assert_int_equal(cr_group_new(&domain, &e), 0);
		assert_public(e, sides[i].map_key, sides[i].map);
		n = hex(peer, sides[i].peer_map);
		/* with nothing for the nonce, the mapped generator is H */
		assert_int_equal(cr_group_map_generic(e, zero, 16, peer, n), 0);
		assert_public(e, "01",
			      "0460332EF2450B5D247EF6D3868397D398852ED6E8CAF6FFEEF6BF85CA57057FD5"
			      "0840CA7415BAF3E43BD414D35AA4608B93A2CAF3A4E3EA4E82C9C13D03EB7181");
		cr_group_free(e);
		assert_int_equal(cr_group_new(&domain, &e), 0);
		assert_public(e, sides[i].map_key, sides[i].map);
		assert_int_equal(cr_group_map_generic(e, s, 16, peer, n), 0);
		assert_public(e, "01",
			      "048CED63C91426D4F0EB1435E7CB1D74A46723A0AF21C89634F65A9AE87A9265E2"
			      "8C879506743F8611AC33645C5B985C80B5F09A0B83407C1B6A4D857AE76FE522");
		assert_public(e, sides[i].key, sides[i].public);
		n = hex(peer, sides[i].peer);
		assert_int_equal(cr_group_agree(e, peer, n, z, &z_len), 0);
		assert_hex(z, z_len, SHARED);
		cr_group_free(e);
	}
	assert_int_equal(cr_sm_derive(&sm, CR_AES128, z, z_len), 0);
	assert_hex(sm.k_enc, 16, "F5F0E35C0D7161EE6724EE513A0D9A7F");
	assert_hex(sm.k_mac, 16, "FE251C7858B356B24514B3BD5F4297D1");
	n = hex(peer, DH_IC);
	assert_int_equal(cr_pace_token(&info.protocol, sm.k_mac, peer, n, token), 0);
	assert_hex(token, 8, "C2B0BD78D94BA866");
	n = hex(peer, DH_IFD);
	assert_int_equal(cr_pace_token(&info.protocol, sm.k_mac, peer, n, token), 0);
	assert_hex(token, 8, "3ABB9674BCE93C08");
}

#define TR_PCD	"04518BC4E532AD2A9BD6527804D5D665ABD51041037A0CC8AA922804EB501C222B34273885" \
		"99AFAAE9FBACE2DF93E13C3C4979CD12F0AE3E3C0126028391554582"
#define TR_PICC	"04282CF38073036AFAC216AF135BD994DA0C357F10BD4C34AFEA1042B2EB0FD6804DF3658B" \
		"835AC2E7133F13691184542BB50B109963A4662ABDC08B9763AF4B5B"

/*
 * BSI, Worked Example for Extended Access Control, 3 (ECDH) and the agreement of its chip
 * authentication, as OpenPACE's tests print them.
 */
static void the_example_of_tr_03110(void **state)
{
	const struct cr_secret can = { .type = CR_SECRET_CAN, .can = "123456" };
	const struct cr_pace_info info = info_of(&examples[G1]);
	uint8_t key[CR_KEY_MAX], s[16], peer[CR_ELEMENT_MAX], z[CR_FIELD_MAX], token[CR_MAC_LEN];
	struct cr_group *g;
	struct cr_sm sm;
	size_t n, z_len;

	key_of(&can, key);
	hex(s, "CE834CDE69FFBB1D1EB21585CD709F18");
	assert_int_equal(cr_cbc_decrypt(CR_AES128, key, NULL, s, 16, s), 0);
	assert_hex(s, 16, "7D98C00FC6C9E9543BBF94A87073A123");
	assert_int_equal(cr_group_new(&info.domain, &g), 0);
	assert_public(g, "752287F5B02DE3C4BC3E17945118C51B23C97278E4CD748048AC56BA5BDC3D46",
		      "043DD29BBE5907FD21A152ADA4895FAAE7ACC55F5E50EFBFDE5AB0C6EB54F198D6"
		      "15913635F0FDF5BEB383E00355F82D3C41ED0DF2E28363433DFB73856A15DC9F");
	n = hex(peer, "049CFCF7582AC986D0DD52FA53123414C3E1B96B4D00ABA8E574679B70EFB5BC3B"
		      "45D2F13729CC2AE178E7E241B443213533B77DBB44649A815DDC4A2384BA422A");
	assert_int_equal(cr_group_map_generic(g, s, 16, peer, n), 0);
	assert_public(g, "01", "043929D28BA1E5339D6C5DADE5E33BD3C2F0BD14DD77C7521532261659C918FA60"
			       "14DD48FA84E62BDE438EDB4C9771D042CDB24B7788BDBAB2031C45751E777F66");
	assert_public(g, "9D9A32DF93A57CCE33CA3CDD3457E33A976F293546C73550F397259C93BE0120", TR_PCD);
	n = hex(peer, TR_PICC);
	assert_int_equal(cr_group_agree(g, peer, n, z, &z_len), 0);
	assert_hex(z, z_len, "6E7D077CCD367C2EAA683F1E8EC534302E2D00B6ADAF8A87A6EDA78740F17606");
	assert_int_equal(cr_sm_derive(&sm, CR_AES128, z, z_len), 0);
	assert_hex(sm.k_enc, 16, "68406B4162100563D9C901A6154D2901");
	assert_hex(sm.k_mac, 16, "73FF268784F72AF833FDC9464049AFC9");
	assert_int_equal(cr_pace_token(&info.protocol, sm.k_mac, peer, n, token), 0);
	assert_hex(token, 8, "A27AE7B36573C1D9");
	n = hex(peer, TR_PCD);
	assert_int_equal(cr_pace_token(&info.protocol, sm.k_mac, peer, n, token), 0);
	assert_hex(token, 8, "A2658C2F38600B0F");
	cr_group_free(g);

	assert_int_equal(cr_group_new(&info.domain, &g), 0);
	assert_public(g, "A6A4D255C5BF7A77EC3D0553DB74F693CF044E18C98364D4977A296108AF19BD",
		      "045A7A377FC9CAFC03AC7FF45441A8B2909D88EAB8E6B0173847AB49B949DF3799"
		      "A34EE57EC55268CF8B1C3EC489F8BF4CF4C68D3FD9670E89C0D5D3FFF1AAF89F");
	n = hex(peer, "04A44EBE5451DF7AADB01E459B8C928A87746A57927C8C28A6775C97A7E1FE8D9A"
		      "46FF4A1CC7E4D1389AEA19758E4F75C28C598FD734AEBEB135337CF95BE12E94");
	assert_int_equal(cr_group_agree(g, peer, n, z, &z_len), 0);
	assert_hex(z, z_len, "791DA04273CCFE862E52DF60347E2557192E1F8D7517822CE3D306056C1CDEB4");
	cr_group_free(g);
}

/* I: the chip's data decrypted, and that they fit the key which EF.CardSecurity has, and no other. */
static void the_chip_of_appendix_i_proves_itself(void **state)
{
	struct draws draws = { examples[I].draws, 0 };
	const struct cr_rng rng = { fixed, &draws };
	uint8_t key[CR_ELEMENT_MAX], rsp[300];
	struct cr_capdu cmd;
	struct cr_pace *p = run_to(&examples[I], 4, &rng, &cmd);
	struct cr_cam cam;
	size_t len = answer_of(&examples[I], 4, rsp), n;

	cr_pace_cam(p, &cam);
	assert_int_equal(cam.data_len, 0);
	n = hex(key, CAM_STATIC_KEY);
	assert_int_equal(cr_cam_verify(&cam, key, n), CR_E_CRYPTO);
	assert_int_equal(cr_pace_step(p, rsp, len, 0x9000, &cmd), 0);
	cr_pace_cam(p, &cam);
	assert_hex(cam.data, cam.data_len, CAM_CA_IC);
	assert_hex(cam.mapping_key, cam.mapping_key_len, CAM_MAP_IC);
	assert_int_equal(cr_cam_verify(&cam, key, n), 0);
	n = hex(key, MAP_IC);			/* somebody else's */
	assert_int_equal(cr_cam_verify(&cam, key, n), CR_E_CRYPTO);
	n = hex(key, CAM_STATIC_KEY);
	key[64] ^= 1;				/* no point */
	assert_int_equal(cr_cam_verify(&cam, key, n), CR_E_CRYPTO);
	key[64] ^= 1;
	for (unsigned int bit = 0; bit < 8 * cam.data_len; bit += 5) {
		cam.data[bit / 8] ^= 1 << bit % 8;
		assert_int_equal(cr_cam_verify(&cam, key, n), CR_E_CRYPTO);
		cam.data[bit / 8] ^= 1 << bit % 8;
	}
	cr_pace_free(p);
}

static void the_password_and_ambiguous_parameters_are_named(void **state)
{
	static const struct { struct cr_secret secret; const char *command; } rows[] = {
		{ { .type = CR_SECRET_CAN, .can = "123456" }, "0022C1A412800A04007F0007020204020283010284010D" },
		{ { .type = CR_SECRET_PIN, .pin = "123456" }, "0022C1A412800A04007F0007020204020283010384010D" },
		{ { .type = CR_SECRET_PUK, .pin = "1234567890" }, "0022C1A412800A04007F0007020204020283010484010D" },
	};
	const struct cr_pace_info info = info_of(&examples[G1]);

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct cr_capdu cmd;
		struct cr_pace *p;
		uint8_t buf[64];
		size_t len = sizeof(buf);

		assert_int_equal(cr_pace_new(&info, true, &rows[i].secret, NULL, &p), 0);
		assert_int_equal(cr_pace_step(p, NULL, 0, 0, &cmd), 1);
		assert_int_equal(cr_capdu_build(&cmd, buf, &len), 0);
		assert_hex(buf, len, rows[i].command);
		cr_pace_free(p);
	}
}

/* What step answers to this at that place of the run. */
static int outcome_of(const struct example *e, int at, const char *answer, uint16_t sw)
{
	struct draws draws = { e->draws, 0 };
	const struct cr_rng rng = { fixed, &draws };
	struct cr_capdu cmd;
	struct cr_sm sm;
	struct cr_pace *p = run_to(e, at, &rng, &cmd);
	uint8_t rsp[300];
	size_t len = hex(rsp, answer);
	int r;

	r = cr_pace_step(p, rsp, len, sw, &cmd);
	if (r < 0) {
		assert_int_equal(cr_pace_step(p, rsp, len, sw, &cmd), CR_E_INTERNAL);
		assert_int_equal(cr_pace_session(p, &sm), CR_E_INVALID);
	}
	cr_pace_free(p);
	return r;
}

static int outcome(int at, const char *answer, uint16_t sw)
{
	return outcome_of(&examples[G1], at, answer, sw);
}

static void a_wrong_password_is_told_from_a_broken_protocol(void **state)
{
	assert_int_equal(outcome(4, "", 0x6300), CR_E_ACCESS_REFUSED);
	assert_int_equal(outcome(4, "", 0x63c1), CR_E_ACCESS_REFUSED);
	assert_int_equal(outcome(4, "", 0x6982), CR_E_ACCESS_REFUSED);
	assert_int_equal(outcome(4, "", 0x6a80), CR_E_CARD_STATUS);
	assert_int_equal(outcome(0, "", 0x63c1), 1);		/* a warning that tries are few */
	assert_int_equal(outcome(0, "", 0x6300), CR_E_CARD_STATUS);	/* tells of no tries: an error */
	assert_int_equal(outcome(0, "", 0x6a80), CR_E_CARD_STATUS);
	for (int at = 1; at < 4; at++) {
		assert_int_equal(outcome(at, examples[G1].answers[at], 0x9000), 1);
		assert_int_equal(outcome(at, "", 0x6300), CR_E_CARD_STATUS);
		assert_int_equal(outcome(at, "", 0x9000), CR_E_CARD_PROTOCOL);
		assert_int_equal(outcome(at, "7C00", 0x9000), CR_E_CARD_PROTOCOL);
		assert_int_equal(outcome(at, examples[G1].answers[at == 1 ? 2 : 1], 0x9000), CR_E_CARD_PROTOCOL);
	}
	assert_int_equal(outcome(1, "7C028000", 0x9000), CR_E_CARD_PROTOCOL);
	assert_int_equal(outcome(1, "7C11800F95A3A016522EE98D01E76CB6B98B42", 0x9000),
			 CR_E_CARD_PROTOCOL);
}

static void points_that_are_none_are_refused(void **state)
{
	static const char *const bad[] = {
		"00",			/* at infinity */
		/* off the curve */
		"04824FBA91C9CBE26BEF53A0EBE7342A3BF178CEA9F45DE0B70AA601651FBA3F57"
		"30D8C879AAA9C9F73991E61B58F4D52EB87A0A0C709A49DC63719363CCD13C55",
		/* compressed */
		"02824FBA91C9CBE26BEF53A0EBE7342A3BF178CEA9F45DE0B70AA601651FBA3F57",
	};
	char answer[300];

	for (int at = 2; at < 4; at++) {
		for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
			size_t n = strlen(bad[i]) / 2;

			snprintf(answer, sizeof(answer), "7C%02zX%02X%02zX%s", n + 2,
				 at == 2 ? 0x82 : 0x84, n, bad[i]);
			assert_int_equal(outcome(at, answer, 0x9000), CR_E_CRYPTO);
		}
	}
}

/*
 * The card maps s * G + H to infinity only if it knows s and our mapping key's logarithm; but it
 * can send our own ephemeral key back, and make the two sides agree with itself.
 */
static void our_own_public_key_is_not_taken_back(void **state)
{
	assert_int_equal(outcome(3, "7C438441" DH_IFD, 0x9000), CR_E_CARD_PROTOCOL);
}

static void every_bit_of_the_cards_token_counts(void **state)
{
	char answer[32];

	for (int bit = 0; bit < 64; bit++) {
		unsigned long long token = 0x3abb9674bce93c08ULL ^ 1ULL << bit;

		snprintf(answer, sizeof(answer), "7C0A8608%016llX", token);
		assert_int_equal(outcome(4, answer, 0x9000), CR_E_CARD_PROTOCOL);
	}
	assert_int_equal(outcome(4, "7C0986073ABB9674BCE93C", 0x9000), CR_E_CARD_PROTOCOL);
	assert_int_equal(outcome(4, "7C0A8508C2B0BD78D94BA866", 0x9000),
			 CR_E_CARD_PROTOCOL); /* ours, reflected */
	/* 4.4.5: 8A MUST NOT be there with a mapping that proves no chip */
	assert_int_equal(outcome(4, "7C1C86083ABB9674BCE93C08" "8A1000112233445566778899AABBCCDDEEFF", 0x9000),
			 CR_E_CARD_PROTOCOL);
}

/* TR-03110-3, B.1: what MSE:Set AT and the token say of a PIN's tries. */
static void a_suspended_and_a_blocked_pin_are_told_apart(void **state)
{
	static const struct { enum cr_secret_type type; bool resumed; int at; uint16_t sw; int want; } rows[] = {
		{ CR_SECRET_PIN, false, 0, 0x9000, 1 },
		{ CR_SECRET_PIN, false, 0, 0x63c2, 1 },		/* wrong once before */
		{ CR_SECRET_PIN, false, 0, 0x63c1, CR_E_PIN_SUSPENDED },
		{ CR_SECRET_PIN, true, 0, 0x63c1, 1 },
		{ CR_SECRET_PIN, true, 0, 0x63c0, CR_E_PIN_BLOCKED },
		{ CR_SECRET_PIN, false, 0, 0x63c0, CR_E_PIN_BLOCKED },
		{ CR_SECRET_PIN, false, 0, 0x6983, CR_E_PIN_BLOCKED },
		{ CR_SECRET_PIN, false, 0, 0x6a88, CR_E_CARD_STATUS },	/* the card has no PIN */
		{ CR_SECRET_PUK, false, 0, 0x63c1, 1 },
		{ CR_SECRET_PUK, false, 0, 0x63c0, CR_E_PIN_BLOCKED },
		{ CR_SECRET_CAN, false, 0, 0x63c1, 1 },		/* never blocked: a warning */
		{ CR_SECRET_CAN, false, 0, 0x63c0, 1 },
		{ CR_SECRET_PIN, false, 4, 0x63c2, CR_E_ACCESS_REFUSED },
		{ CR_SECRET_PIN, false, 4, 0x63c1, CR_E_ACCESS_REFUSED },
		{ CR_SECRET_PIN, true, 4, 0x63c0, CR_E_PIN_BLOCKED },
		{ CR_SECRET_PIN, true, 4, 0x6983, CR_E_PIN_BLOCKED },
		{ CR_SECRET_PUK, false, 4, 0x6983, CR_E_PIN_BLOCKED },
		{ CR_SECRET_CAN, false, 4, 0x6983, CR_E_ACCESS_REFUSED },
	};
	const struct cr_pace_info info = info_of(&examples[G1]);

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct cr_secret secret = { .type = rows[i].type, .can = "123456", .pin = "123456" };
		struct draws draws = { examples[G1].draws, 0 };
		const struct cr_rng rng = { fixed, &draws };
		struct cr_capdu cmd;
		struct cr_pace *p;
		uint8_t rsp[300];
		size_t len = 0;
		int r = 0;

		assert_int_equal(cr_pace_new(&info, false, &secret, &rng, &p), 0);
		if (rows[i].resumed)
			cr_pace_resume(p);
		for (int k = 0; k <= rows[i].at; k++) {
			assert_int_equal(cr_pace_step(p, rsp, len, 0x9000, &cmd), 1);
			len = answer_of(&examples[G1], k, rsp);
		}
		r = cr_pace_step(p, rsp, 0, rows[i].sw, &cmd);
		if (r != rows[i].want)
			fail_msg("%zu: %d, not %d", i, r, rows[i].want);
		cr_pace_free(p);
	}
}

/* What the other mappings and groups have that can be wrong. */
static void every_mapping_refuses_what_breaks_it(void **state)
{
	char answer[400], byte[3];

	/* integrated mapping: the chip has nothing to say, or says nothing; its nonce is as long as the key */
	assert_int_equal(outcome_of(&examples[H1], 2, "7C028200", 0x9000), 1);
	assert_int_equal(outcome_of(&examples[H1], 2, "7C00", 0x9000), 1);
	assert_int_equal(outcome_of(&examples[H1], 2, "", 0x9000), CR_E_CARD_PROTOCOL);
	assert_int_equal(outcome_of(&examples[H1], 2, "7C03820100", 0x9000), CR_E_CARD_PROTOCOL);
	assert_int_equal(outcome_of(&examples[H2], 2, "7C43824104", 0x9000), CR_E_CARD_PROTOCOL);
	assert_int_equal(outcome_of(&examples[G1], 2, "7C028200", 0x9000), CR_E_CRYPTO);
	/* numbers: 0, 1, p - 1, out of the subgroup, longer than the field */
	for (int at = 2; at < 4; at++) {
		const char *tag = at == 2 ? "82" : "84";
		static const char *const numbers[] = {
			"00", "01", "02", "",
			"B10B8F96A080E01DDE92DE5EAE5D54EC52C99FBCFB06A3C69A6A9DCA52D23B616073E28675A23D189838EF1E2EE652C0"
			"13ECB4AEA906112324975C3CD49B83BFACCBDD7D90C4BD7098488E9C219A73724EFFD6FAE5644738FAA31A4FF55BCCC0"
			"A151AF5F0DC8B4BD45BF37DF365C1A65E68CFDA76D4DA708DF1FB2BC2E4A4370",
		};

		for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
			size_t n = strlen(numbers[i]) / 2, wide = n > 127;

			snprintf(answer, sizeof(answer), "7C%s%02zX%s%s%02zX%s", wide ? "81" : "", n + 2 + wide, tag,
				 wide ? "81" : "", n, numbers[i]);
			assert_int_equal(outcome_of(&examples[G2], at, answer, 0x9000), CR_E_CRYPTO);
		}
		snprintf(answer, sizeof(answer), "7C8184%s8181", tag);
		for (int i = 0; i < 129; i++)
			strcat(answer, "11");
		assert_int_equal(outcome_of(&examples[G2], at, answer, 0x9000), CR_E_CRYPTO);
	}
	/* a number with a zero before it is the same number, and goes into the token without it */
	snprintf(answer, sizeof(answer), "7C81848481%s", "8100075693D9AE941877573E634B6E644F8E60AF17A0076B8B123D9201074D36"
		 "152BD8B3A213F53820C42ADC79AB5D0AEEC3AEFB91394DA476BD97B9B14D0A65C1FC71A0E019CB08AF55E1F729005FBA7E3FA5DC"
		 "41899238A250767A6D46DB974064386CD456743585F8E5D90CC8B4004B1F6D866C79CE0584E49687FF61BC29AEA1");
	assert_int_equal(outcome_of(&examples[G2], 3, answer, 0x9000), CR_E_CRYPTO);	/* 129 bytes: longer than p */
	/* chip authentication mapping: the data are there, whole blocks, padded */
	assert_int_equal(outcome_of(&examples[I], 4, examples[I].answers[4], 0x9000), 0);
	assert_int_equal(outcome_of(&examples[I], 4, "7C0A86088596CF055C67C1A3", 0x9000), CR_E_CARD_PROTOCOL);
	assert_int_equal(outcome_of(&examples[I], 4, "7C0C86088596CF055C67C1A38A00", 0x9000), CR_E_CARD_PROTOCOL);
	assert_int_equal(outcome_of(&examples[I], 4, "7C0D86088596CF055C67C1A38A0111", 0x9000), CR_E_CARD_PROTOCOL);
	assert_int_equal(outcome_of(&examples[I], 4, "7C1C86088596CF055C67C1A38A1000112233445566778899AABBCCDDEEFF",
				    0x9000), CR_E_CARD_PROTOCOL);
	/* a bit of the last block spoils the padding; the token still has to be right */
	for (int bit = 0; bit < 8; bit++) {
		snprintf(answer, sizeof(answer), "%s", examples[I].answers[4]);
		snprintf(byte, sizeof(byte), "%02X", 0x85 ^ 1 << bit);
		memcpy(answer + 8, byte, 2);
		assert_int_equal(outcome_of(&examples[I], 4, answer, 0x9000), CR_E_CARD_PROTOCOL);
		snprintf(answer, sizeof(answer), "%s", examples[I].answers[4]);
		snprintf(byte, sizeof(byte), "%02X", 0x92 ^ 1 << bit);
		memcpy(answer + strlen(answer) - 2, byte, 2);
		assert_int_equal(outcome_of(&examples[I], 4, answer, 0x9000), CR_E_CARD_PROTOCOL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_examples_of_appendices_g_h_and_i),
		cmocka_unit_test(the_nonces_of_the_examples_come_out_of_their_keys),
		cmocka_unit_test(the_values_between_of_appendix_g),
		cmocka_unit_test(the_values_between_of_appendix_h),
		cmocka_unit_test(the_example_of_tr_03110),
		cmocka_unit_test(the_chip_of_appendix_i_proves_itself),
		cmocka_unit_test(the_password_and_ambiguous_parameters_are_named),
		cmocka_unit_test(a_wrong_password_is_told_from_a_broken_protocol),
		cmocka_unit_test(a_suspended_and_a_blocked_pin_are_told_apart),
		cmocka_unit_test(points_that_are_none_are_refused),
		cmocka_unit_test(our_own_public_key_is_not_taken_back),
		cmocka_unit_test(every_bit_of_the_cards_token_counts),
		cmocka_unit_test(every_mapping_refuses_what_breaks_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
