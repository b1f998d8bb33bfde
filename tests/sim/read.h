/* One read: what is asked, and whether the answer is what must be seen. What reads.c and read_lists.c share. */
#ifndef AQ_TESTS_SIM_READ_H
#define AQ_TESTS_SIM_READ_H

#include "tests/sim/readers.h"

enum { READ_FILTERS_MAX = 2, READ_VALUE_SIZE = 80, READ_URI_SIZE = 400, READ_LIMIT = 100 /* when none is given */ };

#define READ_INVARIANT "readers see what the events say"

/* One condition of a list. */
struct read_filter {
    const struct aq_field *field;
    enum { FILTER_EQUAL, FILTER_UNLIKE, FILTER_SINCE } how;
    char value[READ_VALUE_SIZE]; /* several between commas; a star at the end matches anything */
    uint64_t ago_s, since_ms;
};

struct read_kind;

struct read {
    struct readers *readers;
    struct sim *sim;
    const struct read_kind *kind;
    const struct aq_entity *entity;
    char user[16], key[READ_VALUE_SIZE];    /* who asks, and for what */
    uint64_t number, token;                 /* of the user who logged in, and what was verified */
    const struct aq_field *field;           /* of the row */
    const struct aq_permission *permission; /* that the answered route takes; NULL: none */
    uint64_t min_seq;                       /* 0: none */
    uint64_t begun_ms;                      /* steady */
    struct aq_clocks now;                   /* when it is asked, then when it is answered */
    char uri[READ_URI_SIZE];

    /* Of a list, or of a history. */
    struct read_filter filters[READ_FILTERS_MAX];
    unsigned n_filters, pages;
    char after[READ_VALUE_SIZE]; /* empty: from the beginning */
    uint64_t limit;              /* 0: not given */
    bool reverse, goes_on;       /* it asks for the next page, too */
};

struct read_kind {
    unsigned weight;
    bool fetched; /* from elsewhere, while the tables go on: its seq is that of a refusal, or none */
    void (*draw)(struct read *read);
    void (*add_path)(const struct read *read, struct aq_buffer *uri); /* with the query, if any */
    /* The answer is of the present seq of the log. */
    void (*check)(struct read *read, unsigned status, const json_t *answer, const char *body);
};

struct mirror *read_mirror(const struct read *read);
_Noreturn void read_wrong(const struct read *read, const char *what, const char *text);

bool read_may_see(const struct read *read, const struct aq_entity *entity, const void *row);
/* What the route takes, for rows of this owner and project. */
bool read_allows(const struct read *read, uint64_t owner, const char *project);
/* A row that is shown has what the events say. */
void read_check_row(const struct read *read, const struct aq_entity *entity, const void *row, const json_t *shown);

void read_draw_key(struct read *read); /* of a row that is there, or nearly */
void read_draw_row(struct read *read); /* an entity, and a key */

/* Sends it. The answer is compared now, or when it comes. */
void read_ask(const struct read *read);

/* ---- read_lists.c: members of a kind ------------------------------------------------------------------ */

void read_draw_list(struct read *read);
void read_add_list_path(const struct read *read, struct aq_buffer *uri);
void read_check_list(struct read *read, unsigned status, const json_t *answer, const char *body);

/* ---- read_outputs.c ----------------------------------------------------------------------------------- */

void read_draw_log(struct read *read);
void read_add_log_path(const struct read *read, struct aq_buffer *uri);
void read_check_log(struct read *read, unsigned status, const json_t *answer, const char *body);

/* A resource reads its metadata. */
void read_metadata(struct readers *readers, const struct aq_clocks *now);

#endif
