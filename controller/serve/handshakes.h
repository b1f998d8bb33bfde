/* Handshakes of TLS, before libmicrohttpd sees a request.
 *
 * libmicrohttpd calls GnuTLS for a handshake again and again, without a pause, until it is over: five bytes of a
 * ClientHello would keep a processor busy. So the server suspends the connection of a handshake whose next bytes have
 * not come, and waits for them itself: an unfinished handshake costs no time. It ends after HANDSHAKE_MS_MAX, and
 * counts as a connection without a valid token (connections.h). In one turn of the loop a few go on, so that many of
 * them, at about 0.7 ms each, do not keep other requests waiting.
 *
 * Serving thread, except for the figures' owner. */
#ifndef AQ_CONTROLLER_SERVE_HANDSHAKES_H
#define AQ_CONTROLLER_SERVE_HANDSHAKES_H

#include "controller/tls/presented.h"

#include <microhttpd.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

enum { HANDSHAKE_MS_MAX = 10000, HANDSHAKES_A_TURN = 8 };

struct handshakes;

/* Of one connection; owned by it, and zeroed until it begins. */
struct handshake {
    TAILQ_ENTRY(handshake) by_age, by_turn;
    struct handshakes *all;
    struct MHD_Connection *link;
    struct certificate *certificate; /* shown to it, and held until it is over */
    int fd;
    uint64_t until_ms;
    bool open;      /* begun, and not over */
    bool given_up;  /* it will fail as soon as libmicrohttpd runs */
    bool starved;   /* its next bytes have not come */
    bool suspended; /* and so is its connection */
};

TAILQ_HEAD(handshake_list, handshake);

struct handshakes {
    struct presented *presented;
    gnutls_datum_t
        ticket_key; /* seals what clients show to resume a session; GnuTLS derives short-lived keys from it */
    int epoll_fd;   /* readable when a suspended handshake can go on */
    struct handshake_list old;    /* all that are open and not given up, the oldest first */
    struct handshake_list active; /* those that are not suspended */
    uint64_t ms_max;              /* for one of them */
    uint64_t now_ms;              /* of the turn; steady */
    uint64_t done, resumed, failed;
};

/* `presented` must outlive them. One takes `ms_max` at most, and never more than HANDSHAKE_MS_MAX. */
int handshakes_init(struct handshakes *handshakes, struct presented *presented, uint64_t ms_max,
                    struct aq_error *error) AQ_MUST_CHECK;
void handshakes_free(struct handshakes *handshakes); /* none is open; zeroed memory is fine */

/* Start options of libmicrohttpd for a daemon with TLS. */
#define HANDSHAKES_OPTIONS                                                                                             \
    MHD_OPTION_HTTPS_CERT_CALLBACK, handshakes_show, MHD_OPTION_HTTPS_PRIORITIES, handshakes_priorities
extern const char handshakes_priorities[];
int handshakes_show(gnutls_session_t session, const gnutls_datum_t *names, int names_length,
                    const gnutls_pk_algorithm_t *algorithms, int algorithms_length, gnutls_pcert_st **chain,
                    unsigned int *chain_length, gnutls_privkey_t *key);

/* A connection with TLS is opened, and closed. */
void handshake_begin(struct handshakes *handshakes, struct handshake *handshake, struct MHD_Connection *link, int fd);
void handshake_end(struct handshake *handshake);
/* Ends it now, if it is open: its connection is closed when libmicrohttpd runs. */
void handshake_give_up(struct handshake *handshake);

/* Before libmicrohttpd runs: resumes those whose bytes have come, and ends those that are late. */
void handshakes_resume(struct handshakes *handshakes, uint64_t now_ms);
/* After it: suspends those that wait. */
void handshakes_suspend(struct handshakes *handshakes);
/* When the next one is late; UINT64_MAX: none is open. */
uint64_t handshakes_due_ms(const struct handshakes *handshakes);
/* Ends all, so that libmicrohttpd can be stopped after its next run. */
void handshakes_close(struct handshakes *handshakes);

#endif
