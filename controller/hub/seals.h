/* The hub's ends of sealed sessions (schema/wire/sealed.h), found by the number in a frame.
 *
 * A session is begun by whoever sends the first message of a handshake with a key that a node has. A handshake is only
 * done when that message shows that the key's holder has made it, and that it is none of those that came before since
 * the hub was started (schema/wire/opening.h). So strangers cost agents nothing. It may still be a recording from
 * before the start. So a new session only waits: it ends no other, and stands for no sign of life, until a message
 * under its keys has come; and what the agent itself sends is newer than every recording. Few sessions wait for each
 * key, and few are in use, since an agent's directory may have been copied, and both agents must be told apart
 * (rivals.h). Sessions end when they are old, agents begin others in time; and at once when no node has their key any
 * more. The handshakes of each key have a budget.
 *
 * Agents whose key no node has yet join (schema/wire/join.h). The number of those under way is bounded; one more takes
 * the place of the oldest. They are strangers, and have a budget for each address and for all (budget.h). */
#ifndef AQ_CONTROLLER_HUB_SEALS_H
#define AQ_CONTROLLER_HUB_SEALS_H

#include "controller/hub/budget.h"
#include "schema/wire/join.h"
#include "schema/wire/signature.h"

enum {
    SEALS_JOINS_MAX = 256,  /* agents that are joining */
    SEALS_MAX = 1 << 17,    /* sessions */
    SEALS_WAITING_MAX = 4,  /* of one key */
    SEALS_USED_MAX = 3,     /* the same */
    SEALS_AT_ONCE = 256,    /* handshakes of one key: an agent, or a few that have copies of its directory, */
    SEALS_PER_S = 10,       /* and how many more in a second */
    SEALS_WAIT_MS = 15000,  /* for the first message of a session */
    SEALS_OLD_MS = 1800000, /* a session ends; agents begin another one after half of that at most */
    SEALS_SWEEP = 4096      /* sessions that a tick looks at */
};

/* Who the hub is. */
struct hub_identity {
    struct aq_noise_pair key;
    /* The proof that it is of its cluster: the authority's public key, and its signature of our key. */
    unsigned char authority[AQ_PUBLIC_KEY_MAX], signature[AQ_SIGNATURE_MAX];
    size_t authority_length, signature_length;
};

/* The sessions of one key. Zeroed memory has none. */
struct seals_holder {
    uint64_t waiting[SEALS_WAITING_MAX], used[SEALS_USED_MAX]; /* numbers; 0: none */
    bool opened;                                               /* `opening` is known */
    unsigned char opening[AQ_OPENING_KEY_SIZE];                /* key of the tags */
    uint64_t stamp;                                            /* the greatest that has come */
    struct budget_purse purse;                                 /* of its handshakes */
};

/* The holder of a key that a node has; NULL: no node has it. */
typedef struct seals_holder *seals_find_fn(void *context, const unsigned char key[AQ_NOISE_KEY_SIZE]);

struct seal;

struct hub_seals {
    struct hub_identity own;
    seals_find_fn *find;
    void *context;
    struct seal **slots; /* the lowest bits of a session's number are its place */
    uint32_t count;      /* places that have been in use */
    uint32_t *free_slots, free_count, free_capacity;
    uint32_t swept;
    uint64_t joins[SEALS_JOINS_MAX]; /* numbers; 0: none */
    uint32_t last_join;
    uint64_t now_ms, heard; /* messages so far */
    struct hub_budget budget;
};

void seals_open(struct hub_seals *seals, const struct hub_identity *own, seals_find_fn *find, void *context,
                uint64_t now_ms);
void seals_close(struct hub_seals *seals);                 /* does nothing to zeroed memory */
void seals_tick(struct hub_seals *seals, uint64_t now_ms); /* call it a few times per second */

/* Its key is gone, or changes. */
void seals_holder_wipe(struct seals_holder *holder);

/* Who has sealed a question, and what its answer must be bound to. */
struct seals_author {
    uint64_t session, counter;
    bool joins; /* no node has the key yet: it has sent ENROL */
    unsigned char key[AQ_NOISE_KEY_SIZE];
};

enum seals_result {
    SEALS_OPENED,  /* `body` is an agent's message, which has never come before, */
    SEALS_ENROLS,  /* or the message `enrol` of an agent whose key no node has */
    SEALS_REPLIED, /* `reply` must be sent in answer: nothing has been shown by this frame, */
    SEALS_OPENS,   /* or that an agent has made it, not long ago or before the hub was started */
    SEALS_DENIED,  /* the same, and the frame was no agent's */
    SEALS_DROPPED, /* a message that came before: nothing to do */
    SEALS_FOREIGN  /* not a frame, or forged */
};

/* Takes a frame that came from `source`. Replaces the contents of `body` or `reply`. */
enum seals_result seals_take(struct hub_seals *seals, const void *bytes, size_t length, const struct hub_source *source,
                             struct seals_author *author, struct aq_buffer *body,
                             struct aq_buffer *reply) AQ_MUST_CHECK;

/* Whoever has sent ENROL has enrolled: what its handshake took from the budget is given back. Call it once. */
void seals_trust(struct hub_seals *seals, const struct seals_author *author);

/* Seals an answer. False: the session has ended, or no node has its key any more. */
bool seals_seal(struct hub_seals *seals, const struct seals_author *author, const struct aq_buffer *body,
                struct aq_buffer *out) AQ_MUST_CHECK;

#endif
