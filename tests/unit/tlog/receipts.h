/* A receipt's facts as a call would fill them. */
#pragma once

#include "harness.h"
#include "tlog/receipt.h"

static const char *const receipts_classes[RECEIPT_CLASSES] = {
    "in",  "cached",   "w5m",       "w1h",       "w30m",         "w12h",
    "wx",  "in_audio", "in_image",  "in_tool",   "cached_audio", "cached_image",
    "out", "reason",   "out_audio", "out_image",
};

static const char *const receipts_units[RECEIPT_UNITS] = { "web_search", "web_fetch", "source" };

static inline struct receipt_facts receipts_facts(struct id call)
{
    return (struct receipt_facts){
        .call = call,
        .begun_ns = 1764000000000000000,
        .ended_ns = 1764000001000000000,
        .key = STR("key_1"),
        .product = STR("world"),
        .model_asked = STR("aurora-large"),
        .model_served = STR("aurora-large"),
        .reported = { .tokens = { 86, 1920, [12] = 108, 192 }, .provenance = STR("upstream") },
        .billed = { .tokens = { 86, 1920, [12] = 108, 192 }, .provenance = STR("upstream") },
        .class_names = receipts_classes,
        .unit_names = receipts_units,
        .price_book = STR("world/1"),
        .amount_nano = 5015000,
        .currency = STR("USD"),
        .outcome = STR("complete"),
        .allowed = true,
        .reasons = { STR("A"), STR("B") },
        .reason_count = 2,
        .mode = STR("aggregate"),
        .route = STR("r1"),
        .attempts = 1,
        .held_nano = 6000000,
    };
}
