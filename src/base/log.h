/*
 * The log: one JSON object a line, from a bounded ring that a thread of its own drains to a file
 * descriptor. A full ring drops the line and counts it; a writer never waits.
 *
 * There is no field for prompt or answer text, by design. Threads: any, after log_start().
 * Before log_start() and after log_stop() lines go to the descriptor at once.
 */
#pragma once

#include "base/id.h"

#define LOG_LINE_MAX 4096              /* the longest closing line is under 2 KiB */
#define LOG_RING_MAX ((size_t)1 << 20) /* 1 MiB: half a second of lines at 10,000 calls a second */

enum log_level {
    LOG_INFO,
    LOG_WARN,
    LOG_ERROR
};

#define EVENT(name, level, shown, meaning) EVENT_##name,
enum event {
#include "base/events.def"
    EVENT_COUNT
};
#undef EVENT

/* A line under construction; lives on the stack. Fields that no longer fit are left out whole. */
struct log_line {
    struct buf buf; /* borrows `text` */
    char text[LOG_LINE_MAX];
};

/* Starts the draining thread; `fd` stays the caller's. */
EP_MUST_CHECK enum err log_start(int fd, struct fail *fail);
/* Writes what is left and ends the thread. */
void log_stop(void);

void log_begin(struct log_line *line, enum event event);
void log_str(struct log_line *line, const char *name, struct str value); /* escaped */
void log_int(struct log_line *line, const char *name, int64_t value);
void log_bool(struct log_line *line, const char *name, bool value);
void log_id(struct log_line *line, const char *name, struct str prefix, struct id id);
/* The code, the sentence and the place of a failure. */
void log_fail(struct log_line *line, const struct fail *fail);
void log_end(struct log_line *line);

const char *log_event_name(enum event event);
const char *log_event_meaning(enum event event);
enum log_level log_event_level(enum event event);
