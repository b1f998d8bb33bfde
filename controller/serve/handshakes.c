#include "controller/serve/handshakes.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* TLS 1.3 and 1.2, and of the latter what has forward secrecy and authenticates what it encrypts. */
const char handshakes_priorities[] =
    "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-KX-ALL:+ECDHE-ECDSA:+ECDHE-RSA:-CIPHER-ALL:+AES-128-GCM:"
    "+CHACHA20-POLY1305:+AES-256-GCM:-MAC-ALL:+AEAD:-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1:+GROUP-SECP384R1:"
    "-SIGN-RSA-SHA1:-SIGN-ECDSA-SHA1:%SERVER_PRECEDENCE";

/* ---- what GnuTLS calls ------------------------------------------------------------------------------------ */

static ssize_t pull(gnutls_transport_ptr_t context, void *bytes, size_t size)
{
    struct handshake *handshake = context;
    ssize_t got = recv(handshake->fd, bytes, size, 0);
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        handshake->starved = handshake->open;
    return got;
}

/* Nothing waits inside of GnuTLS. */
static int pull_timeout(gnutls_transport_ptr_t context, unsigned ms)
{
    (void)context;
    (void)ms;
    return 1;
}

static void leave(struct handshake *handshake)
{
    struct handshakes *all = handshake->all;
    if (!handshake->given_up)
        TAILQ_REMOVE(&all->old, handshake, by_age);
    if (!handshake->suspended)
        TAILQ_REMOVE(&all->active, handshake, by_turn);
    handshake->open = false;
    certificate_release(handshake->certificate);
    handshake->certificate = NULL;
}

/* The client's last message has come: what comes now is requests. */
static int finished(gnutls_session_t session, unsigned type, unsigned when, unsigned incoming,
                    const gnutls_datum_t *message)
{
    struct handshake *handshake = gnutls_transport_get_ptr(session);
    (void)type;
    (void)when;
    (void)message;
    if (!incoming || !handshake->open)
        return 0;
    handshake->all->done++;
    handshake->all->resumed += gnutls_session_is_resumed(session) != 0;
    leave(handshake);
    return 0;
}

int handshakes_show(gnutls_session_t session, const gnutls_datum_t *names, int names_length,
                    const gnutls_pk_algorithm_t *algorithms, int algorithms_length, gnutls_pcert_st **chain,
                    unsigned int *chain_length, gnutls_privkey_t *key)
{
    struct handshake *handshake = gnutls_transport_get_ptr(session);
    (void)names;
    (void)names_length;
    (void)algorithms;
    (void)algorithms_length;
    if (!handshake->open)
        return -1;
    if (handshake->certificate == NULL)
        handshake->certificate = presented_take(handshake->all->presented);
    *chain = certificate_chain(handshake->certificate, chain_length);
    *key = certificate_key(handshake->certificate);
    return 0;
}

/* ---- begin and end ------------------------------------------------------------------------------------------ */

int handshakes_init(struct handshakes *handshakes, struct presented *presented, uint64_t ms_max, struct aq_error *error)
{
    *handshakes =
        (struct handshakes){.presented = presented, .ms_max = ms_max < HANDSHAKE_MS_MAX ? ms_max : HANDSHAKE_MS_MAX};
    TAILQ_INIT(&handshakes->old);
    TAILQ_INIT(&handshakes->active);
    handshakes->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (handshakes->epoll_fd < 0)
        return aq_fail_errno(error, errno, "cannot make an epoll descriptor");
    int failed = gnutls_session_ticket_key_generate(&handshakes->ticket_key);
    return failed == 0 ? 0 : aq_fail(error, AQ_E_INTERNAL, "cannot make a key: %s", gnutls_strerror(failed));
}

void handshakes_free(struct handshakes *handshakes)
{
    if (handshakes->presented == NULL)
        return;
    aq_assert(TAILQ_EMPTY(&handshakes->old));
    if (handshakes->epoll_fd >= 0)
        close(handshakes->epoll_fd);
    gnutls_memset(handshakes->ticket_key.data, 0, handshakes->ticket_key.size);
    gnutls_free(handshakes->ticket_key.data);
    *handshakes = (struct handshakes){0};
}

void handshake_begin(struct handshakes *handshakes, struct handshake *handshake, struct MHD_Connection *link, int fd)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(link, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    aq_assert(info != NULL && info->tls_session != NULL);
    gnutls_session_t session = info->tls_session;
    *handshake = (struct handshake){
        .all = handshakes, .link = link, .fd = fd, .until_ms = handshakes->now_ms + handshakes->ms_max, .open = true};
    TAILQ_INSERT_TAIL(&handshakes->old, handshake, by_age);
    TAILQ_INSERT_TAIL(&handshakes->active, handshake, by_turn);
    gnutls_transport_set_ptr2(session, handshake, (gnutls_transport_ptr_t)(intptr_t)fd);
    gnutls_transport_set_pull_function(session, pull);
    gnutls_transport_set_pull_timeout_function(session, pull_timeout);
    gnutls_handshake_set_hook_function(session, GNUTLS_HANDSHAKE_FINISHED, GNUTLS_HOOK_POST, finished);
    (void)gnutls_session_ticket_enable_server(session, &handshakes->ticket_key); /* without, sessions do not resume */
}

void handshake_end(struct handshake *handshake)
{
    if (!handshake->open)
        return;
    handshake->all->failed++;
    leave(handshake);
}

/* ---- turns ------------------------------------------------------------------------------------------------- */

static void resume(struct handshake *handshake)
{
    struct handshakes *all = handshake->all;
    int failed = epoll_ctl(all->epoll_fd, EPOLL_CTL_DEL, handshake->fd, NULL);
    aq_assert(failed == 0);
    handshake->suspended = handshake->starved = false;
    TAILQ_INSERT_TAIL(&all->active, handshake, by_turn);
    MHD_resume_connection(handshake->link);
}

/* The end of its bytes makes it fail. */
void handshake_give_up(struct handshake *handshake)
{
    if (!handshake->open || handshake->given_up)
        return;
    shutdown(handshake->fd, SHUT_RDWR);
    handshake->given_up = true;
    TAILQ_REMOVE(&handshake->all->old, handshake, by_age);
    if (handshake->suspended)
        resume(handshake);
}

void handshakes_resume(struct handshakes *handshakes, uint64_t now_ms)
{
    struct epoll_event ready[HANDSHAKES_A_TURN];
    handshakes->now_ms = now_ms;
    if (handshakes->presented == NULL || TAILQ_EMPTY(&handshakes->old))
        return;
    int count = epoll_wait(handshakes->epoll_fd, ready, HANDSHAKES_A_TURN, 0);
    for (int i = 0; i < count; i++)
        resume(ready[i].data.ptr);
    while (handshakes_due_ms(handshakes) <= now_ms)
        handshake_give_up(TAILQ_FIRST(&handshakes->old));
}

void handshakes_suspend(struct handshakes *handshakes)
{
    struct handshake *next;
    for (struct handshake *handshake = TAILQ_FIRST(&handshakes->active); handshake != NULL; handshake = next) {
        struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP, .data.ptr = handshake};
        next = TAILQ_NEXT(handshake, by_turn);
        if (!handshake->starved || handshake->given_up ||
            epoll_ctl(handshakes->epoll_fd, EPOLL_CTL_ADD, handshake->fd, &event) != 0)
            continue;
        TAILQ_REMOVE(&handshakes->active, handshake, by_turn);
        handshake->suspended = true;
        MHD_suspend_connection(handshake->link);
    }
}

uint64_t handshakes_due_ms(const struct handshakes *handshakes)
{
    const struct handshake *oldest = TAILQ_FIRST(&handshakes->old);
    return oldest != NULL ? oldest->until_ms : UINT64_MAX;
}

void handshakes_close(struct handshakes *handshakes)
{
    while (!TAILQ_EMPTY(&handshakes->old))
        handshake_give_up(TAILQ_FIRST(&handshakes->old));
}
