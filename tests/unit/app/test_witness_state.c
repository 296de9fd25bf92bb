#include "app/witness_state.h"

#include "witness_case.h"

#define LEAVES 12

static struct witness_case place;
static struct fail fail;
static struct golden_tree tree;
static struct witness_logs *logs;
static struct sign_key *secret;
static struct note_key key;

static bool said(const char *what)
{
    return str_search(str_from(fail.text), str_from(what)) < strlen(fail.text);
}

static void begin(void)
{
    witness_case_begin(&place);
    CHECK_EQ(mkdir(place.folder, 0700), 0);
    golden_tree_init(&tree, LEAVES);
    secret = golden_secret(0x20);
    key = golden_key(secret, CASE_NAME, NOTE_COSIGNATURE);
    CHECK(witness_logs_parse(STR(GOLDEN_VKEY "\n"), &logs, &fail) == ERR_OK);
    CHECK_EQ(witness_state_create(witness_case_path(&place, "state.db"), STR(GOLDEN_WITNESS_VKEY),
                                  &fail),
             ERR_OK);
}

static struct store *open_state(void)
{
    struct store *store = NULL;
    CHECK_EQ(witness_state_open(witness_case_path(&place, "state.db"), STR(GOLDEN_WITNESS_VKEY),
                                &store, &fail),
             ERR_OK);
    return store;
}

static void end(void)
{
    witness_logs_destroy(logs);
    sign_key_destroy(secret);
    golden_tree_fini(&tree);
    witness_case_end(&place);
}

/* A request with its turn, as the listener has them. */
struct asking {
    struct store_job job;
    struct witness_self self;
    struct buf body;
    struct witness_request request;
    struct witness_turn turn;
};

static enum err run_turn(struct store_job *job, struct store_txn *txn, struct fail *why)
{
    struct asking *asking = EP_CONTAINER(job, struct asking, job);
    return witness_state_judge(txn, &asking->turn, why);
}

static void asking_begin(struct asking *asking, int64_t old, int64_t size)
{
    *asking = (struct asking){ .job.run = run_turn, .self = { logs, &key, secret } };
    buf_init(&asking->body, WITNESS_REQUEST_MAX);
    witness_case_ask(&tree, old, size, &asking->body);
    CHECK_EQ(witness_open(logs, buf_str(&asking->body), &asking->request, &fail), WITNESS_COSIGNS);
    witness_turn_init(&asking->turn);
    asking->turn.self = &asking->self;
    asking->turn.request = &asking->request;
    asking->turn.time_s = 1700000000 + size;
}

static void asking_end(struct asking *asking)
{
    witness_turn_fini(&asking->turn);
    buf_fini(&asking->body);
}

/* Asks, and gives the status; *ret_known: what the witness says it had. */
static enum witness_status ask(struct store *store, int64_t old, int64_t size, int64_t *ret_known)
{
    struct asking asking;
    asking_begin(&asking, old, size);
    CHECK_EQ(store_run(store, &asking.job, &fail), ERR_OK);
    enum witness_status status = asking.turn.status;
    CHECK_EQ(asking.turn.line.len > 0, status == WITNESS_COSIGNS);
    *ret_known = asking.turn.known;
    asking_end(&asking);
    return status;
}

static enum err read_note(void *context, struct store_txn *txn, struct fail *why)
{
    return witness_state_note(txn, STR(GOLDEN_ORIGIN), context, why);
}

TEST(what_was_cosigned_is_remembered_over_restarts)
{
    int64_t known = -1;
    struct buf note;
    begin();
    buf_init(&note, NOTE_BYTES_MAX);
    struct store *store = open_state();
    CHECK_EQ(store_read(store, read_note, &note, &fail), ERR_OK);
    CHECK_EQ(note.len, 0);
    CHECK_EQ(ask(store, 1, 3, &known), WITNESS_ELSEWHERE);
    CHECK_EQ(known, 0);
    CHECK_EQ(ask(store, 0, 3, &known), WITNESS_COSIGNS);
    store_close(store);
    store = open_state();
    CHECK_EQ(ask(store, 0, 5, &known), WITNESS_ELSEWHERE);
    CHECK_EQ(known, 3);
    CHECK_EQ(ask(store, 3, 8, &known), WITNESS_COSIGNS);
    CHECK_EQ(ask(store, 8, 8, &known), WITNESS_COSIGNS);   /* again, for a fresh time */
    CHECK_EQ(ask(store, 3, 5, &known), WITNESS_ELSEWHERE); /* never back */
    CHECK_EQ(known, 8);
    CHECK_EQ(store_read(store, read_note, &note, &fail), ERR_OK);
    store_close(store);

    /* Monitors find the log's signature and the witness's, of the newest. */
    struct sign_key *log = golden_secret(0);
    struct note_key log_key = golden_key(log, GOLDEN_ORIGIN, NOTE_ED25519);
    struct checkpoint checkpoint;
    struct note read;
    int64_t time_s = 0;
    CHECK(checkpoint_open(buf_str(&note), &log_key, &checkpoint, &read, &fail) == ERR_OK);
    CHECK_EQ(checkpoint.size, 8);
    CHECK(note_check(&read, &key, &time_s) == NOTE_SIGNED);
    CHECK_EQ(time_s, 1700000008);
    sign_key_destroy(log);
    buf_fini(&note);
    end();
}

TEST(of_two_requests_from_one_size_the_second_is_too_late)
{
    struct asking first;
    struct asking second;
    int64_t known = -1;
    begin();
    struct store *store = open_state();
    CHECK_EQ(ask(store, 0, 3, &known), WITNESS_COSIGNS);
    asking_begin(&first, 3, 9);
    asking_begin(&second, 3, 5);
    CHECK_EQ(store_run(store, &first.job, &fail), ERR_OK);
    CHECK_EQ(store_run(store, &second.job, &fail), ERR_OK);
    CHECK_EQ(first.turn.status, WITNESS_COSIGNS);
    CHECK_EQ(second.turn.status, WITNESS_ELSEWHERE);
    CHECK_EQ(second.turn.known, 9);
    CHECK_EQ(second.turn.line.len, 0);
    asking_end(&first);
    asking_end(&second);
    store_close(store);
    end();
}

TEST(a_memory_is_one_keys_and_is_never_made_twice)
{
    struct store *store = NULL;
    begin();
    const char *path = witness_case_path(&place, "state.db");
    CHECK_EQ(witness_state_create(path, STR(GOLDEN_WITNESS_VKEY), &fail), ERR_CONFLICT);
    CHECK_EQ(witness_state_open(path, STR(GOLDEN_VKEY), &store, &fail), ERR_CONF_INVALID);
    CHECK(said(GOLDEN_WITNESS_VKEY));
    store = open_state();
    struct store *second = NULL;
    CHECK_EQ(witness_state_open(path, STR(GOLDEN_WITNESS_VKEY), &second, &fail), ERR_STORE_LOCKED);
    store_close(store);
    CHECK_EQ(unlink(path), 0);
    CHECK_EQ(witness_state_open(path, STR(GOLDEN_WITNESS_VKEY), &store, &fail), ERR_NOT_FOUND);
    CHECK_EQ(access(path, F_OK), -1); /* and none was made */
    end();
}
