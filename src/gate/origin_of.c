#include "gate/origin_of.h"

#include "gate/snapshot.h"
#include "net/server.h"

/* In the connection's notes. */
struct origin_note {
    struct ip ip;
    uint64_t serial; /* of the databases; 0: nothing is noted */
    struct geo_country said[GEO_MAX];
};
_Static_assert(sizeof(struct origin_note) <= HTTP_NOTES_BYTES, "a note fits in");
_Static_assert(_Alignof(struct origin_note) <= 8, "notes are aligned to 8");

static const struct geo_country *origin_said(struct http_exchange *x, const struct geo *geo,
                                             const struct ip *ip)
{
    struct origin_note *note = http_exchange_notes(x);
    uint64_t serial = geo_serial(geo);
    if (note->serial == 0 || note->serial != serial || !ip_eq(&note->ip, ip)) {
        note->ip = *ip;
        note->serial = serial;
        geo_ask(geo, ip, note->said);
    }
    return note->said;
}

void origin_of(struct http_exchange *x, const struct gate_snapshot *snapshot,
               const struct origin_asker *asker, struct origin *ret_origin)
{
    static const struct geo_country nothing[GEO_MAX];
    const struct geo *geo = snapshot->geo;
    struct ip ip;
    if (!http_exchange_client(x, &ip)) {
        origin_judge(nothing, geo_count(geo), NULL, ret_origin);
        return;
    }
    const struct origin_range *range =
        origin_ranges_find(asker->ranges, &ip, asker->party, asker->now_ns);
    origin_judge(origin_said(x, geo, &ip), geo_count(geo), range, ret_origin);
}
