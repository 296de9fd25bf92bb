/* The states of a call and its ends; call.h has what is true in each. Gate only. */
#pragma once

enum call_state {
    CALL_PARSE,
    CALL_AUTHENTICATE,
    CALL_JUDGE,
    CALL_ADMIT,
    CALL_REPEAT,
    CALL_COUNT,
    CALL_HOLD,
    CALL_ROUTE,
    CALL_FORWARD,
    CALL_METER,
    CALL_SETTLE,
    CALL_RECEIPT,
    CALL_DONE
};

enum call_next {
    CALL_NEXT,
    CALL_WAIT,
    CALL_STOP
};

enum call_outcome {
    OUTCOME_REFUSED,     /* no upstream was asked */
    OUTCOME_FAILED,      /* no upstream answered, nothing was delivered */
    OUTCOME_INTERRUPTED, /* something was delivered, then it broke off */
    OUTCOME_COMPLETE,
    OUTCOME_REPLAYED /* with what an earlier call was answered; never on a receipt */
};
