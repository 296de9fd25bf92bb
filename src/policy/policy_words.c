#include "policy/policy_internal.h"

#define WORD(count, words, at) (ASSERT((size_t)(at) < (size_t)(count)), (words)[(at)])

const char *policy_word_action(enum registry_action action)
{
    static const char *const words[REGISTRY_ACTION_COUNT] = {
        [REGISTRY_ACTION_API_CALL] = "api_call",
        [REGISTRY_ACTION_AGGREGATE] = "aggregate",
        [REGISTRY_ACTION_RESELL] = "resell",
        [REGISTRY_ACTION_WHITE_LABEL] = "white_label",
        [REGISTRY_ACTION_CACHE] = "cache",
        [REGISTRY_ACTION_FINE_TUNE] = "fine_tune",
        [REGISTRY_ACTION_DEVICE_EMBED] = "device_embed",
    };
    return WORD(REGISTRY_ACTION_COUNT, words, action);
}

const char *policy_word_client_type(unsigned type)
{
    static const char *const words[1 + REGISTRY_CLIENT_TYPE_COUNT] = {
        "unknown",
        [1 + REGISTRY_CLIENT_ENTERPRISE] = "enterprise",
        [1 + REGISTRY_CLIENT_DEVELOPER] = "developer",
        [1 + REGISTRY_CLIENT_CONSUMER] = "consumer",
        [1 + REGISTRY_CLIENT_GOVERNMENT] = "government",
        [1 + REGISTRY_CLIENT_EDUCATION] = "education",
        [1 + REGISTRY_CLIENT_CHILD_DIRECTED] = "child_directed",
    };
    return WORD(1 + REGISTRY_CLIENT_TYPE_COUNT, words, type);
}

const char *policy_word_item(enum registry_separation_item item)
{
    static const char *const words[REGISTRY_ITEM_COUNT] = {
        [REGISTRY_ITEM_NETWORK] = "network", [REGISTRY_ITEM_COMPUTE] = "compute",
        [REGISTRY_ITEM_STORAGE] = "storage", [REGISTRY_ITEM_KEYS] = "keys",
        [REGISTRY_ITEM_ADMIN] = "admin",     [REGISTRY_ITEM_LOGS] = "logs",
        [REGISTRY_ITEM_CACHE] = "cache",
    };
    return WORD(REGISTRY_ITEM_COUNT, words, item);
}

const char *policy_word_answer(enum registry_answer answer)
{
    static const char *const words[] = {
        [REGISTRY_ANSWER_UNKNOWN] = "unknown", [REGISTRY_ANSWER_NO] = "no",
        [REGISTRY_ANSWER_OPT_IN] = "opt_in",   [REGISTRY_ANSWER_ABUSE_ONLY] = "abuse_only",
        [REGISTRY_ANSWER_YES] = "yes",
    };
    return WORD(EP_ARRAY_LEN(words), words, answer);
}

const char *policy_word_category(enum registry_us_category category)
{
    static const char *const words[REGISTRY_US_CATEGORY_COUNT] = {
        [REGISTRY_US_GENOMIC] = "genomic",         [REGISTRY_US_OMIC] = "omic",
        [REGISTRY_US_BIOMETRIC] = "biometric",     [REGISTRY_US_GEOLOCATION] = "geolocation",
        [REGISTRY_US_HEALTH] = "health",           [REGISTRY_US_FINANCIAL] = "financial",
        [REGISTRY_US_IDENTIFIERS] = "identifiers",
    };
    return WORD(REGISTRY_US_CATEGORY_COUNT, words, category);
}

static const char *const qualification_words[] = {
    [REGISTRY_QUALIFICATION_ICP_B25] = "icp_b25",
    [REGISTRY_QUALIFICATION_EDI_B21] = "edi_b21",
    [REGISTRY_QUALIFICATION_IDC_B11] = "idc_b11",
    [REGISTRY_QUALIFICATION_GENAI_FILING] = "genai_filing",
    [REGISTRY_QUALIFICATION_ALGO_FILING] = "algo_filing",
    [REGISTRY_QUALIFICATION_ZONE_ADMISSION] = "zone_admission",
    [REGISTRY_QUALIFICATION_VAT_REG] = "vat_reg",
    [REGISTRY_QUALIFICATION_TAX_RESIDENCE_CERT] = "tax_residence_cert",
    [REGISTRY_QUALIFICATION_REPRESENTATIVE] = "representative",
};

const char *policy_word_qualification(enum registry_qualification_type type)
{
    return WORD(EP_ARRAY_LEN(qualification_words), qualification_words, type);
}

unsigned policy_qualification(struct str word)
{
    for (unsigned i = 0; i < EP_ARRAY_LEN(qualification_words); i++) {
        if (str_eq_nocase(word, str_from(qualification_words[i]))) {
            return 1 + i;
        }
    }
    return 0;
}
