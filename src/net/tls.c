#include "net/tls.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/mem.h"
#include "net/stream_internal.h"

#define TLS_RECORD_MAX ((size_t)16 * 1024) /* plain bytes of a record (RFC 8446 5.1) */
#define TLS_HOST_MAX   256                 /* a DNS name and its NUL */

struct tls_context {
    SSL_CTX *ssl;
    uint64_t id;
};

static const unsigned char tls_alpn[] = { 8, 'h', 't', 't', 'p', '/', '1', '.', '1' };

/* ---- errors ------------------------------------------------------------------------------ */

/* Empties OpenSSL's queue into `fail`. */
static enum err tls_fail(struct fail *fail, enum err err, const char *what)
{
    unsigned long code = ERR_peek_last_error();
    const char *reason = code == 0 ? NULL : ERR_reason_error_string(code);
    ERR_clear_error();
    return FAIL(fail, err, "could not %s: %s", what, reason == NULL ? "no reason given" : reason);
}

/* ---- OpenSSL's bytes, over the loop ------------------------------------------------------ */

static int tls_bio_read(BIO *bio, char *bytes, size_t size, size_t *ret_len)
{
    struct stream *stream = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    *ret_len = 0;
    enum err err = loop_read(stream->loop, stream->watch.fd, bytes, size, ret_len);
    if (err == ERR_BUSY) {
        BIO_set_retry_read(bio);
    } else if (err == ERR_NET_CLOSED) {
        BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
    }
    return err == ERR_OK ? 1 : 0;
}

static int tls_bio_write(BIO *bio, const char *bytes, size_t size, size_t *ret_len)
{
    struct stream *stream = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    union {
        const char *in;
        void *out;
    } unconst = { .in = bytes }; /* an iovec has no const; the loop only reads it */
    struct iovec part = { unconst.out, size };
    *ret_len = 0;
    enum err err = loop_write(stream->loop, stream->watch.fd, &part, 1, ret_len);
    if (err == ERR_BUSY) {
        BIO_set_retry_write(bio);
    }
    return err == ERR_OK ? 1 : 0;
}

static long tls_bio_ctrl(BIO *bio, int what, long number, void *pointer)
{
    (void)number;
    (void)pointer;
    switch (what) {
    case BIO_CTRL_FLUSH:
        return 1; /* nothing is held back */
    case BIO_CTRL_EOF:
        return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0;
    default:
        return 0;
    }
}

static pthread_once_t tls_bio_once = PTHREAD_ONCE_INIT;
static BIO_METHOD *tls_bio_method; /* made once and kept: every TLS stream of the process uses it */

static void tls_bio_make(void)
{
    BIO_METHOD *method =
        BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK | BIO_TYPE_DESCRIPTOR, "loop");
    if (method != NULL && BIO_meth_set_read_ex(method, tls_bio_read) == 1 &&
        BIO_meth_set_write_ex(method, tls_bio_write) == 1 &&
        BIO_meth_set_ctrl(method, tls_bio_ctrl) == 1) {
        tls_bio_method = method;
    }
}

/* ---- contexts ---------------------------------------------------------------------------- */

static int tls_choose_alpn(SSL *ssl, const unsigned char **ret_name, unsigned char *ret_len,
                           const unsigned char *offered, unsigned offered_len, void *unused)
{
    (void)ssl;
    (void)unused;
    unsigned char *chosen = NULL;
    if (SSL_select_next_proto(&chosen, ret_len, tls_alpn, sizeof(tls_alpn), offered, offered_len) !=
        OPENSSL_NPN_NEGOTIATED) {
        return SSL_TLSEXT_ERR_ALERT_FATAL; /* RFC 7301 3.2: we speak none of what it speaks */
    }
    *ret_name = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static enum err tls_create(const SSL_METHOD *method, struct tls_context **ret_tls,
                           struct fail *fail)
{
    static _Atomic uint64_t id_last;
    struct tls_context *tls = mem_zalloc(sizeof(*tls));
    if (tls == NULL) {
        return FAIL(fail, ERR_NO_MEMORY, "no memory for a TLS context");
    }
    (void)pthread_once(&tls_bio_once, tls_bio_make); /* fails only for a bad argument */
    tls->id = atomic_fetch_add(&id_last, 1) + 1;
    tls->ssl = SSL_CTX_new(method);
    if (tls->ssl == NULL || tls_bio_method == NULL ||
        SSL_CTX_set_min_proto_version(tls->ssl, TLS1_2_VERSION) != 1) {
        enum err err = tls_fail(fail, ERR_TLS, "make a TLS context");
        tls_context_destroy(tls);
        return err;
    }
    /* Partial and moving writes fit queues that grow; released buffers make idle streams small. */
    (void)SSL_CTX_set_mode(tls->ssl, SSL_MODE_ENABLE_PARTIAL_WRITE |
                                         SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                         SSL_MODE_RELEASE_BUFFERS);
    (void)SSL_CTX_set_options(tls->ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                            SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_read_ahead(tls->ssl, 1); /* a record with one read, not two */
    (void)SSL_CTX_set_session_cache_mode(tls->ssl, SSL_SESS_CACHE_OFF);
    ERR_clear_error();
    *ret_tls = tls;
    return ERR_OK;
}

enum err tls_server_create(const char *cert_path, const char *key_path,
                           struct tls_context **ret_tls, struct fail *fail)
{
    struct tls_context *tls = NULL;
    TRY(tls_create(TLS_server_method(), &tls, fail));
    SSL_CTX_set_alpn_select_cb(tls->ssl, tls_choose_alpn, NULL);
    enum err err = ERR_OK;
    if (SSL_CTX_use_certificate_chain_file(tls->ssl, cert_path) != 1) {
        err = tls_fail(fail, ERR_TLS, "read the TLS certificate");
    } else if (SSL_CTX_use_PrivateKey_file(tls->ssl, key_path, SSL_FILETYPE_PEM) != 1) {
        err = tls_fail(fail, ERR_TLS, "read the TLS key, or it is not the certificate's");
    } else if (SSL_CTX_set_num_tickets(tls->ssl, 1) != 1) {
        err = tls_fail(fail, ERR_TLS, "set up TLS tickets");
    }
    if (err != ERR_OK) {
        tls_context_destroy(tls);
        return err;
    }
    ERR_clear_error();
    *ret_tls = tls;
    return ERR_OK;
}

enum err tls_client_create(const char *ca_path, struct tls_context **ret_tls, struct fail *fail)
{
    struct tls_context *tls = NULL;
    TRY(tls_create(TLS_client_method(), &tls, fail));
    SSL_CTX_set_verify(tls->ssl, SSL_VERIFY_PEER, NULL);
    int loaded = ca_path == NULL ? SSL_CTX_set_default_verify_paths(tls->ssl)
                                 : SSL_CTX_load_verify_file(tls->ssl, ca_path);
    enum err err = ERR_OK;
    if (loaded != 1) {
        err = tls_fail(fail, ERR_TLS, "read the trusted roots");
    } else if (SSL_CTX_set_alpn_protos(tls->ssl, tls_alpn, sizeof(tls_alpn)) != 0) {
        err = tls_fail(fail, ERR_TLS, "set up TLS protocols");
    }
    if (err != ERR_OK) {
        tls_context_destroy(tls);
        return err;
    }
    ERR_clear_error();
    *ret_tls = tls;
    return ERR_OK;
}

void tls_context_destroy(struct tls_context *tls)
{
    if (tls != NULL) {
        SSL_CTX_free(tls->ssl); /* streams that are open hold it */
        mem_free(tls);
    }
}

uint64_t tls_context_id(const struct tls_context *tls)
{
    return tls->id;
}

/* ---- streams ----------------------------------------------------------------------------- */

/* What the last operation with `result` means. The queue of errors is empty afterwards. */
static enum err tls_result(const SSL *ssl, int result)
{
    enum err err = ERR_IO;
    switch (SSL_get_error(ssl, result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        err = ERR_BUSY;
        break;
    case SSL_ERROR_ZERO_RETURN:
        err = ERR_NET_CLOSED;
        break;
    default:
        break;
    }
    ERR_clear_error();
    return err;
}

static enum err tls_handshake(struct stream *stream, struct fail *fail)
{
    SSL *ssl = stream->tls;
    ERR_clear_error();
    int result = SSL_do_handshake(ssl);
    if (result == 1) {
        return ERR_OK;
    }
    int code = SSL_get_error(ssl, result);
    if (code == SSL_ERROR_WANT_READ || code == SSL_ERROR_WANT_WRITE) {
        ERR_clear_error();
        return ERR_BUSY;
    }
    long verified = SSL_get_verify_result(ssl);
    if (SSL_is_server(ssl) == 0 && verified != X509_V_OK) {
        ERR_clear_error();
        return FAIL(fail, ERR_UPSTREAM_TLS, "could not verify the certificate: %s",
                    X509_verify_cert_error_string(verified));
    }
    bool closed = ERR_GET_REASON(ERR_peek_last_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING;
    if (code == SSL_ERROR_SSL && !closed) {
        return tls_fail(fail, SSL_is_server(ssl) == 0 ? ERR_UPSTREAM_TLS : ERR_TLS,
                        "agree on TLS with the peer");
    }
    ERR_clear_error();
    return FAIL(fail, ERR_NET_CLOSED, "the peer closed while TLS was set up");
}

static enum err tls_read(struct stream *stream, void *bytes, size_t size, size_t *ret_len)
{
    ERR_clear_error();
    size_t len = 0;
    int result = SSL_read_ex(stream->tls, bytes, size, &len);
    if (result != 1) {
        return tls_result(stream->tls, result);
    }
    *ret_len = len;
    return ERR_OK;
}

/* The parts' first bytes in one piece: a record for each small part would double what is sent. */
static size_t tls_gather(const struct iovec *parts, int count, char block[TLS_RECORD_MAX])
{
    size_t len = 0;
    for (int i = 0; i < count && len < TLS_RECORD_MAX; i++) {
        size_t room = TLS_RECORD_MAX - len;
        size_t take = parts[i].iov_len < room ? parts[i].iov_len : room;
        if (take > 0) {
            memcpy(block + len, parts[i].iov_base, take);
            len += take;
        }
    }
    return len;
}

static enum err tls_write(struct stream *stream, const struct iovec *parts, int count,
                          size_t *ret_len)
{
    char block[TLS_RECORD_MAX];
    const void *bytes = block;
    size_t len = 0;
    ERR_clear_error();
    if (count == 1 || parts[0].iov_len >= TLS_RECORD_MAX) {
        bytes = parts[0].iov_base;
        len = parts[0].iov_len < TLS_RECORD_MAX ? parts[0].iov_len : TLS_RECORD_MAX;
    } else {
        len = tls_gather(parts, count, block);
    }
    if (len == 0) {
        *ret_len = 0;
        return ERR_OK;
    }
    size_t put = 0;
    int result = SSL_write_ex(stream->tls, bytes, len, &put);
    if (result != 1) {
        return tls_result(stream->tls, result);
    }
    *ret_len = put;
    return ERR_OK;
}

static void tls_end(struct stream *stream)
{
    if (SSL_is_init_finished(stream->tls) == 1) {
        (void)SSL_shutdown(stream->tls); /* a good-bye that does not fit is not waited for */
    }
    ERR_clear_error();
}

static void tls_close(struct stream *stream)
{
    SSL_free(stream->tls);
    stream->tls = NULL;
    ERR_clear_error();
}

static struct str tls_name(const struct stream *stream)
{
    return str_from(SSL_get_servername(stream->tls, TLSEXT_NAMETYPE_host_name));
}

static const struct stream_kind tls_kind = {
    .handshake = tls_handshake,
    .read = tls_read,
    .write = tls_write,
    .end = tls_end,
    .close = tls_close,
    .name = tls_name,
};

static enum err tls_begin(struct stream *stream, const struct tls_context *tls, SSL **ret_ssl,
                          struct fail *fail)
{
    ASSERT(stream->tls == NULL);
    SSL *ssl = SSL_new(tls->ssl);
    BIO *bio = BIO_new(tls_bio_method);
    if (ssl == NULL || bio == NULL) {
        SSL_free(ssl);
        (void)BIO_free(bio); /* nothing in it that could fail */
        return tls_fail(fail, ERR_NO_MEMORY, "make a TLS stream");
    }
    BIO_set_data(bio, stream);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl, bio, bio); /* takes it */
    *ret_ssl = ssl;
    return ERR_OK;
}

enum err stream_secure_server(struct stream *stream, struct tls_context *tls, struct fail *fail)
{
    SSL *ssl = NULL;
    TRY(tls_begin(stream, tls, &ssl, fail));
    SSL_set_accept_state(ssl);
    stream->tls = ssl;
    stream->kind = &tls_kind;
    return ERR_OK;
}

/* RFC 7469 2.4: the key and its algorithm, not the certificate, which is renewed. */
bool stream_tls_is_pinned(const struct stream *stream, const unsigned char *pin)
{
    unsigned char sum[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    unsigned char *key = NULL;
    X509 *cert = stream->tls == NULL ? NULL : SSL_get0_peer_certificate(stream->tls);
    int key_len = cert == NULL ? -1 : i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &key);
    bool pinned = key_len > 0 &&
                  EVP_Digest(key, (size_t)key_len, sum, &len, EVP_sha256(), NULL) == 1 &&
                  len == TLS_PIN_BYTES && memcmp(sum, pin, TLS_PIN_BYTES) == 0;
    OPENSSL_free(key);
    ERR_clear_error();
    return pinned;
}

/* Whom the certificate must be for. */
static bool tls_expect(SSL *ssl, char *host)
{
    if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1) {
        return true; /* a literal address; SNI is for names alone (RFC 6066 3) */
    }
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
}

enum err stream_secure_client(struct stream *stream, struct tls_context *tls, struct str host,
                              struct fail *fail)
{
    char text[TLS_HOST_MAX];
    if (host.len == 0 || host.len >= sizeof(text) || memchr(host.ptr, '\0', host.len) != NULL) {
        return FAIL(fail, ERR_UPSTREAM_TLS, "the host's name is not one a certificate can have");
    }
    memcpy(text, host.ptr, host.len);
    text[host.len] = '\0';
    SSL *ssl = NULL;
    TRY(tls_begin(stream, tls, &ssl, fail));
    if (!tls_expect(ssl, text)) {
        SSL_free(ssl);
        return tls_fail(fail, ERR_UPSTREAM_TLS, "expect that host");
    }
    ERR_clear_error();
    SSL_set_connect_state(ssl);
    stream->tls = ssl;
    stream->kind = &tls_kind;
    return ERR_OK;
}
