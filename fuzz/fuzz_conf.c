/* room: conf */
#include "conf/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is taken prints to a text that is taken and prints the same. */
static void fuzz_round_trip(const struct conf *conf)
{
    struct buf first;
    struct buf second;
    buf_init(&first, CONF_BYTES_MAX);
    buf_init(&second, CONF_BYTES_MAX);
    struct conf_report report;
    conf_report_init(&report);
    struct conf *again = NULL;
    if (conf_print(conf, &first) == ERR_OK) {
        ASSERT(conf_parse(buf_str(&first), STR_EMPTY, &again, &report) == ERR_OK);
        ASSERT(conf_print(again, &second) == ERR_OK);
        ASSERT(str_eq(buf_str(&first), buf_str(&second)));
    }
    conf_destroy(again);
    conf_report_fini(&report);
    buf_fini(&first);
    buf_fini(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct conf_report report;
    conf_report_init(&report);
    struct conf *conf = NULL;
    enum err err = conf_parse((struct str){ (const char *)data, size }, STR("dir"), &conf, &report);
    if (err == ERR_OK) {
        fuzz_round_trip(conf);
    } else {
        ASSERT(err == ERR_NO_MEMORY || report.count > 0);
    }
    conf_destroy(conf);
    conf_report_fini(&report);
    return 0;
}
