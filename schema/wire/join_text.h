/* The text of a join token: all that an agent needs to find its cluster, to know it, and to enrol there.
 *
 *     aqjoin_<base64url>      one word. What is encoded: a byte, the version; the packed record below; and, as text at
 *                             the end, a checksum (codec/checksum.h) of all that comes before it
 *
 * Whoever has the text can enrol: it is a secret. It must not stand on a command line, which everybody on the host can
 * read. */
#ifndef AQ_SCHEMA_WIRE_JOIN_TEXT_H
#define AQ_SCHEMA_WIRE_JOIN_TEXT_H

#include "schema/model/record.h"
#include "schema/wire/signature.h"

enum {
    AQ_JOIN_TEXT_VERSION = 1,
    AQ_JOIN_TEXT_MAX = 2048, /* characters */
    AQ_JOIN_ADDRESSES_MAX = 8,
    AQ_JOIN_SECRET_BYTES = 32,
    AQ_JOIN_SECRET_SIZE = 2 * AQ_JOIN_SECRET_BYTES + 1 /* of its text, with the NUL */
};

/* What enrols with it. */
#define AQ_JOIN_ROLES(W) W(AQ_JOIN_NODE, "node", "an agent, for a node")
AQ_DECLARE_WORDS(aq_join_role, AQ_JOIN_ROLES)

/* clang-format off */
#define aq_join_text_fields(F, T)                                                                                      \
    F(T, role,        ENUM(aq_join_role),              AQ_REQUIRED, "what enrols with it")                             \
    F(T, addresses,   TEXTS(1, AQ_JOIN_ADDRESSES_MAX), AQ_REQUIRED, "of hubs: ADDRESS:PORT")                           \
    F(T, fingerprint, BYTES(32, 32),                   AQ_REQUIRED, "of the cluster's authority")                      \
    F(T, secret,      BYTES(32, 32),                   AQ_REQUIRED, "that the joiner says when it knows the cluster")
AQ_DECLARE(aq_join_text)
/* clang-format on */

/* The text, with what it says; in `arena`. `fingerprint` is as aq_fingerprint_make() writes it. */
const char *aq_join_text_make(enum aq_join_role role, const struct aq_list *addresses, const char *fingerprint,
                              const unsigned char secret[AQ_JOIN_SECRET_BYTES], struct aq_arena *arena);

/* What a text says. */
struct aq_join_said {
    enum aq_join_role role;
    struct aq_list addresses; /* of texts; in the arena */
    char fingerprint[AQ_FINGERPRINT_SIZE];
    char secret[AQ_JOIN_SECRET_SIZE]; /* as it is sent, and hashed by the controller */
};

/* The secret as it is sent: hexadecimal digits. */
void aq_join_secret_text(const unsigned char secret[AQ_JOIN_SECRET_BYTES], char out[AQ_JOIN_SECRET_SIZE]);

/* Reads a text; blanks around it are ignored. Fails with AQ_E_INVALID, and does not repeat what may be a secret. */
int aq_join_text_read(const char *text, struct aq_join_said *said, struct aq_arena *arena,
                      struct aq_error *error) AQ_MUST_CHECK;

#endif
