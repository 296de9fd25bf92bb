#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "conf/conf_internal.h"

void conf_report_init(struct conf_report *report)
{
    *report = (struct conf_report){ 0 };
}

void conf_report_fini(struct conf_report *report)
{
    mem_free(report->faults);
    *report = (struct conf_report){ 0 };
}

void conf_report_add(struct conf_report *report, struct yaml_place place, struct str key,
                     const char *format, ...)
{
    if (report->count == CONF_FAULTS_MAX) {
        report->dropped++;
        return;
    }
    struct conf_fault *grown =
        mem_realloc(report->faults, (report->count + 1) * sizeof(*report->faults));
    if (grown == NULL) {
        report->out_of_memory = true;
        return;
    }
    report->faults = grown;
    struct conf_fault *fault = &grown[report->count++];
    *fault = (struct conf_fault){ .line = place.line, .column = place.column };
    /* A key or a sentence that is too long is cut: it is for reading. */
    (void)snprintf(fault->key, sizeof(fault->key), STR_FMT, STR_ARG(key));
    va_list args;
    va_start(args, format);
    (void)vsnprintf(fault->text, sizeof(fault->text), format, args);
    va_end(args);
}

static int conf_fault_order(const void *left, const void *right)
{
    const struct conf_fault *a = left;
    const struct conf_fault *b = right;
    if (a->line != b->line) {
        return a->line < b->line ? -1 : 1;
    }
    if (a->column != b->column) {
        return a->column < b->column ? -1 : 1;
    }
    return strcmp(a->key, b->key);
}

void conf_report_sort(struct conf_report *report)
{
    if (report->count > 1) {
        qsort(report->faults, report->count, sizeof(report->faults[0]), conf_fault_order);
    }
}

enum err conf_report_print(const struct conf_report *report, struct buf *out)
{
    for (size_t i = 0; i < report->count; i++) {
        const struct conf_fault *fault = &report->faults[i];
        TRY(buf_printf(out, "%s:", report->file[0] == '\0' ? "configuration" : report->file));
        if (fault->line > 0) {
            TRY(buf_printf(out, "%u:%u:", fault->line, fault->column));
        }
        TRY(buf_printf(out, " %s%s%s\n", fault->key, fault->key[0] == '\0' ? "" : ": ",
                       fault->text));
    }
    if (report->dropped > 0) {
        TRY(buf_printf(out, "and %zu more\n", report->dropped));
    }
    if (report->out_of_memory) {
        TRY(buf_append(out, STR("out of memory while reading\n")));
    }
    return ERR_OK;
}
