/*
 * A toy that is spoken with, without its plush: sends a WAV file as a spoken question to
 * /v1/devices/voice, prints what was heard and said, and writes the answer to a WAV file. It speaks
 * as xiaozhi-esp32 firmware does (docs/voice.md), in mode "manual": the button is held and let go.
 *
 *   toy HOST PORT KEY question.wav answer.wav [1|2|3]
 *
 * Plain TCP: where TLS is wanted, put stunnel before it, or wss into your firmware.
 */
#include <errno.h>
#include <jansson.h>
#include <netdb.h>
#include <opus/opus.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>
#include <wslay/wslay.h>

enum {
    RATE_UP = 16000,
    RATE_DOWN = 24000,
    FRAME_MS = 60,
    PACKET_MAX = 4000,
    DOWN_MAX = 5760
};

struct toy {
    int fd;
    int version; /* of binary framing */
    wslay_event_context_ptr ws;
    OpusDecoder *decoder;
    FILE *answer;
    uint32_t answer_bytes;
    bool greeted, over, failed;
};

static void die(const char *what)
{
    fprintf(stderr, "toy: %s%s%s\n", what, errno != 0 ? ": " : "",
            errno != 0 ? strerror(errno) : "");
    exit(1);
}

/* ---- sound files -------------------------------------------------------------------------- */

static uint32_t get32(const unsigned char *at)
{
    return at[0] | at[1] << 8 | at[2] << 16 | (uint32_t)at[3] << 24;
}

/* The samples of a WAV of 16 bits, one channel, at RATE_UP. */
static int16_t *read_question(const char *path, size_t *ret_count)
{
    static unsigned char file[10 << 20];
    FILE *in = fopen(path, "rb");
    size_t len = in == NULL ? 0 : fread(file, 1, sizeof(file), in);
    if (len < 44 || memcmp(file, "RIFF", 4) != 0 || memcmp(file + 12, "fmt ", 4) != 0 ||
        file[22] != 1 || file[34] != 16 || get32(file + 24) == 0) {
        die("the question must be a WAV file of 16 bits and one channel");
    }
    fclose(in);
    size_t at = 20 + get32(file + 16);
    while (at + 8 < len && memcmp(file + at, "data", 4) != 0) {
        at += 8 + get32(file + at + 4);
    }
    size_t from = get32(file + 24);
    size_t count = at + 8 < len ? (len - at - 8) / 2 : 0;
    *ret_count = count * RATE_UP / from;
    int16_t *samples = calloc(*ret_count + 1, sizeof(*samples));
    for (size_t i = 0; samples != NULL && i < *ret_count; i++) {
        const unsigned char *sample = file + at + 8 + i * from / RATE_UP * 2;
        samples[i] = (int16_t)(sample[0] | sample[1] << 8);
    }
    return samples;
}

static void write_head(FILE *out, uint32_t bytes)
{
    uint32_t head[11] = { 0x46464952, bytes + 36,    0x45564157, 0x20746d66, 16,   0x00010001,
                          RATE_DOWN,  RATE_DOWN * 2, 0x00100002, 0x61746164, bytes };
    rewind(out);
    fwrite(head, sizeof(head), 1, out);
}

/* ---- WebSocket ---------------------------------------------------------------------------- */

static ssize_t on_recv(wslay_event_context_ptr ws, uint8_t *bytes, size_t size, int flags,
                       void *user)
{
    ssize_t got = recv(((struct toy *)user)->fd, bytes, size, MSG_DONTWAIT);
    bool later = got < 0 && errno == EAGAIN;
    (void)flags;
    if (got <= 0) {
        wslay_event_set_error(ws, later ? WSLAY_ERR_WOULDBLOCK : WSLAY_ERR_CALLBACK_FAILURE);
    }
    return got > 0 ? got : -1;
}

static ssize_t on_send(wslay_event_context_ptr ws, const uint8_t *bytes, size_t size, int flags,
                       void *user)
{
    ssize_t sent = write(((struct toy *)user)->fd, bytes, size);
    (void)flags;
    if (sent <= 0) {
        wslay_event_set_error(ws, WSLAY_ERR_CALLBACK_FAILURE);
    }
    return sent;
}

static int on_mask(wslay_event_context_ptr ws, uint8_t *bytes, size_t size, void *user)
{
    (void)ws, (void)user;
    return getrandom(bytes, size, 0) == (ssize_t)size ? 0 : -1;
}

static void send_message(struct toy *toy, uint8_t opcode, const void *bytes, size_t size)
{
    struct wslay_event_msg message = { opcode, bytes, size };
    if (wslay_event_queue_msg(toy->ws, &message) != 0 || wslay_event_send(toy->ws) != 0) {
        die("the server takes no more");
    }
}

static void send_text(struct toy *toy, const char *text)
{
    send_message(toy, WSLAY_TEXT_FRAME, text, strlen(text));
}

/* Network order: version u16, type u16, reserved u32, timestamp u32, size u32; or type u8, reserved
 * u8, size u16; or nothing. */
static size_t frame_head(int version)
{
    return version == 2 ? 16 : version == 3 ? 4 : 0;
}

static void send_packet(struct toy *toy, uint8_t *message, size_t size)
{
    size_t head = frame_head(toy->version);
    if (head > 0) {
        memset(message, 0, head);
        message[1] = toy->version == 2 ? 2 : 0;
        message[head - 2] = (uint8_t)(size >> 8);
        message[head - 1] = (uint8_t)size;
    }
    send_message(toy, WSLAY_BINARY_FRAME, message, head + size);
}

static void on_text(struct toy *toy, const char *bytes, size_t size)
{
    json_t *root = json_loadb(bytes, size, 0, NULL);
    const char *type = "", *state = "", *text = "", *message = "";
    json_unpack(root, "{s?s, s?s, s?s, s?s}", "type", &type, "state", &state, "text", &text,
                "message", &message);
    if (strcmp(type, "hello") == 0) {
        toy->greeted = true;
    } else if (strcmp(type, "stt") == 0) {
        printf("heard: %s\n", text);
    } else if (strcmp(type, "alert") == 0) {
        printf("alert: %s\n", message);
        toy->failed = true;
    } else if (strcmp(type, "tts") == 0 && strcmp(state, "sentence_start") == 0) {
        printf("said: %s\n", text);
    } else if (strcmp(type, "tts") == 0 && strcmp(state, "stop") == 0) {
        toy->over = true;
    }
    json_decref(root);
}

static void on_packet(struct toy *toy, const uint8_t *bytes, size_t size)
{
    int16_t samples[DOWN_MAX];
    size_t head = frame_head(toy->version);
    int count = size <= head ? -1
                             : opus_decode(toy->decoder, bytes + head, (int)(size - head), samples,
                                           DOWN_MAX, 0);
    if (count < 0) {
        die("a packet of the answer does not decode");
    }
    toy->answer_bytes += (uint32_t)fwrite(samples, 1, (size_t)count * 2, toy->answer);
}

static void on_message(wslay_event_context_ptr ws, const struct wslay_event_on_msg_recv_arg *got,
                       void *user)
{
    struct toy *toy = user;
    (void)ws;
    if (got->opcode == WSLAY_TEXT_FRAME) {
        on_text(toy, (const char *)got->msg, got->msg_length);
    } else if (got->opcode == WSLAY_BINARY_FRAME) {
        on_packet(toy, got->msg, got->msg_length);
    } else if (got->opcode == WSLAY_CONNECTION_CLOSE) {
        toy->failed = !toy->over;
        toy->over = true;
    }
}

/* Until what is waited for has come. */
static void listen_until(struct toy *toy, const bool *come)
{
    struct pollfd wait = { .fd = toy->fd, .events = POLLIN };
    while (!*come && !toy->over) {
        if (poll(&wait, 1, 60000) <= 0) {
            die("the server says nothing");
        }
        if (wslay_event_recv(toy->ws) != 0 || wslay_event_send(toy->ws) != 0) {
            die("the server has gone");
        }
    }
}

static void connect_to(struct toy *toy, const char *host, const char *port, const char *key)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *address = NULL;
    char text[2048] = "";
    if (getaddrinfo(host, port, &hints, &address) != 0) {
        die("no such host");
    }
    toy->fd = socket(address->ai_family, SOCK_STREAM, 0);
    if (toy->fd < 0 || connect(toy->fd, address->ai_addr, address->ai_addrlen) != 0) {
        die(host);
    }
    freeaddrinfo(address);
    dprintf(toy->fd,
            "GET /v1/devices/voice HTTP/1.1\r\nHost: %s:%s\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nAuthorization: Bearer %s\r\n"
            "Protocol-Version: %d\r\n\r\n",
            host, port, key, toy->version);
    for (size_t len = 0; strstr(text, "\r\n\r\n") == NULL; len++) {
        if (len == sizeof(text) - 1 || read(toy->fd, text + len, 1) != 1) {
            die("the server gives no answer");
        }
    }
    if (strncmp(text, "HTTP/1.1 101", 12) != 0) {
        errno = 0;
        *strchr(text, '\r') = '\0';
        die(text);
    }
}

static void ask(struct toy *toy, const char *path)
{
    enum {
        FRAME = RATE_UP / 1000 * FRAME_MS
    };
    int failed = 0;
    size_t count = 0;
    int16_t *samples = read_question(path, &count);
    OpusEncoder *encoder = opus_encoder_create(RATE_UP, 1, OPUS_APPLICATION_VOIP, &failed);
    if (samples == NULL || encoder == NULL) {
        die("no memory");
    }
    send_text(toy, "{\"type\":\"listen\",\"state\":\"start\",\"mode\":\"manual\"}");
    for (size_t at = 0; at + FRAME <= count; at += FRAME) {
        uint8_t message[16 + PACKET_MAX];
        int size = opus_encode(encoder, samples + at, FRAME, message + frame_head(toy->version),
                               PACKET_MAX);
        send_packet(toy, message, (size_t)size);
    }
    send_text(toy, "{\"type\":\"listen\",\"state\":\"stop\"}");
    opus_encoder_destroy(encoder);
    free(samples);
}

int main(int argc, char **argv)
{
    struct wslay_event_callbacks callbacks = { .recv_callback = on_recv,
                                               .send_callback = on_send,
                                               .genmask_callback = on_mask,
                                               .on_msg_recv_callback = on_message };
    struct toy toy = { .version = argc == 7 ? argv[6][0] - '0' : 1 };
    char hello[256];
    int failed = 0;
    if (argc < 6 || argc > 7 || toy.version < 1 || toy.version > 3) {
        die("usage: toy HOST PORT KEY question.wav answer.wav [1|2|3]");
    }
    toy.answer = fopen(argv[5], "wb");
    toy.decoder = opus_decoder_create(RATE_DOWN, 1, &failed);
    if (toy.answer == NULL || toy.decoder == NULL ||
        wslay_event_context_client_init(&toy.ws, &callbacks, &toy) != 0) {
        die(argv[5]);
    }
    write_head(toy.answer, 0);
    connect_to(&toy, argv[1], argv[2], argv[3]);
    snprintf(hello, sizeof(hello),
             "{\"type\":\"hello\",\"version\":%d,\"transport\":\"websocket\",\"audio_params\":"
             "{\"format\":\"opus\",\"sample_rate\":%d,\"channels\":1,\"frame_duration\":%d}}",
             toy.version, RATE_UP, FRAME_MS);
    send_text(&toy, hello);
    listen_until(&toy, &toy.greeted);
    ask(&toy, argv[4]);
    listen_until(&toy, &toy.over);
    write_head(toy.answer, toy.answer_bytes);
    printf("answer: %.1f s in %s\n", toy.answer_bytes / 2.0 / RATE_DOWN, argv[5]);
    return fclose(toy.answer) != 0 || toy.failed || toy.answer_bytes == 0;
}
