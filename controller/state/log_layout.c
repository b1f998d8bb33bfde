#include "controller/state/log_layout.h"

#include "controller/lmdb/address.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

/* Each step is a bijection, so inputs that differ in one word never give the same sum. */
static uint64_t mix(uint64_t sum, uint64_t word)
{
    sum = (sum ^ word) * UINT64_C(0x9E3779B97F4A7C15);
    return sum ^ (sum >> 32);
}

uint64_t log_check(uint64_t index, const struct log_head *head, const void *payload)
{
    const unsigned char *bytes = payload;
    size_t left = head->size;
    uint64_t word, sum = mix(mix(mix(index, head->term), (uint64_t)head->type << 32 | head->size), head->first_seq);
    if (head->type & LOG_COMMITS)
        sum = mix(sum, head->commit);
    for (; left >= sizeof word; bytes += sizeof word, left -= sizeof word) {
        memcpy(&word, bytes, sizeof word);
        sum = mix(sum, word);
    }
    word = 0;
    if (left > 0)
        memcpy(&word, bytes, left);
    return mix(sum, word);
}

void log_row_write(void *row, uint64_t index, const struct log_head *head, const void *payload)
{
    struct log_head whole = *head;
    whole.type |= LOG_CHECKED | LOG_COMMITS;
    whole.check = log_check(index, &whole, payload);
    memcpy(row, &whole, sizeof whole);
    if (whole.size > 0)
        memcpy((char *)row + sizeof whole, payload, whole.size);
}

/* Leaves the flags in head->type. */
static int read_head(uint64_t index, const unsigned char *row, size_t length, struct log_head *head,
                     const void **payload, struct aq_error *error)
{
    *head = (struct log_head){0};
    if (length < LOG_HEAD_PLAIN_SIZE)
        return aq_fail(error, AQ_E_CORRUPT, "log entry %" PRIu64 " is cut short", index);
    memcpy(head, row, LOG_HEAD_PLAIN_SIZE);
    size_t head_size = head->type & LOG_COMMITS   ? sizeof *head
                       : head->type & LOG_CHECKED ? LOG_HEAD_CHECKED_SIZE
                                                  : LOG_HEAD_PLAIN_SIZE;
    if (length < head_size || head->size != length - head_size)
        return aq_fail(error, AQ_E_CORRUPT, "log entry %" PRIu64 " should have %" PRIu32 " bytes, but has %zu", index,
                       head->size, length < head_size ? 0 : length - head_size);
    if (head_size > LOG_HEAD_PLAIN_SIZE)
        memcpy(&head->first_seq, row + offsetof(struct log_head, first_seq), sizeof head->first_seq);
    if (head_size == sizeof *head)
        memcpy(&head->commit, row + offsetof(struct log_head, commit), sizeof head->commit);
    if (head_size > LOG_HEAD_PLAIN_SIZE)
        memcpy(&head->check, row + head_size - sizeof head->check, sizeof head->check);
    *payload = row + head_size;
    return 0;
}

int log_head_read(uint64_t index, const void *row, size_t length, struct log_head *head, const void **payload,
                  struct aq_error *error)
{
    if (read_head(index, row, length, head, payload, error) != 0)
        return -1;
    head->type &= ~(LOG_CHECKED | LOG_COMMITS);
    return 0;
}

int log_row_read(uint64_t index, const void *row, size_t length, struct log_head *head, const void **payload,
                 struct aq_error *error)
{
    if (read_head(index, row, length, head, payload, error) != 0)
        return -1;
    if (head->type & (LOG_CHECKED | LOG_COMMITS) && log_check(index, head, *payload) != head->check)
        return aq_fail(error, AQ_E_CORRUPT,
                       "log entry %" PRIu64 " (seq %" PRIu64 ") is damaged: its bytes are not what was written", index,
                       head->first_seq);
    head->type &= ~(LOG_CHECKED | LOG_COMMITS);
    return 0;
}

int log_number_read(const void *bytes, size_t length, uint64_t *number, struct aq_error *error)
{
    const unsigned char *digits = bytes;
    if (length != sizeof *number) {
        char place[LMDB_PLACE_SIZE];
        lmdb_address_show(bytes, place);
        return aq_fail(error, AQ_E_CORRUPT, "%s: a number of %zu bytes", place, length);
    }
    *number = 0;
    for (size_t i = 0; i < sizeof *number; i++)
        *number = *number << 8 | digits[i];
    return 0;
}

int log_fail_chain(uint64_t index, uint64_t first_seq, struct aq_error *error)
{
    return aq_fail(error, AQ_E_CORRUPT,
                   "log entry %" PRIu64 " (seq %" PRIu64
                   ") does not follow the one before it: the hash chain is broken",
                   index, first_seq);
}

/* ---- numbers ------------------------------------------------------------------------------------------ */

struct log_number log_number_make(const char *name, uint64_t number)
{
    const struct log_head head = {.size = (uint32_t)strlen(name), .first_seq = number};
    return (struct log_number){number, log_check(0, &head, name)}; /* no entry has this index */
}

static int fail_number(const void *place, const char *name, struct aq_error *error)
{
    char words[LMDB_PLACE_SIZE];
    lmdb_address_show(place, words);
    return aq_fail(error, AQ_E_CORRUPT, "%s: the log's %s is not what was written", words, name);
}

int log_number_take(struct log_numbers *numbers, const void *name, size_t name_length, const void *row, size_t length,
                    struct aq_error *error)
{
    const struct {
        const char *name;
        uint64_t *out;
    } known[] = {{LOG_TERM, &numbers->term},
                 {LOG_VOTE, &numbers->vote},
                 {LOG_COMMIT, &numbers->commit},
                 {LOG_CONFIGURATION, &numbers->configuration}};
    struct log_number found;
    size_t i = 0;
    while (i < AQ_LENGTH(known) &&
           (strlen(known[i].name) != name_length || memcmp(known[i].name, name, name_length) != 0))
        i++;
    if (i == AQ_LENGTH(known))
        return fail_number(name, "name of a number", error);
    if (length != sizeof found && length != sizeof found.number)
        return fail_number(row, known[i].name, error);
    memcpy(&found, row, length);
    if (length == sizeof found && found.check != log_number_make(known[i].name, found.number).check)
        return fail_number(row, known[i].name, error);
    *known[i].out = found.number;
    return 0;
}
