/* Entries of the log. An entry is one batch of decisions, each with its events.
 *
 * `seq` counts events from 1 over the whole life of the cluster; a decision is identified by the seq of its last
 * event. Every entry holds the BLAKE2b hash of the one before it, so that the log is a chain. */
#ifndef AQ_SCHEMA_CODEC_ENTRY_H
#define AQ_SCHEMA_CODEC_ENTRY_H

#include "schema/model/command.h"
#include "schema/model/entity.h"
#include "schema/model/event.h"

enum { AQ_ENTRY_FORMAT = 1, AQ_HASH_SIZE = 32, AQ_KEY_SIZE_MAX = 64, AQ_BATCH_COMMANDS_MAX = 4096 };

/* clang-format off */
#define aq_logged_event_fields(F, T)                                                                                   \
    F(T, code,    U64(1, 65535),     0, "code of the event")                                                           \
    F(T, version, U64(1, 65535),     0, "version of its declaration")                                                  \
    F(T, data,    BYTES(0, 2097152), 0, "its packed record")
AQ_DECLARE(aq_logged_event)

/* A command that changed nothing has no events. It is logged only if it has an idempotency key, so that its answer is
 * remembered. */
#define aq_logged_decision_fields(F, T)                                                                                \
    F(T, author,      TEXT(0, 80),                     0, "who gave the command: a user, node:<name> or aquarium")     \
    F(T, command,     U64(1, 65535),                   0, "code of the command")                                       \
    F(T, key,         TEXT(0, AQ_KEY_SIZE_MAX),        0, "idempotency key; empty: none")                              \
    F(T, fingerprint, U64(0, UINT64_MAX),              0,                                                              \
      "of the request: tells a repetition from another use of its key")                                                \
    F(T, id,          TEXT(0, 64),                     0, "key of the row it created or changed")                      \
    F(T, events,      LIST(aq_logged_event, 0, 65536), 0, "what happened")                                             \
    F(T, rows,        U64(0, AQ_BATCH_COMMANDS_MAX),   0, "how many rows it created or changed, with a key; 0: one")   \
    F(T, ids,         TEXTS(0, AQ_BATCH_COMMANDS_MAX), 0,                                                              \
      "the keys of all of them, if they are not consecutive numbers from `id` on")
AQ_DECLARE(aq_logged_decision)

#define aq_entry_fields(F, T)                                                                                          \
    F(T, format,    U64(1, 1),                          0, "of the entry")                                             \
    F(T, previous,  BYTES(AQ_HASH_SIZE, AQ_HASH_SIZE),  0, "hash of the entry before")                                 \
    F(T, time,      TIME,                               0, "when it was decided")                                      \
    F(T, first_seq, U64(1, UINT64_MAX),                 0, "seq of its first event")                                   \
    F(T, decisions, LIST(aq_logged_decision, 1, 65536), 0, "in order")
AQ_DECLARE(aq_entry)
/* clang-format on */

/* The bytes of an entry, and their hash, which the next entry holds. */
void aq_entry_pack(const struct aq_entry *entry, struct aq_buffer *out);
void aq_entry_hash(const void *data, size_t length, unsigned char hash[AQ_HASH_SIZE]);
/* Does the entry hold `hash` as that of the entry before it? Checks nothing else. */
bool aq_entry_follows(const void *data, size_t length, const unsigned char hash[AQ_HASH_SIZE]);
int aq_entry_unpack(struct aq_entry *entry, const void *data, size_t length, struct aq_arena *arena,
                    struct aq_error *error) AQ_MUST_CHECK;

/* One event, as readers see it. */
struct aq_event {
    uint64_t seq;
    uint64_t time_ms;
    const char *author;
    const struct aq_command *command;
    const struct aq_event_type *type;
    const void *data; /* the struct of type->record */
};

/* Decodes one logged event, of older versions too. Memory comes from `arena`. */
int aq_event_unpack(const struct aq_logged_event *logged, struct aq_event *event, struct aq_arena *arena,
                    struct aq_error *error) AQ_MUST_CHECK;

/* Appends {"seq":7,"time":"...","author":"admin","command":"application_create","event":"application_created",
 * "entity":"application","data":{...}} */
void aq_event_to_json(const struct aq_event *event, struct aq_buffer *out);

#endif
