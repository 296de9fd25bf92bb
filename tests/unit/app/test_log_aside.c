#include "app/log_aside.h"

#include <sys/stat.h>
#include <unistd.h>

#include "house.h"
#include "tlog/publish.h"
#include "tlog/tile_folder.h"

static struct house house;
static char folder[128];

static void begin(void)
{
    house_begin(&house);
    house_open(&house, WORLD_READ_WRITE);
    (void)snprintf(folder, sizeof(folder), "%s/var/log", house.folder);
}

static void publish(void)
{
    struct fail fail;
    struct publisher *publisher = NULL;
    struct publish_round round;
    const struct publish_options options = {
        .store = house.world->store,
        .folder = folder,
        .origin = house.world->conf->log_origin,
        .key = house.world->log_secret,
    };
    CHECK_EQ(publish_open(&options, &publisher, &fail), ERR_OK);
    publish_round_init(&round);
    CHECK_EQ(publish_sign(publisher, 1, &round, &fail), ERR_OK);
    CHECK_EQ(publish_finish(publisher, &round, &fail), ERR_OK);
    publish_round_fini(&round);
    publish_close(publisher);
}

/* Puts another text in the place of the shown checkpoint. */
static void show(const char *text)
{
    char path[160];
    (void)snprintf(path, sizeof(path), "%s/checkpoint", folder);
    FILE *file = fopen(path, "w");
    CHECK(file != NULL);
    CHECK_EQ(fwrite(text, 1, strlen(text), file), strlen(text));
    CHECK_EQ(fclose(file), 0);
}

static struct log_aside look(void)
{
    struct log_aside aside = { .published = -1 };
    struct fail fail = { .text = "" };
    enum err err = log_aside_look(folder, house.world->store, &aside, &fail);
    CHECK_EQ(err, ERR_OK);
    return aside;
}

TEST(a_folder_that_is_not_there_or_shows_nothing_is_true)
{
    begin();
    struct log_aside aside = look();
    CHECK(!aside.untrue && aside.published == 0);
    CHECK(access(folder, F_OK) != 0); /* nor was it made */
    CHECK_EQ(mkdir(folder, 0755), 0);
    aside = look();
    CHECK(!aside.untrue && aside.published == 0);
    house_end(&house);
}

TEST(what_was_published_of_these_leaves_is_true)
{
    begin();
    publish();
    struct log_aside aside = look();
    CHECK(!aside.untrue);
    CHECK(aside.published > 0);
    house_end(&house);
}

TEST(more_leaves_other_leaves_and_rubbish_are_untrue)
{
    static const char *const others[] = {
        "o\n1000\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n\xe2\x80\x94 o AAAAAAAA\n",
        "o\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n\xe2\x80\x94 o AAAAAAAA\n",
        "o\n1\nAAAA\n\n\xe2\x80\x94 o AAAAAAAA\n",
        "rubbish",
    };
    begin();
    publish();
    for (size_t i = 0; i < EP_ARRAY_LEN(others); i++) {
        show(others[i]);
        CHECK(look().untrue);
    }
    house_end(&house);
}

TEST(a_folder_that_somebody_publishes_into_is_not_judged)
{
    struct tile_folder *open = NULL;
    struct log_aside aside;
    struct fail fail;
    begin();
    CHECK_EQ(tile_folder_open(folder, &open, &fail), ERR_OK);
    CHECK_EQ(log_aside_look(folder, house.world->store, &aside, &fail), ERR_CONFLICT);
    tile_folder_close(open);
    house_end(&house);
}

TEST(it_is_put_aside_under_the_time_and_never_over_another)
{
    char path[192];
    char kept_text[192];
    struct buf kept = { kept_text, 0, sizeof(kept_text), sizeof(kept_text) };
    struct fail fail;
    begin();
    publish();
    CHECK_EQ(log_aside_move(folder, INT64_C(5000000000), &kept, &fail), ERR_OK);
    (void)snprintf(path, sizeof(path), "%s.lost-5", folder);
    CHECK_STR(buf_str(&kept), str_from(path));
    CHECK(access(path, F_OK) == 0 && access(folder, F_OK) != 0);
    CHECK_EQ(log_aside_move(folder, INT64_C(6000000000), &kept, &fail), ERR_IO); /* there is none */
    publish();
    CHECK_EQ(log_aside_move(folder, INT64_C(5000000000), &kept, &fail), ERR_IO);
    CHECK(access(folder, F_OK) == 0);
    house_end(&house);
}
