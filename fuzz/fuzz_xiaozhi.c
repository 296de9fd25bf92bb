/* room: dialect */
#include "dialect/sentence.h"
#include "dialect/xiaozhi.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_text(struct xiaozhi_session *session, struct str text)
{
    struct xiaozhi_message message;
    struct fail fail = { .code = ERR_OK };
    enum xiaozhi_act act;
    if (xiaozhi_read(text, &message, &fail) != ERR_OK) {
        ASSERT(fail.text[0] != '\0');
        return;
    }
    enum xiaozhi_state before = session->state;
    if (xiaozhi_session_take(session, &message, &act, &fail) != ERR_OK) {
        ASSERT(session->state == before);
        return;
    }
    ASSERT(session->state != XIAOZHI_OPENING);
    ASSERT((act == XIAOZHI_HEARD) ==
           (before == XIAOZHI_LISTENING && session->state == XIAOZHI_ANSWERING));
    ASSERT(act != XIAOZHI_BEGIN || session->state == XIAOZHI_LISTENING);
}

static void fuzz_binary(struct xiaozhi_session *session, struct str bytes)
{
    struct xiaozhi_packet packet;
    bool hears = false;
    if (session->version == 0 || xiaozhi_unpack(session->version, bytes, &packet, NULL) != ERR_OK) {
        return;
    }
    if (packet.json) {
        fuzz_text(session, packet.payload);
        return;
    }
    char header[XIAOZHI_HEADER_MAX];
    size_t len = xiaozhi_header(session->version, packet.payload.len, header);
    ASSERT(len + packet.payload.len == bytes.len);
    if (xiaozhi_session_hears(session, &hears, NULL) == ERR_OK && hears &&
        packet.payload.len == 1) {
        xiaozhi_session_heard(session);
        (void)xiaozhi_session_answered(session); /* both answers are fine */
    }
}

/* Sentences are the same whether a text is fed whole or in pieces. */
static void fuzz_sentences(struct str text, size_t step, struct buf *out)
{
    struct sentence sentence;
    struct str found;
    sentence_init(&sentence);
    while (text.len > 0) {
        struct str piece = str_slice(text, 0, text.len < step ? text.len : step);
        text = str_from_at(text, piece.len);
        ASSERT(sentence_feed(&sentence, piece) == ERR_OK);
        while (sentence_next(&sentence, text.len == 0, &found)) {
            ASSERT(found.len > 0 && found.len <= SENTENCE_MAX);
            ASSERT(buf_append(out, found) == ERR_OK && buf_byte(out, '|') == ERR_OK);
        }
    }
    sentence_fini(&sentence);
}

/* The first byte: the version of the handshake, and the step of sentences. Lines: what a device
 * says; those that begin with '#' are binary. The whole is an answer to be spoken, too. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct xiaozhi_session session;
    if (size < 2 || size > 65536 || !xiaozhi_session_init(&session, data[0] % 4)) {
        return 0;
    }
    struct str rest = { (const char *)data + 1, size - 1 };
    struct buf outs[2];
    for (size_t i = 0; i < 2; i++) {
        buf_init(&outs[i], 1 << 20);
        fuzz_sentences(rest, i == 0 ? rest.len : (size_t)data[0] % 7 + 1, &outs[i]);
    }
    ASSERT(str_eq(buf_str(&outs[0]), buf_str(&outs[1])));
    buf_fini(&outs[0]);
    buf_fini(&outs[1]);
    while (rest.len > 0) {
        struct str line = str_cut(&rest, '\n');
        if (line.len > 0 && line.ptr[0] == '#') {
            fuzz_binary(&session, str_from_at(line, 1));
        } else {
            fuzz_text(&session, line);
        }
    }
    return 0;
}
