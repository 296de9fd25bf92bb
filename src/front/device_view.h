/* A device as its maker's systems are shown it, in JSON. Inside the front only, on any thread. */
#pragma once

#include "ident/device.h"
#include "wire/jsonw.h"

struct ledger;

struct device_view {
    struct ident *ident;
    struct ledger *ledger;
    const struct device *device;
    struct str reference; /* of the consent in force; empty: not shown */
    struct str text;      /* of its key; empty: not shown, as it is known only when it is made */
    bool proof;           /* shown with the key for its fuses */
    bool told;            /* whether it was made, too */
    bool made;
    int64_t now_ns;
};

/* An object, with the server's time: a device's own clock may be years off. */
void device_view_write(struct jsonw *json, const struct device_view *view);
/* {"timestamp": milliseconds since 1970, "timezone_offset": 0}, as toys' firmware reads it. */
void device_view_time(struct jsonw *json, const char *key, int64_t now_ns);
