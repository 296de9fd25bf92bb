/*
 * A toy that is spoken with, without its plush: asks a spoken question (a WAV file), prints what
 * was heard and said, and writes the spoken answer to another WAV file. It says what xiaozhi-esp32
 * firmware says when its button is held and let go (docs/voice.md):
 *
 *   toy                                     server
 *   hello                              ->
 *                                      <-   hello
 *   listen start, packets, listen stop ->
 *                                      <-   stt: what was heard
 *                                      <-   tts start, sentences and their packets, tts stop
 * Messages are JSON, packets are binary: 60 ms of sound each, by Opus.
 */
#include <jansson.h>
#include <libwebsockets.h>
#include <opus/opus.h>
#include <sndfile.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RATE_UP    16000                 /* samples a second of what the toy says, */
#define RATE_DOWN  24000                 /* and of what it plays */
#define FRAME      (RATE_UP * 60 / 1000) /* samples in a packet */
#define PACKET_MAX 1500

enum step {
    SAY_HELLO,
    SAY_START,
    SAY_PACKETS,
    SAY_STOP
};
static const char *const words[] = {
    [SAY_HELLO] =
        "{\"type\":\"hello\",\"version\":1,\"transport\":\"websocket\",\"audio_params\":{"
        "\"format\":\"opus\",\"sample_rate\":16000,\"channels\":1,\"frame_duration\":60}}",
    [SAY_START] = "{\"type\":\"listen\",\"state\":\"start\",\"mode\":\"manual\"}",
    [SAY_STOP] = "{\"type\":\"listen\",\"state\":\"stop\"}",
};

static struct toy {
    const char *key;
    enum step next;  /* that it takes */
    short *question; /* at RATE_UP */
    long samples, said;
    OpusEncoder *encoder;
    OpusDecoder *decoder;
    SNDFILE *answer; /* at RATE_DOWN */
    long answered;
    bool over, failed;
} toy;

static void fail(const char *what)
{
    fprintf(stderr, "toy: %s\n", what);
    toy.over = toy.failed = true;
}

/* One message, when the socket can take one. A microphone gives a packet each 60 ms; this toy has
 * its question whole, and sends it as fast as it goes. */
static void say_next(struct lws *socket)
{
    unsigned char buffer[LWS_PRE + PACKET_MAX], *out = buffer + LWS_PRE; /* frames have heads */
    enum step step = toy.next;
    bool packet = step == SAY_PACKETS;
    int size = packet ? opus_encode(toy.encoder, toy.question + toy.said, FRAME, out, PACKET_MAX)
                      : snprintf((char *)out, PACKET_MAX, "%s", words[step]);
    enum lws_write_protocol kind = packet ? LWS_WRITE_BINARY : LWS_WRITE_TEXT;
    if (size < 0 || lws_write(socket, out, (size_t)size, kind) < size) {
        fail("the server takes no more");
    }
    toy.said += packet ? FRAME : 0;
    toy.next += packet && toy.said < toy.samples ? 0 : 1;
    if (step == SAY_START || step == SAY_PACKETS) { /* else it is the server's turn */
        lws_callback_on_writable(socket);
    }
}

static void on_message(struct lws *socket, const char *bytes, size_t len)
{
    const char *type = "", *state = "", *text = "", *message = "";
    json_t *json = json_loadb(bytes, len, 0, NULL);
    json_unpack(json, "{s?s, s?s, s?s, s?s}", "type", &type, "state", &state, "text", &text,
                "message", &message);
    if (strcmp(type, "hello") == 0) {
        lws_callback_on_writable(socket);
    } else if (strcmp(type, "stt") == 0) {
        printf("heard: %s\n", text);
    } else if (strcmp(type, "tts") == 0 && strcmp(state, "sentence_start") == 0) {
        printf("said: %s\n", text);
    } else if (strcmp(type, "tts") == 0 && strcmp(state, "stop") == 0) {
        toy.over = true;
    } else if (strcmp(type, "alert") == 0) {
        fail(message);
    }
    json_decref(json);
}

static void on_packet(const unsigned char *bytes, size_t len)
{
    short samples[RATE_DOWN * 120 / 1000]; /* the longest packet that Opus has */
    int count = opus_decode(toy.decoder, bytes, (int)len, samples, sizeof(samples) / 2, 0);
    if (count < 0) {
        fail("a packet of the answer does not decode");
    } else {
        toy.answered += sf_write_short(toy.answer, samples, count);
    }
}

static int put_key_into_request(struct lws *socket, unsigned char **at, size_t room)
{
    char value[256];
    int len = snprintf(value, sizeof(value), "Bearer %.200s", toy.key); /* none is longer */
    return lws_add_http_header_by_token(socket, WSI_TOKEN_HTTP_AUTHORIZATION,
                                        (unsigned char *)value, len, at, *at + room);
}

static int on_event(struct lws *ws, enum lws_callback_reasons why, void *user, void *in, size_t len)
{
    (void)user;
    if (why == LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER) {
        return put_key_into_request(ws, in, len);
    } else if (why == LWS_CALLBACK_CLIENT_ESTABLISHED) {
        lws_callback_on_writable(ws);
    } else if (why == LWS_CALLBACK_CLIENT_WRITEABLE && toy.next <= SAY_STOP) {
        say_next(ws);
    } else if (why == LWS_CALLBACK_CLIENT_RECEIVE && lws_frame_is_binary(ws)) {
        on_packet(in, len);
    } else if (why == LWS_CALLBACK_CLIENT_RECEIVE) {
        on_message(ws, in, len);
    } else if (why == LWS_CALLBACK_CLIENT_CONNECTION_ERROR ||
               (why == LWS_CALLBACK_CLIENT_CLOSED && !toy.over)) {
        fail(in != NULL ? in : "the server has gone");
    }
    return toy.over ? -1 : 0; /* -1 closes */
}

static void talk(char *url)
{
    static const struct lws_protocols protocols[] = {
        { .name = "toy", .callback = on_event, .rx_buffer_size = 65536 }, /* they come whole */
        { .name = NULL }
    };
    char path[256];
    const char *scheme, *rest;
    struct lws_context_creation_info toys = { .protocols = protocols };
    struct lws_client_connect_info to = { .path = path, .local_protocol_name = "toy" };
    toys.port = CONTEXT_PORT_NO_LISTEN; /* it only asks */
    toys.options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
    lws_set_log_level(0, NULL);
    to.context = lws_create_context(&toys);
    if (to.context == NULL || strncmp(url, "ws", 2) != 0 ||
        lws_parse_uri(url, &scheme, &to.address, &to.port, &rest) != 0) {
        fail("the URL is ws://HOST:PORT/PATH, or wss://HOST/PATH");
        return;
    }
    snprintf(path, sizeof(path), "/%s", rest);
    to.host = to.address;
    to.ssl_connection = strcmp(scheme, "wss") == 0 ? LCCSCF_USE_SSL : 0;
    lws_client_connect_via_info(&to); /* what goes wrong is an event */
    while (!toy.over && lws_service(to.context, 0) >= 0) {
    }
    lws_context_destroy(to.context);
}

/* The samples of a file of one channel, at the rate that the toy says. */
static bool read_question(const char *path)
{
    SF_INFO info = { 0 };
    SNDFILE *file = sf_open(path, SFM_READ, &info);
    short *samples = file == NULL ? NULL : calloc((size_t)info.frames + 1, sizeof(*samples));
    if (samples == NULL || info.channels != 1) {
        return false;
    }
    toy.samples = sf_read_short(file, samples, info.frames) * RATE_UP / info.samplerate;
    toy.question = calloc((size_t)toy.samples + FRAME, 2); /* so that the last packet is whole */
    for (long i = 0; toy.question != NULL && i < toy.samples; i++) {
        toy.question[i] = samples[i * info.samplerate / RATE_UP];
    }
    free(samples);
    sf_close(file);
    return toy.question != NULL;
}

int main(int argc, char **argv)
{
    SF_INFO wav = { 0, RATE_DOWN, 1, SF_FORMAT_WAV | SF_FORMAT_PCM_16, 0, 0 };
    if (argc != 5 || !read_question(argv[3]) ||
        (toy.answer = sf_open(argv[4], SFM_WRITE, &wav)) == NULL) {
        fprintf(stderr, "usage: toy URL KEY question.wav answer.wav\n");
        return 2;
    }
    toy.key = argv[2];
    toy.encoder = opus_encoder_create(RATE_UP, 1, OPUS_APPLICATION_VOIP, NULL);
    toy.decoder = opus_decoder_create(RATE_DOWN, 1, NULL);
    talk(argv[1]);
    printf("answer: %.1f s in %s\n", (double)toy.answered / RATE_DOWN, argv[4]);
    return sf_close(toy.answer) != 0 || toy.failed || toy.answered == 0;
}
