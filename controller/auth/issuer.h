/* What the controller writes into join tokens: where its hub is, and by what the cluster is known. */
#ifndef AQ_CONTROLLER_AUTH_ISSUER_H
#define AQ_CONTROLLER_AUTH_ISSUER_H

#include "schema/wire/join_text.h"

/* Filled before the first token is made, and then left as it is; the texts outlive it. */
struct issuer {
    const char *fingerprint;  /* of the cluster's authority */
    struct aq_list addresses; /* of the hub: ADDRESS:PORT, 1 to AQ_JOIN_ADDRESSES_MAX */
};

/* Names the hub's addresses: those of `advertised`, a list of ADDRESS or ADDRESS:PORT, if there are any; else
 * `address`, on which the hub listens; and if that stands for all addresses, those of the host's interfaces, without
 * loopback unless there is no other. Texts are in `arena`. */
int issuer_set_addresses(struct issuer *issuer, const struct aq_list *advertised, const char *address, uint64_t port,
                         struct aq_arena *arena, struct aq_error *error) AQ_MUST_CHECK;
/* Is it ADDRESS or ADDRESS:PORT? The check of the setting. */
int issuer_check_addresses(const struct aq_list *advertised, struct aq_error *error) AQ_MUST_CHECK;

/* A warning for the user that makes a join token; NULL: there is none. */
const char *issuer_warning(const struct issuer *issuer);

/* Makes the text of a join token, in `arena`, and the text of the secret in it. */
const char *issuer_make_join_text(const struct issuer *issuer, char secret[AQ_JOIN_SECRET_SIZE],
                                  struct aq_arena *arena);

#endif
