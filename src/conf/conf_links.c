/* listen.links: the one key whose value is a list of mappings. */
#include "conf/conf_internal.h"
#include "wire/jsonw.h"

#define LINK_NAME_MAX 64

static const struct str links_key = STR_INIT("listen.links");

static void links_refuse(struct conf_reader *reader, const struct yaml_node *node, const char *what)
{
    conf_report_add(reader->report, node->place, links_key, "%s", what);
}

/* As the registry writes names. */
static bool link_name_fine(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char byte = text.ptr[i];
        bool letter = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
        bool digit = byte >= '0' && byte <= '9';
        if (!letter && !digit && byte != '-' && byte != '_' && byte != '.') {
            return false;
        }
    }
    return text.len > 0 && text.len <= LINK_NAME_MAX;
}

static bool link_switch(const struct yaml_node *node, bool *ret_on)
{
    *ret_on = str_eq(node->text, STR("true"));
    return !node->quoted && (*ret_on || str_eq(node->text, STR("false")));
}

/* False: the value is not allowed, or there is no memory; it has been told. */
static bool link_read_pair(struct conf_reader *reader, const struct yaml_node *name,
                           const struct yaml_node *value, struct conf_link *link)
{
    const char *fault = NULL;
    if (value->kind != YAML_SCALAR || value->null) {
        fault = "address, link and proxy_protocol each have one value";
    } else if (str_eq(name->text, STR("address"))) {
        fault = conf_read_address(reader, value->text, &link->address)
                    ? NULL
                    : "address must be IP:PORT or [IPv6]:PORT";
    } else if (str_eq(name->text, STR("link"))) {
        fault = !link_name_fine(value->text)
                    ? "link must be a name of 1 to 64 letters, digits, \"-\", \"_\" or \".\""
                : conf_copy(reader, value->text, &link->link) ? NULL
                                                              : "there is no memory";
    } else if (str_eq(name->text, STR("proxy_protocol"))) {
        fault = link_switch(value, &link->proxy_protocol) ? NULL
                                                          : "proxy_protocol must be true or false";
    } else {
        fault = "a link has address, link and proxy_protocol, and no other key";
    }
    if (fault != NULL && reader->err == ERR_OK) {
        links_refuse(reader, value->kind == YAML_SCALAR ? value : name, fault);
    }
    return fault == NULL;
}

static void link_read(struct conf_reader *reader, const struct yaml_node *node,
                      struct conf_link *link)
{
    if (node->kind != YAML_MAPPING) {
        links_refuse(reader, node, "each link is written {address: IP:PORT, link: NAME}");
        return;
    }
    for (uint32_t i = 0; i < node->count; i++) {
        if (!link_read_pair(reader, yaml_key(node, i), yaml_value(node, i), link)) {
            return;
        }
    }
    if (link->address.text.len == 0 || link->link.len == 0) {
        links_refuse(reader, node, "a link needs an address and its name (link)");
    }
}

void conf_read_links(struct conf_reader *reader, const struct conf_row *row,
                     const struct yaml_node *node)
{
    struct conf_links *links = &reader->conf->listen_links;
    ASSERT(row->offset == offsetof(struct conf, listen_links));
    if (node->kind != YAML_SEQUENCE || node->count > row->max) {
        links_refuse(reader, node,
                     node->kind == YAML_SEQUENCE
                         ? "at most 16 links are allowed"
                         : "links are a list: [{address: IP:PORT, link: NAME}]");
        return;
    }
    struct conf_link *items =
        arena_zalloc(&reader->conf->arena, (node->count + 1) * sizeof(*items));
    if (items == NULL) {
        reader->err = ERR_NO_MEMORY;
        return;
    }
    for (uint32_t i = 0; i < node->count && reader->err == ERR_OK; i++) {
        link_read(reader, yaml_item(node, i), &items[i]);
    }
    *links = (struct conf_links){ .items = items, .count = node->count };
}

enum err conf_print_links(const struct conf_links *links, struct buf *out)
{
    TRY(buf_byte(out, '['));
    for (size_t i = 0; i < links->count; i++) {
        const struct conf_link *link = &links->items[i];
        TRY(buf_append(out, i == 0 ? STR("{address: ") : STR(", {address: ")));
        TRY(jsonw_quote(out, link->address.text));
        TRY(buf_append(out, STR(", link: ")));
        TRY(jsonw_quote(out, link->link));
        TRY(buf_append(out, link->proxy_protocol ? STR(", proxy_protocol: true}")
                                                 : STR(", proxy_protocol: false}")));
    }
    return buf_byte(out, ']');
}

static bool link_clashes(const struct conf_address *a, const struct conf_address *b)
{
    return a->port != 0 && a->port == b->port && str_eq(a->host, b->host);
}

void conf_check_links(struct conf_reader *reader)
{
    static const struct yaml_place nowhere = { 0, 0 };
    const struct conf *conf = reader->conf;
    for (size_t i = 0; i < conf->listen_links.count; i++) {
        const struct conf_link *link = &conf->listen_links.items[i];
        bool clash = link_clashes(&link->address, &conf->listen_public) ||
                     link_clashes(&link->address, &conf->listen_operator);
        for (size_t j = 0; j < i; j++) {
            clash |= link_clashes(&link->address, &conf->listen_links.items[j].address);
        }
        if (clash) {
            conf_report_add(reader->report, nowhere, links_key,
                            "\"" STR_FMT "\" is another listener's address already",
                            STR_ARG(link->address.text));
        }
        if (link->proxy_protocol && conf->listen_trusted_proxies.count == 0) {
            conf_report_add(reader->report, nowhere, links_key,
                            "\"" STR_FMT "\" takes PROXY headers, but listen.trusted_proxies names "
                            "no proxy to take them from",
                            STR_ARG(link->link));
        }
    }
}
