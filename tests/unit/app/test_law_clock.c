#include "app/law_clock.h"

#include <fcntl.h>
#include <unistd.h>

#include "../net/peer.h"
#include "app/server.h"
#include "base/counter.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/stamp.h"
#include "house.h"

static struct house house;
static struct server server;
static struct law_clock *law_clock;
static int log_fd = -1;
static off_t log_read; /* up to here */

static int64_t at(const char *time)
{
    int64_t ns = 0;
    CHECK(stamp_parse(str_from(time), &ns));
    return ns;
}

static void begin(void)
{
    char path[128];
    house_begin(&house);
    house_open(&house, WORLD_READ_WRITE);
    server = (struct server){ .world = house.world, .loop = test_loop() };
    (void)snprintf(path, sizeof(path), "%s/log", house.folder);
    log_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    CHECK(log_fd >= 0);
    log_read = 0;
    CHECK_EQ(law_clock_start(&server, &law_clock, NULL), ERR_OK);
}

static void end(void)
{
    law_clock_stop(law_clock);
    loop_destroy(server.loop);
    CHECK_EQ(close(log_fd), 0);
    house_end(&house);
}

/* Looks; returns how many lines of this event were said. */
static int look(const char *time, const char *event)
{
    static char text[65536];
    char want[64];
    CHECK_EQ(log_start(log_fd, NULL), ERR_OK);
    law_clock_look(law_clock, at(time));
    log_stop();
    ssize_t len = pread(log_fd, text, sizeof(text) - 1, log_read);
    CHECK(len >= 0);
    text[len] = '\0';
    log_read += len;
    int count = 0;
    (void)snprintf(want, sizeof(want), "\"event\":\"%s\"", event);
    for (const char *found = strstr(text, want); found != NULL; found = strstr(found + 1, want)) {
        count++;
    }
    return count;
}

TEST(routes_are_said_to_close_and_to_open_once_each)
{
    begin();
    CHECK_EQ(look("2026-12-01T00:00:00Z", "route_closed"), 0);
    CHECK_EQ(counter_get(COUNTER_ROUTES_CLOSED), 0);
    CHECK_EQ(look("2027-12-31T23:59:59.999999999Z", "route_closed"), 0);
    CHECK_EQ(look("2028-01-01T00:00:00Z", "route_closed"), 5);
    CHECK_EQ(counter_get(COUNTER_ROUTES_CLOSED), 5);
    CHECK_EQ(look("2028-01-01T00:00:01Z", "route_closed"), 0);
    CHECK_EQ(look("2029-01-01T00:00:00Z", "route_closed"), 0);
    CHECK_EQ(look("2027-12-31T00:00:00Z", "route_opened"), 5); /* the clock was set back */
    CHECK_EQ(counter_get(COUNTER_ROUTES_CLOSED), 0);
    CHECK_EQ(look("2027-12-31T00:00:01Z", "route_opened"), 0);
    end();
}

TEST(a_server_that_starts_late_says_what_is_closed)
{
    begin();
    CHECK_EQ(look("2028-06-01T00:00:00Z", "route_closed"), 5);
    end();
}

/* The first thing to end is what is known of the client: 2027-11-02. */
TEST(warnings_come_at_their_instants_once_each)
{
    static const struct {
        const char *before;
        const char *due;
        enum counter counter;
    } cases[] = {
        { "2027-09-02T23:59:59Z", "2027-09-03T00:00:00Z", COUNTER_LAW_ENDING_60 },
        { "2027-10-02T23:59:59Z", "2027-10-03T00:00:00Z", COUNTER_LAW_ENDING_30 },
        { "2027-10-25T23:59:59Z", "2027-10-26T00:00:00Z", COUNTER_LAW_ENDING_7 },
        { "2027-10-31T23:59:59Z", "2027-11-01T00:00:00Z", COUNTER_LAW_ENDING_1 },
    };
    begin();
    int64_t warnings = counter_get(COUNTER_LAW_WARNINGS);
    CHECK_EQ(look("2026-12-01T00:00:00Z", "law_ends_soon"), 0);
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        CHECK_EQ(look(cases[i].before, "law_ends_soon"), 0);
        CHECK_EQ(counter_get(cases[i].counter), 0);
        CHECK_EQ(look(cases[i].due, "law_ends_soon"), 1);
        CHECK_EQ(counter_get(cases[i].counter), 1);
        CHECK_EQ(look(cases[i].due, "law_ends_soon"), 0);
    }
    CHECK_EQ(counter_get(COUNTER_LAW_ENDING_60), 1); /* one in each: so many days, or fewer */
    CHECK_EQ(look("2027-11-01T23:59:59Z", "law_ended"), 0);
    CHECK_EQ(look("2027-11-02T00:00:00Z", "law_ended"), 1);
    CHECK_EQ(counter_get(COUNTER_LAW_ENDING_1), 0);
    CHECK(counter_get(COUNTER_LAW_WARNINGS) > warnings + 5);
    end();
}

/* Of what is running out already a server that starts says how it stands, not every step. */
TEST(what_runs_out_already_is_told_once_at_the_start)
{
    begin();
    CHECK_EQ(look("2027-10-28T00:00:00Z", "law_ends_soon"), 1);
    CHECK_EQ(look("2027-10-28T00:00:01Z", "law_ends_soon"), 0);
    CHECK_EQ(counter_get(COUNTER_LAW_ENDING_7), 1);
    CHECK_EQ(counter_get(COUNTER_LAW_ENDING_1), 0);
    end();
}

static void set_revoked(bool revoked)
{
    static const char kept[] = "  - id: g.borealis-operator\n    version: 1\n";
    static const char gone[] = "  - id: g.borealis-operator\n    version: 1\n"
                               "    revoked_at: 2026-11-03T00:00:00Z\n";
    house_change(&house, "grants.yaml", revoked ? kept : gone, revoked ? gone : kept);
    house_apply(&house);
}

TEST(another_registry_says_what_it_changes_alone)
{
    begin();
    CHECK_EQ(look("2026-12-01T00:00:00Z", "route_closed"), 0);
    set_revoked(true);
    CHECK_EQ(look("2026-12-01T00:00:01Z", "route_closed"), 1);
    CHECK_EQ(counter_get(COUNTER_ROUTES_CLOSED), 1);
    house_change(&house, "products.yaml", "name: World models", "name: Models of the world");
    house_apply(&house);
    CHECK_EQ(look("2026-12-01T00:00:02Z", "route_closed"), 0); /* it was said */
    CHECK_EQ(counter_get(COUNTER_ROUTES_CLOSED), 1);
    set_revoked(false);
    CHECK_EQ(look("2026-12-01T00:00:03Z", "route_opened"), 1);
    CHECK_EQ(counter_get(COUNTER_ROUTES_CLOSED), 0);
    end();
}

TEST(without_memory_the_registry_of_before_is_kept_until_the_next_look)
{
    begin();
    CHECK_EQ(look("2027-12-01T00:00:00Z", "route_closed"), 0);
    set_revoked(true);
    for (int ever = 0; ever < 2; ever++) {
        uint64_t nth = 1;
        CHECK_EQ(log_start(log_fd, NULL), ERR_OK);
        ever == 1 ? mem_fail_from(nth) : mem_fail_nth(nth);
        law_clock_look(law_clock, at("2028-01-01T00:00:00Z")); /* by the old one all close */
        mem_fail_nth(0);
        log_stop();
        CHECK_EQ(counter_get(COUNTER_ROUTES_CLOSED), 5);
    }
    CHECK_EQ(look("2027-12-01T00:00:01Z", "route_opened"), 4); /* the new one, all but one */
    CHECK_EQ(counter_get(COUNTER_ROUTES_CLOSED), 1);
    for (uint64_t nth = 1; nth < 1000; nth++) {
        set_revoked(nth % 2 == 0);
        mem_fail_nth(nth);
        law_clock_look(law_clock, at("2027-12-01T00:00:02Z"));
        bool done = mem_requests() < nth;
        mem_fail_nth(0);
        law_clock_look(law_clock, at("2027-12-01T00:00:03Z"));
        CHECK_EQ(counter_get(COUNTER_ROUTES_CLOSED), nth % 2 == 0 ? 1 : 0);
        if (done) {
            CHECK(nth > 2);
            break;
        }
    }
    end();
}

/* Its timer runs: the first look comes in the loop's first turns, without being asked. */
TEST(the_clock_runs_with_the_loop)
{
    begin();
    counter_set(COUNTER_ROUTES_CLOSED, 77);
    UNTIL(server.loop, counter_get(COUNTER_ROUTES_CLOSED) == 0);
    end();
}

TEST(a_start_without_memory_is_refused)
{
    begin();
    struct law_clock *other = NULL;
    mem_fail_nth(1);
    CHECK_EQ(law_clock_start(&server, &other, NULL), ERR_NO_MEMORY);
    mem_fail_nth(0);
    CHECK(other == NULL);
    law_clock_stop(NULL);
    end();
}
