#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "registry/registry_internal.h"

struct registry_rule_row {
    const char *code;
    const char *remedy;
    enum registry_weight weight;
};

#define REGISTRY_RULE_AS_ROW(name, weight, remedy) { #name, remedy, REGISTRY_##weight },
static const struct registry_rule_row registry_rules[] = { REGISTRY_RULE_TABLE(
    REGISTRY_RULE_AS_ROW) };
#undef REGISTRY_RULE_AS_ROW
_Static_assert(EP_ARRAY_LEN(registry_rules) == REGISTRY_RULE_COUNT, "a row each");

const char *registry_rule_code(enum registry_rule rule)
{
    ASSERT(rule < REGISTRY_RULE_COUNT);
    return registry_rules[rule].code;
}

const char *registry_rule_remedy(enum registry_rule rule)
{
    ASSERT(rule < REGISTRY_RULE_COUNT);
    return registry_rules[rule].remedy;
}

void registry_report_init(struct registry_report *report)
{
    *report = (struct registry_report){ .vocabularies = NULL };
}

void registry_report_fini(struct registry_report *report)
{
    mem_free(report->faults);
    *report = (struct registry_report){ 0 };
}

void registry_report_add(struct registry_report *report, struct str file, struct yaml_place place,
                         enum registry_rule rule, const char *format, va_list args)
{
    enum registry_weight weight = registry_rules[rule].weight;
    bool warning = weight == REGISTRY_ADVICE || (weight == REGISTRY_LAW && report->draft);
    report->refusals += warning ? 0 : 1;
    if (report->count == REGISTRY_FAULTS_MAX) {
        report->dropped++;
        return;
    }
    struct registry_fault *grown =
        mem_realloc(report->faults, (report->count + 1) * sizeof(*report->faults));
    if (grown == NULL) {
        report->out_of_memory = true;
        return;
    }
    report->faults = grown;
    struct registry_fault *fault = &grown[report->count++];
    *fault = (struct registry_fault){
        .line = place.line, .column = place.column, .rule = rule, .warning = warning
    };
    /* A name or a sentence that is too long is cut: it is for reading. */
    (void)snprintf(fault->file, sizeof(fault->file), STR_FMT, STR_ARG(file));
    (void)vsnprintf(fault->text, sizeof(fault->text), format, args);
}

static void registry_report_printf(struct registry_report *report, struct str file,
                                   enum registry_rule rule, const char *format, ...)
    EP_PRINTF(4, 5);

static void registry_report_printf(struct registry_report *report, struct str file,
                                   enum registry_rule rule, const char *format, ...)
{
    const struct yaml_place nowhere = { 0, 0 };
    va_list args;
    va_start(args, format);
    registry_report_add(report, file, nowhere, rule, format, args);
    va_end(args);
}

void registry_report_note(struct registry_report *report, struct str file, enum registry_rule rule,
                          struct str text)
{
    registry_report_printf(report, file, rule, STR_FMT, STR_ARG(text));
}

static int registry_fault_order(const void *left, const void *right)
{
    const struct registry_fault *a = left;
    const struct registry_fault *b = right;
    int files = strcmp(a->file, b->file);
    if (files != 0) {
        return files;
    }
    if (a->line != b->line) {
        return a->line < b->line ? -1 : 1;
    }
    if (a->column != b->column) {
        return a->column < b->column ? -1 : 1;
    }
    return strcmp(a->text, b->text);
}

void registry_report_sort(struct registry_report *report)
{
    if (report->count > 1) {
        qsort(report->faults, report->count, sizeof(report->faults[0]), registry_fault_order);
    }
}

enum err registry_report_print(const struct registry_report *report, struct buf *out)
{
    for (size_t i = 0; i < report->count; i++) {
        const struct registry_fault *fault = &report->faults[i];
        TRY(buf_printf(out, "%s:", fault->file));
        if (fault->line > 0) {
            TRY(buf_printf(out, "%u:%u:", fault->line, fault->column));
        }
        TRY(buf_printf(out, "%s %s: %s (%s)\n", fault->warning ? " warning:" : "",
                       registry_rule_code(fault->rule), fault->text,
                       registry_rule_remedy(fault->rule)));
    }
    if (report->dropped > 0) {
        TRY(buf_printf(out, "and %zu more\n", report->dropped));
    }
    if (report->out_of_memory) {
        TRY(buf_append(out, STR("out of memory while reading\n")));
    }
    return ERR_OK;
}
