#include "net/lookup.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <string.h>

#include "base/map.h"
#include "base/mem.h"

struct lookup {
    struct loop *loop;
    struct worker_pool *pool;
    struct lookup_options options;
    struct map names;    /* by name */
    struct node entries; /* oldest question first */
};

/* A name that was asked for. While `asking`, the worker owns job, fresh and err. */
struct lookup_entry {
    struct job job;
    struct lookup *lookup;
    struct node node;
    struct node waiting; /* struct lookup_request */
    int64_t asked_ns;    /* when the last answer came */
    int64_t until_ns;    /* it is not asked for again before */
    int64_t good_ns;     /* `good` may be given before it */
    int64_t last_ns;     /* and never from then on */
    bool asking;
    enum err err;
    struct lookup_answer fresh;
    struct lookup_answer good; /* the last one that was an answer */
    size_t name_len;
    char name[LOOKUP_NAME_MAX + 1];
};

struct lookup_options lookup_options_default(void)
{
    return (struct lookup_options){
        .keep_ns = INT64_C(30000000000),    /* moves of services are followed within a minute */
        .stale_ns = INT64_C(3600000000000), /* a name service is mended within it */
        .fail_ns = INT64_C(1000000000), /* new names come up in a second; calls come in thousands */
        .names_max = 1024,              /* far more than a registry names */
    };
}

/* ---- the system's answer, on a worker ---------------------------------------------------- */

static bool lookup_take(const struct addrinfo *from, struct address *to)
{
    if (from->ai_addrlen > sizeof(to->sock)) {
        return false;
    }
    *to = (struct address){ .len = from->ai_addrlen };
    memcpy(&to->sock, from->ai_addr, from->ai_addrlen);
    return true;
}

/* The next address behind `at` that is, or is not, of `family`. */
static const struct addrinfo *lookup_next(const struct addrinfo *at, int family, bool same)
{
    while (at != NULL && (at->ai_family == family) != same) {
        at = at->ai_next;
    }
    return at;
}

static enum err lookup_ask_system(const char *name, struct lookup_answer *ret_answer)
{
    struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
    hints.ai_flags = AI_ADDRCONFIG;
    struct addrinfo *list = NULL;
    int failed = getaddrinfo(name, NULL, &hints, &list);
    if (failed != 0) {
        return failed == EAI_NONAME || failed == EAI_NODATA ? ERR_NET_LOOKUP : ERR_BUSY;
    }
    int family = list->ai_family; /* the system puts the one first that works better */
    const struct addrinfo *next[2] = { list, lookup_next(list, family, false) };
    size_t count = 0;
    for (size_t turn = 0; next[0] != NULL || next[1] != NULL; turn = 1 - turn) {
        const struct addrinfo *here = next[turn];
        if (here == NULL) {
            continue;
        }
        if (count < LOOKUP_ADDRESSES_MAX && lookup_take(here, &ret_answer->addresses[count])) {
            count++;
        }
        next[turn] = lookup_next(here->ai_next, family, turn == 0);
    }
    freeaddrinfo(list);
    ret_answer->count = count;
    return count > 0 ? ERR_OK : ERR_NET_LOOKUP;
}

static void lookup_run(struct job *job)
{
    struct lookup_entry *entry = EP_CONTAINER(job, struct lookup_entry, job);
    entry->fresh.count = 0;
    entry->err = entry->lookup->options.resolve(entry->name, &entry->fresh);
    if (entry->err == ERR_OK && entry->fresh.count == 0) {
        entry->err = ERR_NET_LOOKUP;
    }
}

/* ---- answers ----------------------------------------------------------------------------- */

static void lookup_set_ports(struct lookup_answer *answer, uint16_t port)
{
    for (size_t i = 0; i < answer->count; i++) {
        struct address *address = &answer->addresses[i];
        if (address->sock.any.sa_family == AF_INET6) {
            address->sock.v6.sin6_port = htons(port);
        } else {
            address->sock.v4.sin_port = htons(port);
        }
    }
}

/* What the worker brought is in force. */
static void lookup_learn(struct lookup_entry *entry, int64_t now_ns)
{
    const struct lookup_options *options = &entry->lookup->options;
    entry->asking = false;
    entry->asked_ns = now_ns;
    entry->until_ns = now_ns + (entry->err == ERR_OK ? options->keep_ns : options->fail_ns);
    if (entry->err == ERR_OK) {
        entry->good = entry->fresh;
        entry->good_ns = entry->until_ns + options->keep_ns;
        entry->last_ns = entry->until_ns + options->stale_ns;
    } else if (entry->err == ERR_BUSY && now_ns < entry->last_ns) {
        entry->good_ns = entry->last_ns;
    } else {
        entry->good_ns = INT64_MIN;
        entry->last_ns = INT64_MIN;
    }
}

static void lookup_on_mail(struct mail *mail)
{
    struct lookup_entry *entry = EP_CONTAINER(mail, struct lookup_entry, job.mail);
    struct lookup *lookup = entry->lookup;
    int64_t now_ns = loop_now_ns(lookup->loop);
    ASSERT(entry->asking);
    lookup_learn(entry, now_ns);

    /* Callbacks may ask for other names, and `entry` may have to make room for them. */
    enum err err = now_ns < entry->good_ns ? ERR_OK : ERR_NET_LOOKUP;
    struct lookup_answer answer = entry->good;
    struct node waiting;
    list_init(&waiting);
    list_move_all(&waiting, &entry->waiting);
    for (struct node *node = list_pop(&waiting); node != NULL; node = list_pop(&waiting)) {
        struct lookup_request *request = EP_CONTAINER(node, struct lookup_request, node);
        lookup_set_ports(&answer, request->port);
        request->done(request, err, err == ERR_OK ? &answer : NULL);
    }
}

static bool lookup_literal(const char *name, struct lookup_answer *ret_answer)
{
    struct address *address = &ret_answer->addresses[0];
    *address = (struct address){ .len = 0 };
    if (inet_pton(AF_INET, name, &address->sock.v4.sin_addr) == 1) {
        address->sock.v4.sin_family = AF_INET;
        address->len = sizeof(address->sock.v4);
    } else if (inet_pton(AF_INET6, name, &address->sock.v6.sin6_addr) == 1) {
        address->sock.v6.sin6_family = AF_INET6;
        address->len = sizeof(address->sock.v6);
    }
    ret_answer->count = address->len > 0 ? 1 : 0;
    return address->len > 0;
}

/* ---- entries ----------------------------------------------------------------------------- */

static void lookup_forget(struct lookup_entry *entry)
{
    struct str name = { entry->name, entry->name_len };
    ASSERT(list_empty(&entry->waiting));
    void *removed = map_remove(&entry->lookup->names, name);
    ASSERT(removed == entry);
    node_unlink(&entry->node);
    mem_free(entry);
}

/* Drops the answer that was asked for first. False: all questions are still open. */
static bool lookup_make_room(struct lookup *lookup)
{
    LIST_EACH(node, &lookup->entries) {
        struct lookup_entry *entry = EP_CONTAINER(node, struct lookup_entry, node);
        if (!entry->asking) {
            lookup_forget(entry);
            return true;
        }
    }
    return false;
}

static struct lookup_entry *lookup_add(struct lookup *lookup, struct str name)
{
    if (lookup->names.count >= lookup->options.names_max && !lookup_make_room(lookup)) {
        return NULL;
    }
    struct lookup_entry *entry = mem_zalloc(sizeof(*entry));
    if (entry == NULL) {
        return NULL;
    }
    entry->lookup = lookup;
    entry->asked_ns = INT64_MIN;
    entry->until_ns = INT64_MIN;
    entry->good_ns = INT64_MIN;
    entry->last_ns = INT64_MIN;
    entry->job = (struct job){ .run = lookup_run, .home = lookup->loop };
    entry->job.mail.open = lookup_on_mail;
    entry->name_len = name.len;
    memcpy(entry->name, name.ptr, name.len);
    list_init(&entry->waiting);
    if (map_add(&lookup->names, (struct str){ entry->name, name.len }, entry) != ERR_OK) {
        mem_free(entry);
        return NULL;
    }
    list_push_back(&lookup->entries, &entry->node);
    return entry;
}

/* Asks the system, unless that is under way or there is no room for one more question. */
static void lookup_ask(struct lookup_entry *entry)
{
    if (entry->asking) {
        return;
    }
    node_unlink(&entry->node);
    list_push_back(&entry->lookup->entries, &entry->node);
    entry->asking = job_submit(entry->lookup->pool, &entry->job) == ERR_OK;
}

/* ---- the face ---------------------------------------------------------------------------- */

enum err lookup_create(struct loop *loop, struct worker_pool *pool,
                       const struct lookup_options *options, struct lookup **ret_lookup,
                       struct fail *fail)
{
    ASSERT(options->names_max > 0);
    struct lookup *lookup = mem_zalloc(sizeof(*lookup));
    if (lookup == NULL) {
        return FAIL(fail, ERR_NO_MEMORY, "no memory for name look-ups");
    }
    lookup->loop = loop;
    lookup->pool = pool;
    lookup->options = *options;
    if (options->resolve == NULL) {
        lookup->options.resolve = lookup_ask_system;
    }
    map_init(&lookup->names);
    list_init(&lookup->entries);
    *ret_lookup = lookup;
    return ERR_OK;
}

void lookup_destroy(struct lookup *lookup)
{
    if (lookup == NULL) {
        return;
    }
    LIST_EACH_SAFE(node, after, &lookup->entries) {
        lookup_forget(EP_CONTAINER(node, struct lookup_entry, node));
    }
    map_fini(&lookup->names);
    mem_free(lookup);
}

enum err lookup_begin(struct lookup *lookup, struct lookup_request *request, struct str name,
                      uint16_t port, struct lookup_answer *ret_answer)
{
    ASSERT(!node_linked(&request->node));
    ASSERT(request->done != NULL);
    char text[LOOKUP_NAME_MAX + 1];
    if (name.len == 0 || name.len > LOOKUP_NAME_MAX || memchr(name.ptr, '\0', name.len) != NULL) {
        return ERR_NET_LOOKUP;
    }
    memcpy(text, name.ptr, name.len);
    text[name.len] = '\0';
    if (lookup_literal(text, ret_answer)) {
        lookup_set_ports(ret_answer, port);
        return ERR_OK;
    }
    struct lookup_entry *entry = map_find(&lookup->names, name);
    if (entry == NULL) {
        entry = lookup_add(lookup, name);
        if (entry == NULL) {
            return ERR_NO_MEMORY;
        }
    }
    int64_t now_ns = loop_now_ns(lookup->loop);
    if (now_ns >= entry->until_ns) {
        lookup_ask(entry);
    }
    if (now_ns < entry->good_ns) {
        *ret_answer = entry->good;
        lookup_set_ports(ret_answer, port);
        return ERR_OK;
    }
    if (!entry->asking) {
        return ERR_NET_LOOKUP; /* it has just failed, or too many questions are open */
    }
    request->port = port;
    list_push_back(&entry->waiting, &request->node);
    return ERR_BUSY;
}

void lookup_doubt(struct lookup *lookup, struct str name)
{
    struct lookup_entry *entry = map_find(&lookup->names, name);
    int64_t now_ns = loop_now_ns(lookup->loop);
    if (entry == NULL || entry->asking || now_ns >= entry->good_ns ||
        now_ns < entry->asked_ns + lookup->options.fail_ns) {
        return;
    }
    entry->until_ns = INT64_MIN;
    entry->good_ns = INT64_MIN;
}

void lookup_cancel(struct lookup_request *request)
{
    if (node_linked(&request->node)) {
        node_unlink(&request->node);
    }
}
