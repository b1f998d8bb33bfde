#include "controller/state/counters.h"

#include "controller/state/store.h"
#include "schema/base/put.h"

#include <string.h>

/* ---- rows --------------------------------------------------------------------------------------------- */

static void read_row(struct state_txn *txn, struct store_counter *counter)
{
    const void *value;
    size_t length;
    memset(counter->numbers, 0, sizeof counter->numbers);
    if (!index_get(txn, INDEX_META, &counter->key, &value, &length))
        return;
    if (length == counter->count * sizeof(uint64_t))
        memcpy(counter->numbers, value, length);
    else
        store_damage(txn, value, index_table(INDEX_META));
}

static void write_row(struct state_txn *txn, const struct store_counter *counter)
{
    uint64_t any = 0;
    for (unsigned i = 0; i < counter->count; i++)
        any |= counter->numbers[i];
    if (any == 0)
        index_remove(txn, INDEX_META, &counter->key);
    else
        index_put(txn, INDEX_META, &counter->key, counter->numbers, counter->count * sizeof(uint64_t));
}

/* ---- what the transaction knows of them --------------------------------------------------------------- */

struct store_counters *counters_new(void)
{
    struct store_counters *counters = aq_malloc(sizeof *counters); /* not cleared: few places are used */
    counters->known = counters->dirty = 0;
    return counters;
}

void counters_flush(struct state_txn *txn)
{
    struct store_counters *counters = txn->counters;
    for (unsigned place; counters->dirty != 0; counters->dirty &= counters->dirty - 1) {
        place = (unsigned)__builtin_ctzll(counters->dirty);
        write_row(txn, &counters->at[place]);
    }
}

void counters_forget(struct state_txn *txn)
{
    aq_assert(txn->counters->dirty == 0);
    txn->counters->known = 0;
}

static void fill(struct state_txn *txn, struct store_counter *counter, const struct state_key *key, unsigned count)
{
    counter->count = count;
    counter->key.length = key->length;
    memcpy(counter->key.bytes, key->bytes, key->length);
    read_row(txn, counter);
}

/* The place of the counter, which is read if the transaction does not know it yet. */
static unsigned find(struct state_txn *txn, const struct state_key *key, unsigned count)
{
    struct store_counters *counters = txn->counters;
    unsigned place = state_key_hash(key->bytes, key->length, 0) % STORE_COUNTERS;
    const uint64_t bit = UINT64_C(1) << place;
    struct store_counter *counter = &counters->at[place];
    if ((counters->known & bit) && state_key_equals(&counter->key, key->bytes, key->length))
        return place;
    if (counters->dirty & bit) /* another one was here */
        write_row(txn, counter);
    fill(txn, counter, key, count);
    counters->known |= bit;
    counters->dirty &= ~bit;
    return place;
}

/* The numbers of a counter that has `count` of them. */
static void get_numbers(struct state_txn *txn, const struct state_key *key, unsigned count, uint64_t *numbers)
{
    struct store_counter own;
    const struct store_counter *counter = &own;
    if (txn->counters != NULL)
        counter = &txn->counters->at[find(txn, key, count)];
    else
        fill(txn, &own, key, count);
    memcpy(numbers, counter->numbers, count * sizeof *numbers);
}

/* The same, to be changed before the next call. */
static uint64_t *edit_numbers(struct state_txn *txn, const struct state_key *key, unsigned count)
{
    unsigned place = find(txn, key, count);
    txn->counters->dirty |= UINT64_C(1) << place;
    return txn->counters->at[place].numbers;
}

static uint64_t get(struct state_txn *txn, const struct state_key *key)
{
    uint64_t value;
    get_numbers(txn, key, 1, &value);
    return value;
}

static void set(struct state_txn *txn, const struct state_key *key, uint64_t value)
{
    *edit_numbers(txn, key, 1) = value;
}

static void add(struct state_txn *txn, const struct state_key *key, int change)
{
    uint64_t value = get(txn, key);
    if (txn->error.code != AQ_OK)
        return; /* the value may be wrong */
    aq_assert(change >= 0 || value >= (uint64_t)-change);
    set(txn, key, value + (uint64_t)change);
}

/* ---- names -------------------------------------------------------------------------------------------- */

/* The key of the counter "<kind><name>". */
static struct state_key key_of(const char *kind, const char *name)
{
    struct state_key key;
    key.length = strlen(kind);
    memcpy(key.bytes, kind, key.length);
    state_key_add_text(&key, name);
    return key;
}

static struct state_key key_of_last_id(const struct aq_entity *entity)
{
    return key_of("next/", entity->name);
}

static struct state_key key_of_version(const char *label)
{
    return key_of("version/", label);
}

static struct state_key key_of_number(const char *kind, uint64_t number)
{
    char digits[AQ_PUT_NUMBER_MAX + 1];
    *aq_put_u64(digits, number) = '\0';
    return key_of(kind, digits);
}

static struct state_key key_of_open_by_user(uint64_t user_number)
{
    return key_of_number("open/user/", user_number);
}

static struct state_key key_of_open_by_label(uint64_t label_id)
{
    return key_of_number("open/label/", label_id);
}

/* ---- each kind ---------------------------------------------------------------------------------------- */

uint64_t counter_last_id(struct state_txn *txn, const struct aq_entity *entity)
{
    struct state_key key = key_of_last_id(entity);
    return get(txn, &key);
}

void counter_set_last_id(struct state_txn *txn, const struct aq_entity *entity, uint64_t id)
{
    struct state_key key = key_of_last_id(entity);
    set(txn, &key, id);
}

uint64_t counter_label_version(struct state_txn *txn, const char *label)
{
    struct state_key key = key_of_version(label);
    return get(txn, &key);
}

void counter_set_label_version(struct state_txn *txn, const char *label, uint64_t version)
{
    struct state_key key = key_of_version(label);
    set(txn, &key, version);
}

uint64_t counter_open_of_user(struct state_txn *txn, uint64_t user_number)
{
    struct state_key key = key_of_open_by_user(user_number);
    return get(txn, &key);
}

uint64_t counter_open_of_label(struct state_txn *txn, uint64_t label_id)
{
    struct state_key key = key_of_open_by_label(label_id);
    return get(txn, &key);
}

void counter_add_open(struct state_txn *txn, uint64_t user_number, uint64_t label_id, int change)
{
    struct state_key of_user = key_of_open_by_user(user_number), of_label = key_of_open_by_label(label_id);
    add(txn, &of_user, change);
    add(txn, &of_label, change);
}

static struct state_key key_of_lost(enum counter_lost kind)
{
    static const char *const names[COUNTER_LOST_KINDS] = {"nodes", "epochs"};
    return key_of("lost/", names[kind]);
}

uint64_t counter_lost(struct state_txn *txn, enum counter_lost kind)
{
    struct state_key key = key_of_lost(kind);
    return get(txn, &key);
}

bool counter_has_lost(struct state_txn *txn, enum counter_lost kind)
{
    if (txn->lost[kind] == STORE_LOST_UNKNOWN)
        txn->lost[kind] = counter_lost(txn, kind) > 0 ? STORE_LOST_SOME : STORE_LOST_NONE;
    return txn->lost[kind] == STORE_LOST_SOME;
}

void counter_add_lost(struct state_txn *txn, enum counter_lost kind, int change)
{
    struct state_key key = key_of_lost(kind);
    add(txn, &key, change);
    txn->lost[kind] = STORE_LOST_UNKNOWN;
}

static struct state_key key_of_usage(const char *project, uint64_t user_number)
{
    struct state_key key = key_of_number("usage/", user_number);
    state_key_add_text(&key, project); /* behind the NUL */
    return key;
}

struct counter_usage counter_usage(struct state_txn *txn, const char *project, uint64_t user_number)
{
    struct state_key key = key_of_usage(project, user_number);
    uint64_t numbers[STORE_NUMBERS];
    get_numbers(txn, &key, STORE_NUMBERS, numbers);
    return (struct counter_usage){{numbers[0], numbers[1], numbers[2], numbers[3]}, numbers[4]};
}

void counter_set_usage(struct state_txn *txn, const char *project, uint64_t user_number,
                       const struct counter_usage *usage)
{
    struct state_key key = key_of_usage(project, user_number);
    const struct aq_amounts *held = &usage->held;
    const uint64_t numbers[STORE_NUMBERS] = {held->cpu, held->ram, held->disk, held->slots, usage->open};
    memcpy(edit_numbers(txn, &key, STORE_NUMBERS), numbers, sizeof numbers);
}

uint64_t counter_get(struct state_txn *txn, const char *name)
{
    struct state_key key = key_of("", name);
    return get(txn, &key);
}

void counter_set(struct state_txn *txn, const char *name, uint64_t value)
{
    struct state_key key = key_of("", name);
    set(txn, &key, value);
}
