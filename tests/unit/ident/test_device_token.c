#include "ident/device_token.h"

#include <string.h>

#include "base/enc.h"
#include "fleet_house.h"

#define SEC INT64_C(1000000000)
#define DAY (86400 * SEC)

static struct api_key_text unused;

static const struct device *by(struct house *house, const struct device_token *token,
                               int64_t now_ns)
{
    return device_token_find(house->ident, str_from(token->text), now_ns);
}

/* What a device with this key in its fuses answers. */
static void sign(const struct house *house, const struct device *device,
                 const struct device_challenge *challenge, char ret_hmac[DEVICE_PROOF_LEN + 1])
{
    char key_text[DEVICE_PROOF_LEN + 1];
    struct digest key;
    struct buf out = { ret_hmac, 0, DEVICE_PROOF_LEN, DEVICE_PROOF_LEN };
    device_proof_key(house->ident, device, key_text);
    CHECK(enc_hex_read(str_from(key_text), key.bytes, DIGEST_BYTES));
    struct digest mac = digest_hmac_sha256(digest_str(&key), str_from(challenge->text));
    CHECK_EQ(enc_hex(&out, mac.bytes, DIGEST_BYTES), ERR_OK);
    ret_hmac[DEVICE_PROOF_LEN] = '\0';
}

static enum err prove(struct house *house, const struct fleet *fleet, const char *serial,
                      const struct device_challenge *challenge, const char *hmac, int64_t now_ns)
{
    const struct device *device = NULL;
    const struct device_proof proof = { str_from(serial), str_from(challenge->text),
                                        str_from(hmac) };
    enum err err = device_prove(house->ident, fleet, &proof, now_ns, &device, NULL);
    CHECK((err == ERR_OK) == (device != NULL));
    return err;
}

TEST(a_given_token_is_its_devices_for_a_month_and_over_a_restart)
{
    struct house house = house_build();
    struct device_token token;
    const struct fleet *fleet = fleet_new(&house, &unused);
    const struct device *device = device_new(&house, fleet, "KT-0001", &unused);
    (void)device_new(&house, fleet, "KT-0002", &unused);
    device_token_make(house.ident, device, NOW, &token);
    CHECK(device_token_is(str_from(token.text)));
    CHECK_EQ(strlen(token.text), DEVICE_TOKEN_LEN);
    CHECK(by(&house, &token, NOW) == device);
    fleet = fleet_again(&house);
    device = device_find(house.ident, fleet, STR("KT-0001"));
    CHECK(by(&house, &token, NOW + DEVICE_TOKEN_DAYS * DAY - SEC) == device);
    CHECK(by(&house, &token, NOW + DEVICE_TOKEN_DAYS * DAY) == NULL);
    house_raze(&house);
}

TEST(a_token_that_anybody_has_changed_is_nobodys)
{
    struct house house = house_build();
    struct device_token token;
    const struct fleet *fleet = fleet_new(&house, &unused);
    const struct device *device = device_new(&house, fleet, "KT-0001", &unused);
    device_token_make(house.ident, device, NOW, &token);
    for (size_t i = 0; i < DEVICE_TOKEN_LEN; i++) {
        struct device_token bad = token;
        bad.text[i] = bad.text[i] == '0' ? '1' : '0';
        CHECK(by(&house, &bad, NOW) == NULL);
        CHECK(device_token_find(house.ident, str_slice(str_from(token.text), 0, i), NOW) == NULL);
    }
    CHECK(device_token_find(house.ident, STR("st-ep-"), NOW) == NULL);
    house_raze(&house);
}

TEST(a_rotation_ends_the_tokens_of_before)
{
    struct house house = house_build();
    struct device_token old;
    struct device_token new;
    const struct fleet *fleet = fleet_new(&house, &unused);
    const struct device *device = device_new(&house, fleet, "KT-0001", &unused);
    device_token_make(house.ident, device, NOW + 1, &old);
    struct device_order order = order_of(fleet, "KT-0001");
    order.rotate = true;
    CHECK_EQ(issue_one(&house, fleet, &order, NOW + 4, NULL), ERR_OK);
    device_token_make(house.ident, device, NOW + 6, &new);
    for (int round = 0; round < 2; round++) {
        CHECK(by(&house, &old, NOW + 8) == NULL);
        CHECK(by(&house, &new, NOW + 8) == device_find(house.ident, fleet, STR("KT-0001")));
        fleet = fleet_again(&house);
    }
    house_raze(&house);
}

TEST(a_proof_makes_its_token_good_and_ends_all_others)
{
    struct house house = house_build();
    struct device_challenge first;
    struct device_challenge second;
    struct device_token given;
    char hmac[DEVICE_PROOF_LEN + 1];
    char later[DEVICE_PROOF_LEN + 1];
    const struct fleet *fleet = fleet_new(&house, &unused);
    const struct device *device = device_new(&house, fleet, "KT-0001", &unused);
    device_token_make(house.ident, device, NOW - SEC, &given);
    device_challenge(house.ident, fleet, STR("KT-0001"), NOW, &first);
    CHECK(by(&house, &first.token, NOW) == NULL);
    CHECK(!device_proved_lately(device, NOW));
    sign(&house, device, &first, hmac);
    for (int i = 0; i < 2; i++) { /* it asks again until its maker has activated it */
        CHECK_EQ(prove(&house, fleet, "KT-0001", &first, hmac, NOW + SEC), ERR_OK);
        CHECK(by(&house, &first.token, NOW + 400 * DAY) == device);
        CHECK(by(&house, &given, NOW + SEC) == NULL);
    }
    CHECK(device_proved_lately(device, NOW + SEC));
    CHECK(!device_proved_lately(device, NOW + DEVICE_PROVED_NS));
    device_challenge(house.ident, fleet, STR("KT-0001"), NOW + DEVICE_PROOFS_NS, &second);
    sign(&house, device, &second, later);
    CHECK(by(&house, &first.token, NOW) == device); /* a challenge alone changes nothing */
    CHECK_EQ(prove(&house, fleet, "KT-0001", &second, later, NOW + DEVICE_PROOFS_NS + SEC), ERR_OK);
    fleet = fleet_again(&house);
    device = device_find(house.ident, fleet, STR("KT-0001"));
    CHECK(by(&house, &first.token, NOW + 3 * SEC) == NULL);
    CHECK(by(&house, &second.token, NOW + 3 * SEC) == device);
    /* Who has kept the first proof does not bring its token back. */
    CHECK_EQ(prove(&house, fleet, "KT-0001", &first, hmac, NOW + 4 * SEC), ERR_DEVICE_PROOF);
    house_raze(&house);
}

/* The first half of an id is when it was made: hardly a byte of it would differ. */
TEST(a_token_shows_no_id_so_that_nobody_learns_which_serials_are_there)
{
    struct house house = house_build();
    struct device_challenge first;
    struct device_challenge second;
    char id_text[2 * ID_BYTES];
    struct buf id = { id_text, 0, sizeof(id_text), sizeof(id_text) };
    const struct fleet *fleet = fleet_new(&house, &unused);
    const struct device *device = device_new(&house, fleet, "KT-0001", &unused);
    CHECK_EQ(enc_hex(&id, device->key.id.bytes, ID_BYTES), ERR_OK);
    device_challenge(house.ident, fleet, STR("KT-0001"), NOW, &first);
    device_challenge(house.ident, fleet, STR("KT-0001"), NOW + SEC, &second);
    struct str shown = str_slice(str_from(first.token.text), 6, 6 + sizeof(id_text));
    CHECK(!str_eq(str_slice(shown, 0, 8), str_slice(buf_str(&id), 0, 8)));
    CHECK(!str_eq(shown, str_slice(str_from(second.token.text), 6, 6 + sizeof(id_text))));
    house_raze(&house);
}

TEST(a_device_proves_itself_no_more_often_than_devices_start)
{
    struct house house = house_build();
    struct device_challenge challenges[3];
    const int64_t at[3] = { NOW, NOW + DEVICE_PROOFS_NS - 2, NOW + DEVICE_PROOFS_NS };
    char hmac[DEVICE_PROOF_LEN + 1];
    const struct fleet *fleet = fleet_new(&house, &unused);
    const struct device *device = device_new(&house, fleet, "KT-0001", &unused);
    for (size_t i = 0; i < 3; i++) {
        device_challenge(house.ident, fleet, STR("KT-0001"), at[i], &challenges[i]);
        sign(&house, device, &challenges[i], hmac);
        CHECK_EQ(prove(&house, fleet, "KT-0001", &challenges[i], hmac, NOW + DEVICE_PROOFS_NS),
                 i == 1 ? ERR_DEVICE_PROOF : ERR_OK);
    }
    CHECK(by(&house, &challenges[1].token, NOW) == NULL);
    CHECK(by(&house, &challenges[2].token, NOW) == device);
    house_raze(&house);
}

TEST(what_does_not_hold_proves_nothing_whatever_is_wrong)
{
    struct house house = house_build();
    struct device_challenge challenge;
    struct device_challenge other;
    struct device_challenge nobody;
    char hmac[DEVICE_PROOF_LEN + 1];
    char wrong[DEVICE_PROOF_LEN + 1];
    const struct fleet *fleet = fleet_new(&house, &unused);
    const struct device *device = device_new(&house, fleet, "KT-0001", &unused);
    const struct device *second = device_new(&house, fleet, "KT-0002", &unused);
    device_challenge(house.ident, fleet, STR("KT-0001"), NOW, &challenge);
    device_challenge(house.ident, fleet, STR("KT-0002"), NOW, &other);
    device_challenge(house.ident, fleet, STR("KT-9999"), NOW, &nobody); /* is told the like */
    CHECK_EQ(strlen(nobody.text), strlen(challenge.text));
    CHECK_EQ(strlen(nobody.token.text), strlen(challenge.token.text));
    sign(&house, device, &challenge, hmac);
    sign(&house, second, &challenge, wrong);
    CHECK_EQ(prove(&house, fleet, "KT-0001", &challenge, wrong, NOW), ERR_DEVICE_PROOF);
    CHECK_EQ(prove(&house, fleet, "KT-0001", &challenge, "", NOW), ERR_DEVICE_PROOF);
    CHECK_EQ(prove(&house, fleet, "KT-0001", &challenge, "00zz", NOW), ERR_DEVICE_PROOF);
    CHECK_EQ(prove(&house, fleet, "KT-0002", &challenge, hmac, NOW), ERR_DEVICE_PROOF);
    CHECK_EQ(prove(&house, fleet, "KT-0001", &other, hmac, NOW), ERR_DEVICE_PROOF);
    CHECK_EQ(prove(&house, fleet, "KT-9999", &nobody, hmac, NOW), ERR_DEVICE_PROOF);
    CHECK_EQ(prove(&house, fleet, "no", &challenge, hmac, NOW), ERR_DEVICE_PROOF);
    for (size_t i = 0; i < DEVICE_CHALLENGE_LEN; i += 7) {
        struct device_challenge bad = challenge;
        bad.text[i] = bad.text[i] == '0' ? '1' : '0';
        sign(&house, device, &bad, wrong);
        CHECK_EQ(prove(&house, fleet, "KT-0001", &bad, wrong, NOW), ERR_DEVICE_PROOF);
    }
    CHECK_EQ(prove(&house, fleet, "KT-0001", &challenge, hmac, NOW + DEVICE_CHALLENGE_NS),
             ERR_DEVICE_PROOF);
    CHECK(by(&house, &challenge.token, NOW) == NULL);
    CHECK_EQ(device_revoke(house.ident, device, NOW, NULL), ERR_OK);
    CHECK_EQ(prove(&house, fleet, "KT-0001", &challenge, hmac, NOW), ERR_KEY_UNKNOWN);
    house_raze(&house);
}
