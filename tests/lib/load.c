#include "tests/lib/load.h"
#include "tests/lib/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

void load_get(struct load *load, const char *path, struct aq_buffer *out)
{
    aq_buffer_text(out, "GET ");
    aq_buffer_text(out, path);
    aq_buffer_text(out, " HTTP/1.1\r\nHost: localhost\r\n");
    aq_buffer_text(out, load->authorization);
    aq_buffer_text(out, "\r\n");
}

void load_post(struct load *load, const char *path, const char *body, size_t length, struct aq_buffer *out)
{
    aq_buffer_text(out, "POST ");
    aq_buffer_text(out, path);
    aq_buffer_text(out, " HTTP/1.1\r\nHost: localhost\r\n");
    aq_buffer_text(out, load->authorization);
    aq_buffer_text(out, "Content-Type: application/json\r\nContent-Length: ");
    aq_buffer_u64(out, length);
    aq_buffer_text(out, "\r\n\r\n");
    aq_buffer_add(out, body, length);
}

/* ---- connections --------------------------------------------------------------------------------------- */

static void load_secure(struct load *load, struct load_connection *connection)
{
    int failed;
    BENCH_MUST(gnutls_init(&connection->session, GNUTLS_CLIENT) == 0);
    BENCH_MUST(gnutls_set_default_priority(connection->session) == 0);
    BENCH_MUST(gnutls_credentials_set(connection->session, GNUTLS_CRD_CERTIFICATE, load->credentials) == 0);
    gnutls_transport_set_int(connection->session, connection->fd);
    do
        failed = gnutls_handshake(connection->session);
    while (failed < 0 && !gnutls_error_is_fatal(failed));
    BENCH_MUST(failed == 0);
    BENCH_MUST(fcntl(connection->fd, F_SETFL, O_NONBLOCK) == 0);
}

/* Both return -1 with errno EAGAIN where the socket would block. */
static ssize_t load_write(struct load_connection *connection, const void *bytes, size_t length)
{
    if (connection->session == NULL)
        return send(connection->fd, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);
    ssize_t got = gnutls_record_send(connection->session, bytes, length);
    errno = got == GNUTLS_E_AGAIN || got == GNUTLS_E_INTERRUPTED ? EAGAIN : EIO;
    return got;
}

static ssize_t load_read(struct load_connection *connection, void *bytes, size_t size)
{
    if (connection->session == NULL)
        return recv(connection->fd, bytes, size, MSG_DONTWAIT);
    ssize_t got = gnutls_record_recv(connection->session, bytes, size);
    errno = got == GNUTLS_E_AGAIN || got == GNUTLS_E_INTERRUPTED ? EAGAIN : EIO;
    return got;
}

static void load_connect(struct load *load, struct load_connection *connection)
{
    int on = 1;
    connection->fd = test_connect(1, load->port, 0);
    BENCH_MUST(connection->fd >= 0);
    setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (load->credentials != NULL)
        load_secure(load, connection);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    BENCH_MUST(epoll_ctl(load->epoll, EPOLL_CTL_ADD, connection->fd, &event) == 0);
}

static void load_open_all(struct load *load, const char *login)
{
    unsigned count = load->count;
    if (login != NULL)
        test_authorization(load->authorization, sizeof load->authorization, login);
    load->epoll = epoll_create1(EPOLL_CLOEXEC);
    BENCH_MUST(load->epoll >= 0);
    load->scratch = aq_malloc(LOAD_READ_SIZE);
    load->times = aq_malloc(LOAD_TIMES_MAX * sizeof *load->times);
    load->connections = aq_calloc(count, sizeof *load->connections);
    for (unsigned i = 0; i < count; i++)
        load_connect(load, &load->connections[i]);
}

void load_open(struct load *load, unsigned port, const char *login, unsigned count)
{
    *load = (struct load){.port = port, .count = count};
    load_open_all(load, login);
}

void load_open_secure(struct load *load, unsigned port, const char *login, unsigned count)
{
    *load = (struct load){.port = port, .count = count};
    BENCH_MUST(gnutls_certificate_allocate_credentials(&load->credentials) == 0);
    load_open_all(load, login);
}

void load_close(struct load *load)
{
    for (unsigned i = 0; i < load->count; i++) {
        if (load->connections[i].session != NULL)
            gnutls_deinit(load->connections[i].session);
        close(load->connections[i].fd);
        aq_buffer_free(&load->connections[i].request);
    }
    if (load->credentials != NULL)
        gnutls_certificate_free_credentials(load->credentials);
    close(load->epoll);
    free(load->connections);
    free(load->scratch);
    free(load->times);
}

/* ---- sending ------------------------------------------------------------------------------------------- */

static void load_watch(struct load *load, struct load_connection *connection, unsigned events)
{
    struct epoll_event event = {.events = events, .data.ptr = connection};
    BENCH_MUST(epoll_ctl(load->epoll, EPOLL_CTL_MOD, connection->fd, &event) == 0);
}

static void load_send(struct load *load, struct load_connection *connection)
{
    bool first = connection->sent == 0;
    while (connection->sent < connection->request.length) {
        ssize_t got = load_write(connection, connection->request.data + connection->sent,
                                 connection->request.length - connection->sent);
        if (got < 0 && errno == EAGAIN)
            break;
        BENCH_MUST(got > 0);
        connection->sent += (size_t)got;
    }
    bool done = connection->sent == connection->request.length;
    if (!done && first)
        load_watch(load, connection, EPOLLIN | EPOLLOUT);
    else if (done && !first)
        load_watch(load, connection, EPOLLIN);
}

static void load_begin(struct load *load, struct load_connection *connection, load_fill_fn *fill, void *context)
{
    aq_buffer_reset(&connection->request);
    fill(load, context, &connection->request);
    connection->sent = connection->head_length = 0;
    connection->in_body = false;
    connection->busy = true;
    connection->begun = bench_now();
    load->begun++;
    load_send(load, connection);
}

/* ---- receiving ----------------------------------------------------------------------------------------- */

static void load_body(struct load *load, const char *bytes, size_t length)
{
    load->bytes += length;
    if (load->keep != NULL)
        aq_buffer_add(load->keep, bytes, length);
}

/* Appends bytes to the head of the answer; true when it is complete. The bytes after it belong to the body. */
static bool load_head(struct load *load, struct load_connection *connection, const char *bytes, size_t length)
{
    size_t room = LOAD_HEAD_MAX - 1 - connection->head_length, taken = length < room ? length : room;
    size_t before = connection->head_length;
    memcpy(connection->head + before, bytes, taken);
    connection->head_length += taken;
    connection->head[connection->head_length] = '\0';
    const char *end = strstr(connection->head, "\r\n\r\n");
    BENCH_MUST(end != NULL || connection->head_length < LOAD_HEAD_MAX - 1);
    if (end == NULL)
        return false;
    const char *field = strcasestr(connection->head, "\r\nContent-Length:");
    BENCH_MUST(field != NULL && field < end && strncmp(connection->head, "HTTP/1.1 ", 9) == 0);
    connection->body_left = strtoul(field + 17, NULL, 10);
    connection->in_body = true;
    if (connection->head[9] != '2' && load->refused++ == 0)
        bench_say("first refusal: %.200s", end + 4);
    size_t head_bytes = (size_t)(end + 4 - connection->head) - before, rest = length - head_bytes;
    BENCH_MUST(rest <= connection->body_left);
    connection->body_left -= rest;
    load_body(load, bytes + head_bytes, rest);
    return true;
}

/* Returns true when the answer is complete. */
static bool load_receive(struct load *load, struct load_connection *connection)
{
    for (;;) {
        ssize_t got = load_read(connection, load->scratch, LOAD_READ_SIZE);
        if (got < 0 && errno == EAGAIN)
            return false;
        if (got <= 0)
            BENCH_DIE("the server closed a connection in the middle");
        if (!connection->in_body) {
            (void)load_head(load, connection, load->scratch, (size_t)got);
        } else {
            BENCH_MUST((size_t)got <= connection->body_left);
            connection->body_left -= (size_t)got;
            load_body(load, load->scratch, (size_t)got);
        }
        if (connection->in_body && connection->body_left == 0)
            return true;
    }
}

static void load_note(struct load *load, struct load_connection *connection)
{
    connection->busy = false;
    load->answers++;
    if (load->time_count < LOAD_TIMES_MAX)
        load->times[load->time_count++] = bench_now() - connection->begun;
}

void load_run(struct load *load, double seconds, uint64_t requests, load_fill_fn *fill, void *context)
{
    struct epoll_event events[64];
    unsigned busy = 0;
    double begun = bench_now(), until = begun + seconds;
    load->begun = load->answers = load->refused = load->bytes = load->time_count = 0;
    for (unsigned i = 0; i < load->count && (requests == 0 || load->begun < requests); i++, busy++)
        load_begin(load, &load->connections[i], fill, context);
    while (busy > 0) {
        int ready = epoll_wait(load->epoll, events, 64, LOAD_WAIT_MS);
        if (ready < 0 && errno == EINTR)
            continue;
        if (ready <= 0)
            BENCH_DIE("no answer within %d s", LOAD_WAIT_MS / 1000);
        for (int i = 0; i < ready; i++) {
            struct load_connection *connection = events[i].data.ptr;
            if (events[i].events & EPOLLOUT)
                load_send(load, connection);
            if (!(events[i].events & ~(unsigned)EPOLLOUT) || !load_receive(load, connection))
                continue;
            load_note(load, connection);
            if (bench_now() < until && (requests == 0 || load->begun < requests))
                load_begin(load, connection, fill, context);
            else
                busy--;
        }
    }
    load->seconds = bench_now() - begun;
}

double load_rate(const struct load *load)
{
    return (double)(load->answers - load->refused) / load->seconds;
}

/* ---- the same request each time -------------------------------------------------------------------- */

void load_fill_same(struct load *load, void *context, struct aq_buffer *out)
{
    const struct aq_buffer *text = context;
    (void)load;
    aq_buffer_add(out, text->data, text->length);
}

void load_ask(unsigned port, const char *login, const char *path, const char *post, struct aq_buffer *body)
{
    struct load load;
    struct aq_buffer request = {0};
    load_open(&load, port, login, 1);
    load.keep = body;
    if (post != NULL)
        load_post(&load, path, post, strlen(post), &request);
    else
        load_get(&load, path, &request);
    load_run(&load, 1, 1, load_fill_same, &request);
    if (load.refused > 0)
        BENCH_DIE("refused: %s: %s", path, aq_buffer_string(body));
    aq_buffer_free(&request);
    load_close(&load);
}
