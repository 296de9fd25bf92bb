#include "conf/conf.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "conf/conf_internal.h"
#include "harness.h"

static struct conf *conf_good(const char *text)
{
    struct conf_report report;
    conf_report_init(&report);
    struct conf *conf = NULL;
    enum err err = conf_parse(str_from(text), STR("/etc/entrepot/"), &conf, &report);
    if (err != ERR_OK) {
        test_failed(EP_SITE, "%s: %s", err_info(err)->name,
                    report.count > 0 ? report.faults[0].text : "");
    }
    conf_report_fini(&report);
    return conf;
}

/* Parses what must be refused; the caller ends the report. */
static void conf_bad(const char *text, struct conf_report *ret_report)
{
    conf_report_init(ret_report);
    struct conf *conf = NULL;
    CHECK(conf_parse(str_from(text), STR(""), &conf, ret_report) == ERR_CONF_INVALID);
    CHECK(conf == NULL);
    CHECK(ret_report->count > 0);
}

TEST(what_is_absent_has_its_default)
{
    struct conf *conf = conf_good("log: {origin: example.com/receipts}\n");
    CHECK_STR(conf->listen_public.text, STR("0.0.0.0:8080"));
    CHECK_STR(conf->listen_operator.host, STR("127.0.0.1"));
    CHECK_EQ(conf->listen_operator.port, 8081);
    CHECK_STR(conf->store, STR("sqlite:/etc/entrepot/var/entrepot.db"));
    CHECK_STR(conf->registry, STR("/etc/entrepot/registry"));
    CHECK_STR(conf->keys_pepper, STR("file:/etc/entrepot/keys/pepper.key"));
    CHECK_STR(conf->upstream_ca, STR(""));
    CHECK_EQ(conf->geo.count, 0);
    CHECK_EQ(conf->threads, 0);
    CHECK_EQ(conf->hold_gate, CONF_HOLD_OVERLAP);
    CHECK_EQ(conf->hold_before_above, 0);
    CHECK_EQ(conf->limits_body_bytes, 33554432);
    CHECK_EQ(conf->limits_drains_max, 64);
    conf_destroy(conf);
}

TEST(what_is_given_is_taken)
{
    struct conf *conf = conf_good(
        "listen: {public: \"[::1]:443\", operator: \"127.0.0.1:0\",\n"
        "  tls: {cert: tls/a.pem, key: /secret/a.key}, trusted_proxies: [10.0.0.0/8, \"::1\"]}\n"
        "store: sqlite:/data/books.db\nregistry: reg/\n"
        "log: {origin: o, key: env:LOG_KEY, folder: /srv/log, witnesses: w.policy}\n"
        "geo: [a.mmdb, /b.mmdb]\nthreads: 4\nnode: 65535\nhold_gate: before\n"
        "hold_before_above: 2.5\nupstream: {ca: ca.pem}\n"
        "limits:\n  drain_ms: 0\n  calls_per_client: 7\n");
    CHECK_STR(conf->listen_public.host, STR("::1"));
    CHECK_EQ(conf->listen_public.port, 443);
    CHECK_STR(conf->listen_tls_cert, STR("/etc/entrepot/tls/a.pem"));
    CHECK_STR(conf->listen_tls_key, STR("/secret/a.key"));
    CHECK_EQ(conf->listen_trusted_proxies.count, 2);
    CHECK_STR(conf->listen_trusted_proxies.items[0], STR("10.0.0.0/8"));
    CHECK_STR(conf->store, STR("sqlite:/data/books.db"));
    CHECK_STR(conf->registry, STR("/etc/entrepot/reg"));
    CHECK_STR(conf->log_key, STR("env:LOG_KEY"));
    CHECK_STR(conf->log_folder, STR("/srv/log"));
    CHECK_STR(conf->log_witnesses, STR("/etc/entrepot/w.policy"));
    CHECK_EQ(conf->log_witness_wait_ms, 500);
    CHECK_STR(conf->geo.items[0], STR("/etc/entrepot/a.mmdb"));
    CHECK_STR(conf->geo.items[1], STR("/b.mmdb"));
    CHECK_EQ(conf->threads, 4);
    CHECK_EQ(conf->node, 65535);
    CHECK_EQ(conf->hold_gate, CONF_HOLD_BEFORE);
    CHECK_EQ(conf->hold_before_above, 2500000000);
    CHECK_EQ(conf->limits_drain_ms, 0);
    CHECK_EQ(conf->limits_calls_per_client, 7);
    conf_destroy(conf);
}

TEST(all_faults_are_told_at_once_with_their_places)
{
    struct conf_report report;
    conf_bad("treads: 4\n"
             "listen:\n  public: nowhere\n"
             "limits:\n  body_bytes: 12\n  idle_msec: 1\n"
             "store: mysql:x\n"
             "listener: 1\n",
             &report);
    CHECK_EQ(report.count, 7);
    CHECK_EQ(report.faults[0].line, 0);
    CHECK_STR(str_from(report.faults[0].key), STR("log.origin"));
    CHECK_EQ(report.faults[1].line, 1);
    CHECK_STR(str_from(report.faults[1].text),
              STR("there is no such key; did you mean \"threads\"?"));
    CHECK_EQ(report.faults[2].line, 3);
    CHECK_EQ(report.faults[2].column, 11);
    CHECK_STR(str_from(report.faults[2].key), STR("listen.public"));
    CHECK_STR(str_from(report.faults[2].text),
              STR("\"nowhere\" is not allowed; write IP:PORT or [IPv6]:PORT"));
    CHECK_STR(str_from(report.faults[3].text),
              STR("\"12\" is not allowed; write a number from 1024 to 1073741824 (bytes)"));
    CHECK_STR(str_from(report.faults[4].text),
              STR("there is no such key; did you mean \"limits.idle_ms\"?"));
    CHECK_EQ(report.faults[5].line, 7);
    CHECK_STR(str_from(report.faults[6].text), STR("there is no such key"));
    conf_report_fini(&report);
}

TEST(a_certificate_without_its_key_is_refused)
{
    struct conf_report report;
    conf_bad("log: {origin: o}\nlisten: {tls: {cert: a.pem}}\n", &report);
    CHECK_STR(str_from(report.faults[0].key), STR("listen.tls.key"));
    conf_report_fini(&report);
    conf_bad("log: {origin: o}\nlisten: {tls: {key: a.pem}}\n", &report);
    CHECK_STR(str_from(report.faults[0].key), STR("listen.tls.cert"));
    conf_report_fini(&report);
}

TEST(both_listeners_at_one_address_are_refused)
{
    struct conf_report report;
    conf_bad("log: {origin: o}\nlisten: {public: \"127.0.0.1:8081\"}\n", &report);
    CHECK_STR(str_from(report.faults[0].key), STR("listen.operator"));
    conf_report_fini(&report);
}

TEST(a_shape_that_is_not_the_schemas_is_refused)
{
    static const char *const shapes[] = {
        "- a\n",          "just text\n",
        "limits: 5\n",    "limits: [1]\n",
        "threads: [1]\n", "geo: x\n",
        "a: [\n",         "a: 1\na: 2\n",
        "threads:\n",     "listen: {public: {a: 1}}\n",
        "geo: {a: 1}\n",
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(shapes); i++) {
        struct conf_report report;
        conf_bad(shapes[i], &report);
        conf_report_fini(&report);
    }
}

TEST(every_default_is_allowed_by_its_own_row)
{
    struct conf *conf = conf_good("log: {origin: o}\n");
    for (size_t i = 0; i < conf_rows_count; i++) {
        const struct conf_row *row = &conf_rows[i];
        CHECK(row->text[0] != '\0');
        CHECK(row->offset < sizeof(*conf));
        if (row->type == CONF_TYPE_NUMBER) {
            uint64_t value = *(const uint64_t *)conf_field(conf, row);
            CHECK(value >= row->min && value <= row->max);
        }
    }
    conf_destroy(conf);
}

TEST(a_file_is_read_and_its_folder_resolves_paths)
{
    char folder[] = "/tmp/ep_conf_XXXXXX";
    CHECK(test_folder(folder) != NULL);
    char path[64];
    char want[64];
    (void)snprintf(path, sizeof(path), "%s/entrepot.yaml", folder);
    (void)snprintf(want, sizeof(want), "%s/share/vocab", folder);
    FILE *file = fopen(path, "w");
    CHECK(file != NULL);
    CHECK(fputs("log: {origin: o}\n", file) >= 0);
    CHECK(fclose(file) == 0);
    struct conf_report report;
    conf_report_init(&report);
    struct conf *conf = NULL;
    CHECK(conf_load(path, &conf, &report) == ERR_OK);
    CHECK_STR(conf->vocabularies, str_from(want));
    conf_destroy(conf);
    CHECK(unlink(path) == 0);
    conf = NULL;
    CHECK(conf_load(path, &conf, &report) == ERR_CONF_INVALID);
    CHECK_STR(str_from(report.faults[0].text), STR("could not be read: No such file or directory"));
    conf_report_fini(&report);
    conf_report_init(&report);
    CHECK(conf_load(folder, &conf, &report) == ERR_CONF_INVALID);
    CHECK(conf == NULL);
    conf_report_fini(&report);
    CHECK(rmdir(folder) == 0);
}

static void load_once(const char *text)
{
    struct conf_report report;
    conf_report_init(&report);
    struct conf *conf = NULL;
    enum err err = conf_parse(str_from(text), STR("/x"), &conf, &report);
    CHECK((err == ERR_OK) == (conf != NULL));
    conf_destroy(conf);
    conf_report_fini(&report);
}

static void load_good(void)
{
    load_once("log: {origin: o, witnesses: a}\ngeo: [x]\nlisten: {public: \"1.2.3.4:5\"}\n");
}

static void load_bad(void)
{
    load_once("a: 1\nthread: 2\ngeo: [1, [2]]\nlimits: {head_ms: x}\n");
}

TEST(running_out_of_memory_leaks_nothing)
{
    CHECK(test_each_allocation_failing(load_good) > 5);
    CHECK(test_each_allocation_failing(load_bad) > 5);
}
