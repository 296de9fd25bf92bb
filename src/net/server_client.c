/* Who is behind a connection: PROXY headers, X-Forwarded-For, and whose word is taken for it. */
#include "base/counter.h"
#include "net/server_internal.h"
#include "wire/forwarded.h"
#include "wire/proxy_v2.h"

/* ---- trust ------------------------------------------------------------------------------- */

void http_server_trust(struct http_server *server, const struct ip_block *proxies, size_t count)
{
    ASSERT(count == 0 || proxies != NULL);
    server->proxies = proxies;
    server->proxies_count = count;
}

static bool server_trusts(const struct http_server *server, const struct ip *ip)
{
    return ip_blocks_hold(server->proxies, server->proxies_count, ip);
}

bool server_trusts_peer(const struct http_server *server, const struct address *peer)
{
    struct ip ip;
    return address_ip(peer, &ip) && server_trusts(server, &ip);
}

/* ---- PROXY headers ----------------------------------------------------------------------- */

static void conn_proxy_refuse(struct http_exchange *conn)
{
    counter_add(COUNTER_CONNECTIONS_REFUSED, 1);
    conn_close(conn);
}

/* The header is whole: what follows is TLS, or a request. */
static void conn_proxied(struct http_exchange *conn, const struct proxy_v2 *proxy)
{
    conn->client_is = proxy->local ? CLIENT_SELF : proxy->known ? CLIENT_NAMED : CLIENT_UNKNOWN;
    conn->client = proxy->source;
    buf_fini(&conn->in);
    if (conn->secure != NULL && stream_secure_server(&conn->stream, conn->secure, NULL) != ERR_OK) {
        conn_close(conn);
        return;
    }
    conn_enter(conn, conn->secure != NULL ? CONN_SHAKE : CONN_IDLE);
}

static void conn_proxy_parse(struct http_exchange *conn)
{
    struct proxy_v2 proxy;
    size_t used = 0;
    switch (proxy_v2_read(buf_str(&conn->in), &proxy, &used)) {
    case WIRE_DONE:
        ASSERT(used == conn->in.len); /* no more was read than was wanted */
        conn_proxied(conn, &proxy);
        break;
    case WIRE_MORE:
        break;
    case WIRE_BAD:
        conn_proxy_refuse(conn);
        break;
    }
}

/* Never reads a byte behind the header: TLS takes its own from the descriptor. */
void conn_proxy(struct http_exchange *conn)
{
    char *bytes = loop_scratch(conn_loop(conn));
    while (conn->state == CONN_PROXY && conn->readable) {
        size_t wanted = proxy_v2_wanted(buf_str(&conn->in));
        size_t len = 0;
        ASSERT(wanted <= LOOP_SCRATCH_BYTES);
        enum err err = stream_read(&conn->stream, bytes, wanted, &len);
        if (err == ERR_BUSY) {
            conn->readable = false;
        } else if (err != ERR_OK || buf_append(&conn->in, (struct str){ bytes, len }) != ERR_OK) {
            conn_close(conn);
        } else {
            conn_proxy_parse(conn);
        }
    }
}

/* ---- what an owner asks ------------------------------------------------------------------ */

/* Whom the connection names, before any header of the request. */
static bool conn_client(const struct http_exchange *conn, struct ip *ret_ip)
{
    struct address peer;
    switch ((enum conn_client)conn->client_is) {
    case CLIENT_PEER:
    case CLIENT_SELF:
        http_exchange_peer(conn, &peer);
        return address_ip(&peer, ret_ip);
    case CLIENT_NAMED:
    case CLIENT_NOTED:
        *ret_ip = conn->client;
        return true;
    case CLIENT_UNKNOWN:
        break;
    }
    return false;
}

bool http_exchange_client(struct http_exchange *x, struct ip *ret_client)
{
    ASSERT(x->magic == CONN_MAGIC);
    const struct http_server *server = x->server;
    struct ip ip;
    if (!conn_client(x, &ip)) {
        return false;
    }
    bool said = x->client_is == CLIENT_SELF || x->client_is == CLIENT_NOTED;
    if (said || !server_trusts(server, &ip)) {
        *ret_client = ip;
        return true;
    }
    const struct http1_head *head = http_exchange_head(x);
    return head != NULL &&
           forwarded_client(head, server->proxies, server->proxies_count, ret_client);
}

struct str http_exchange_link(const struct http_exchange *x)
{
    ASSERT(x->magic == CONN_MAGIC);
    return x->link;
}

void *http_exchange_notes(struct http_exchange *x)
{
    ASSERT(x->magic == CONN_MAGIC);
    return x->notes;
}
