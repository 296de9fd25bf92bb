#include "base/payment.h"

static const struct str payment_methods[] = {
    STR_INIT("bank_transfer"),
    STR_INIT("card"),
    STR_INIT("direct_debit"),
    STR_INIT("marketplace"),
};

bool payment_method_known(struct str method)
{
    for (size_t i = 0; i < EP_ARRAY_LEN(payment_methods); i++) {
        if (str_eq(payment_methods[i], method)) {
            return true;
        }
    }
    return false;
}

struct str payment_method_standard(void)
{
    return payment_methods[0];
}
