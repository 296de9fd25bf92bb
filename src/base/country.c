#include "base/country.h"

#include <string.h>

/* In order: the 249 of ISO 3166-1, and XK, which databases and carriers write for Kosovo. */
static const char country_codes[] =
    "ADAEAFAGAIALAMAOAQARASATAUAWAXAZBABBBDBEBFBGBHBIBJBLBMBNBOBQBRBSBTBVBWBYBZCACCCDCFCG"
    "CHCICKCLCMCNCOCRCUCVCWCXCYCZDEDJDKDMDODZECEEEGEHERESETFIFJFKFMFOFRGAGBGDGEGFGGGHGIGL"
    "GMGNGPGQGRGSGTGUGWGYHKHMHNHRHTHUIDIEILIMINIOIQIRISITJEJMJOJPKEKGKHKIKMKNKPKRKWKYKZLA"
    "LBLCLILKLRLSLTLULVLYMAMCMDMEMFMGMHMKMLMMMNMOMPMQMRMSMTMUMVMWMXMYMZNANCNENFNGNINLNONP"
    "NRNUNZOMPAPEPFPGPHPKPLPMPNPRPSPTPWPYQARERORSRURWSASBSCSDSESGSHSISJSKSLSMSNSOSRSSSTSV"
    "SXSYSZTCTDTFTGTHTJTKTLTMTNTOTRTTTVTWTZUAUGUMUSUYUZVAVCVEVGVIVNVUWFWSXKYEYTZAZMZW";

country_t country_assigned(struct str text)
{
    size_t low = 0;
    size_t high = (sizeof(country_codes) - 1) / 2;
    while (text.len == 2 && low < high) {
        size_t middle = low + (high - low) / 2;
        int order = memcmp(text.ptr, &country_codes[2 * middle], 2);
        if (order == 0) {
            return country_from(text);
        }
        low = order > 0 ? middle + 1 : low;
        high = order < 0 ? middle : high;
    }
    return COUNTRY_NONE;
}

bool country_set_is_empty(const struct country_set *set)
{
    return country_set_next(set, COUNTRY_NONE) == COUNTRY_NONE;
}

bool country_set_within(const struct country_set *inner, const struct country_set *outer)
{
    uint64_t outside = 0;
    for (size_t i = 0; i < COUNTRY_WORDS; i++) {
        outside |= inner->words[i] & ~outer->words[i];
    }
    return outside == 0;
}

country_t country_set_first_outside(const struct country_set *inner,
                                    const struct country_set *outer)
{
    struct country_set rest = *inner;
    country_set_minus(&rest, outer);
    return country_set_next(&rest, COUNTRY_NONE);
}

void country_set_and(struct country_set *set, const struct country_set *other)
{
    for (size_t i = 0; i < COUNTRY_WORDS; i++) {
        set->words[i] &= other->words[i];
    }
}

void country_set_or(struct country_set *set, const struct country_set *other)
{
    for (size_t i = 0; i < COUNTRY_WORDS; i++) {
        set->words[i] |= other->words[i];
    }
}

void country_set_minus(struct country_set *set, const struct country_set *other)
{
    for (size_t i = 0; i < COUNTRY_WORDS; i++) {
        set->words[i] &= ~other->words[i];
    }
}

void country_set_world(struct country_set *ret_set)
{
    memset(ret_set, 0, sizeof(*ret_set));
    for (country_t country = 1; country <= COUNTRY_CODES; country++) {
        country_set_add(ret_set, country);
    }
    country_t mainland = country_from(STR("CN"));
    ret_set->words[(mainland - 1) / 64] &= ~(UINT64_C(1) << (mainland - 1) % 64);
}

country_t country_set_next(const struct country_set *set, country_t from)
{
    country_t country = from == COUNTRY_NONE ? 1 : from;
    while (country <= COUNTRY_CODES && !country_set_has(set, country)) {
        country++;
    }
    return country <= COUNTRY_CODES ? country : COUNTRY_NONE;
}
