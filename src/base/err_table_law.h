/* The failures that are the law's: what may not be sold (src/policy/reason.h says by which rule).
 * Included by base/err_table.h alone, which says what the columns are. */
#pragma once

#define ERR_TABLE_LAW(X)                                                               \
    X(LAW_REVERSE_IMPORT, CLIENT, 451, "compliance_refusal", "reverse_import_refused", \
      "This model cannot be supplied to your market.")                                 \
    X(LAW_MARKET, CLIENT, 451, "compliance_refusal", "market_not_served",              \
      "This product is not offered in your market.")                                   \
    X(LAW_REVERSE_ORIGIN, CLIENT, 451, "compliance_refusal", "reverse_origin",         \
      "This model cannot be supplied to where the request comes from.")                \
    X(LAW_REVIEW, CLIENT, 403, "compliance_refusal", "account_under_review",           \
      "Calls of this account wait for a review.")                                      \
    X(LAW_ZONE_ORIGIN, CLIENT, 451, "compliance_refusal", "zone_origin",               \
      "This product serves requests from overseas alone.")                             \
    X(LAW_ZONE_USER, CLIENT, 451, "compliance_refusal", "zone_user",                   \
      "This product serves overseas users alone.")                                     \
    X(LAW_ZONE_MARKET, CLIENT, 451, "compliance_refusal", "zone_market",               \
      "This product is not offered in that market.")                                   \
    X(LAW_ZONE_MIXED, CLIENT, 422, "compliance_refusal", "zone_mixed_data",            \
      "The request holds data that this product may not process.")                     \
    X(LAW_ZONE_RETURN, CLIENT, 422, "compliance_refusal", "zone_route_return",         \
      "Answers of this product go back on the connection of the request alone.")       \
    X(LAW_NO_AGREEMENT, CLIENT, 403, "compliance_refusal", "no_agreement",             \
      "No agreement in force covers this account.")                                    \
    X(LAW_SCOPE_REGION, CLIENT, 403, "compliance_refusal", "scope_region",             \
      "This model cannot be supplied to your market.")                                 \
    X(LAW_SCOPE_CLIENT_TYPE, CLIENT, 403, "compliance_refusal", "scope_client_type",   \
      "This model cannot be supplied to clients of this kind.")                        \
    X(LAW_SCOPE_OWNERSHIP, CLIENT, 403, "compliance_refusal", "scope_ownership",       \
      "This model cannot be supplied to companies of this ownership.")                 \
    X(LAW_SCOPE_QUOTA, CLIENT, 429, "compliance_refusal", "scope_quota",               \
      "The quota under which this model is sold is used up.")                          \
    X(LAW_DATA_DPA, CLIENT, 403, "compliance_refusal", "data_dpa",                     \
      "No data agreement in force covers this account.")                               \
    X(LAW_DATA_UNKNOWN, CLIENT, 403, "compliance_refusal", "data_terms_unknown",       \
      "How this model's sources treat content is not known.")                          \
    X(LAW_DATA_TERMS, CLIENT, 403, "compliance_refusal", "data_terms",                 \
      "This model's sources do not meet your data terms.")                             \
    X(LAW_DATA_LOCATION, CLIENT, 403, "compliance_refusal", "data_location",           \
      "This model is not processed in a place that your data terms allow.")            \
    X(LAW_DATA_TRANSFER, CLIENT, 403, "compliance_refusal", "data_transfer",           \
      "No accepted basis covers the transfer to where this model is processed.")       \
    X(LAW_DATA_CHILD, CLIENT, 403, "compliance_refusal", "data_child",                 \
      "The conditions for content of children are not met.")                           \
    X(LAW_DATA_US, CLIENT, 403, "compliance_refusal", "data_us",                       \
      "US persons' data may not go to where this model is processed.")                 \
    X(LAW_NO_ORDER, CLIENT, 402, "compliance_refusal", "no_order",                     \
      "No order in force covers this account.")                                        \
    X(NO_CLOSED_ROUTE, RETRY, 503, "compliance_refusal", "no_closed_route",            \
      "No admissible source can serve this model now.")
