#include "base/log.h"

#include <pthread.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/stamp.h"

struct log_event_row {
    const char *name;
    const char *meaning;
    enum log_level level;
};

#define EVENT(name, level, shown, meaning) [EVENT_##name] = { shown, meaning, LOG_##level },
static const struct log_event_row log_rows[] = {
#include "base/events.def"
};
#undef EVENT

static const struct str log_level_names[] = {
    [LOG_INFO] = STR_INIT("info"),
    [LOG_WARN] = STR_INIT("warn"),
    [LOG_ERROR] = STR_INIT("error"),
};

/* The one log of the process: every room may write a line, none owns it. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t filled;
    pthread_t thread;
    struct buf ring; /* what waits; swapped out whole by the drain */
    uint64_t dropped;
    int fd;
    bool running;
} log_state = {
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .filled = PTHREAD_COND_INITIALIZER,
    .fd = STDERR_FILENO,
};

static void log_write_all(int fd, struct str text)
{
    while (text.len > 0) {
        ssize_t done = write(fd, text.ptr, text.len);
        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done <= 0) {
            return; /* nobody is left to tell */
        }
        text = str_from_at(text, (size_t)done);
    }
}

static void log_report_dropped(int fd, uint64_t dropped)
{
    struct log_line line;
    log_begin(&line, EVENT_DROPPED);
    log_int(&line, "lines", (int64_t)dropped);
    EP_IGNORE(buf_append(&line.buf, STR("}\n")));
    log_write_all(fd, buf_str(&line.buf));
}

#define LOG_GATHER_NS 5000000 /* lines of 5 ms go out in one write */

/* Lets lines gather: a thread that woke for each of them would cost more than the lines. */
static void log_gather(void)
{
    const struct timespec wait = { 0, LOG_GATHER_NS };
    (void)clock_nanosleep(CLOCK_MONOTONIC, 0, &wait, NULL); /* cut short, it is as good */
}

static void *log_drain(void *unused)
{
    (void)unused;
    struct buf out;
    buf_init(&out, LOG_RING_MAX);
    bool running = true;
    while (running) {
        (void)pthread_mutex_lock(&log_state.lock);
        while (log_state.ring.len == 0 && log_state.running) {
            (void)pthread_cond_wait(&log_state.filled, &log_state.lock);
        }
        running = log_state.running;
        if (running) {
            (void)pthread_mutex_unlock(&log_state.lock);
            log_gather();
            (void)pthread_mutex_lock(&log_state.lock);
        }
        struct buf full = log_state.ring;
        log_state.ring = out;
        out = full;
        uint64_t dropped = log_state.dropped;
        log_state.dropped = 0;
        running = log_state.running;
        (void)pthread_mutex_unlock(&log_state.lock);

        log_write_all(log_state.fd, buf_str(&out));
        buf_reset(&out);
        if (dropped > 0) {
            log_report_dropped(log_state.fd, dropped);
        }
    }
    buf_fini(&out);
    return NULL;
}

enum err log_start(int fd, struct fail *fail)
{
    ASSERT(!log_state.running);
    buf_init(&log_state.ring, LOG_RING_MAX);
    log_state.fd = fd;
    log_state.running = true;
    int error = pthread_create(&log_state.thread, NULL, log_drain, NULL);
    if (error != 0) {
        log_state.running = false;
        errno = error;
        return FAIL_SYS(fail, ERR_IO, "could not start the log's thread");
    }
    return ERR_OK;
}

void log_stop(void)
{
    (void)pthread_mutex_lock(&log_state.lock);
    bool was_running = log_state.running;
    log_state.running = false;
    (void)pthread_cond_signal(&log_state.filled);
    (void)pthread_mutex_unlock(&log_state.lock);
    if (was_running) {
        (void)pthread_join(log_state.thread, NULL);
        log_write_all(log_state.fd, buf_str(&log_state.ring));
        buf_fini(&log_state.ring);
    }
}

/* The line's buffer is its own array: full means ERR_LIMIT, and never a heap request. */
static void log_line_init(struct log_line *line)
{
    line->buf = (struct buf){ line->text, 0, sizeof(line->text), sizeof(line->text) };
}

static enum err log_escaped(struct buf *out, struct str value)
{
    TRY(buf_byte(out, '"'));
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.ptr[i];
        if (c == '"' || c == '\\') {
            TRY(buf_byte(out, '\\'));
        }
        if (c < 0x20 || c >= 0x7F) {
            /* Log lines are plain ASCII: bytes from outside are shown, never passed through. */
            static const char digits[] = "0123456789abcdef";
            char escape[] = { '\\', 'u', '0', '0', digits[c >> 4], digits[c & 15] };
            TRY(buf_append(out, (struct str){ escape, sizeof(escape) }));
        } else {
            TRY(buf_byte(out, (char)c));
        }
    }
    return buf_byte(out, '"');
}

#define LOG_TAIL 2 /* the closing brace and the line feed must always fit */

static enum err log_name(struct buf *out, const char *name)
{
    TRY(buf_append(out, STR(",\"")));
    TRY(buf_append(out, str_from(name)));
    return buf_append(out, STR("\":"));
}

static void log_keep(struct log_line *line, size_t before, enum err err)
{
    if (err != ERR_OK || line->buf.len > sizeof(line->text) - LOG_TAIL) {
        line->buf.len = before;
    }
}

void log_begin(struct log_line *line, enum event event)
{
    ASSERT((unsigned)event < EVENT_COUNT);
    const struct log_event_row *row = &log_rows[event];
    log_line_init(line);
    enum err err = buf_append(&line->buf, STR("{\"at\":\""));
    err = err == ERR_OK ? stamp_print(&line->buf, stamp_system_ns()) : err;
    err = err == ERR_OK ? buf_append(&line->buf, STR("\",\"level\":\"")) : err;
    err = err == ERR_OK ? buf_append(&line->buf, log_level_names[row->level]) : err;
    err = err == ERR_OK ? buf_append(&line->buf, STR("\",\"event\":\"")) : err;
    err = err == ERR_OK ? buf_append(&line->buf, str_from(row->name)) : err;
    err = err == ERR_OK ? buf_byte(&line->buf, '"') : err;
    ASSERT(err == ERR_OK); /* an empty line holds its head */
}

void log_str(struct log_line *line, const char *name, struct str value)
{
    size_t before = line->buf.len;
    enum err err = log_name(&line->buf, name);
    log_keep(line, before, err == ERR_OK ? log_escaped(&line->buf, value) : err);
}

void log_int(struct log_line *line, const char *name, int64_t value)
{
    size_t before = line->buf.len;
    enum err err = log_name(&line->buf, name);
    log_keep(line, before, err == ERR_OK ? buf_i64(&line->buf, value) : err);
}

void log_bool(struct log_line *line, const char *name, bool value)
{
    size_t before = line->buf.len;
    enum err err = log_name(&line->buf, name);
    log_keep(line, before,
             err == ERR_OK ? buf_append(&line->buf, value ? STR("true") : STR("false")) : err);
}

void log_id(struct log_line *line, const char *name, struct str prefix, struct id id)
{
    size_t before = line->buf.len;
    enum err err = log_name(&line->buf, name);
    err = err == ERR_OK ? buf_byte(&line->buf, '"') : err;
    err = err == ERR_OK ? id_print(&line->buf, prefix, id) : err;
    log_keep(line, before, err == ERR_OK ? buf_byte(&line->buf, '"') : err);
}

void log_fail(struct log_line *line, const struct fail *fail)
{
    log_str(line, "code", str_from(err_info(fail->code)->name));
    log_str(line, "text", str_from(fail->text));
    log_str(line, "site", str_from(fail->site));
}

void log_end(struct log_line *line)
{
    ASSERT(line->buf.len <= sizeof(line->text) - LOG_TAIL);
    EP_IGNORE(buf_append(&line->buf, STR("}\n"))); /* log_keep() left the room */

    (void)pthread_mutex_lock(&log_state.lock);
    bool running = log_state.running;
    if (running) {
        bool was_empty = log_state.ring.len == 0;
        if (buf_append(&log_state.ring, buf_str(&line->buf)) != ERR_OK) {
            log_state.dropped++;
        } else if (was_empty) {
            (void)pthread_cond_signal(&log_state.filled);
        }
    }
    (void)pthread_mutex_unlock(&log_state.lock);
    if (!running) {
        log_write_all(log_state.fd, buf_str(&line->buf));
    }
}

const char *log_event_name(enum event event)
{
    ASSERT((unsigned)event < EVENT_COUNT);
    return log_rows[event].name;
}

const char *log_event_meaning(enum event event)
{
    ASSERT((unsigned)event < EVENT_COUNT);
    return log_rows[event].meaning;
}

enum log_level log_event_level(enum event event)
{
    ASSERT((unsigned)event < EVENT_COUNT);
    return log_rows[event].level;
}
