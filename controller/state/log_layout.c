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
